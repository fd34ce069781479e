--- ladder: which renditions there may be of an asset, as data: rungs { name, format, fields of a recipe, at_once }.
--
--   rungs (below) + config.lua `renditions` --M.new--> ladder --hook `renditions`, for each asset--> its own ladder
--
-- A rung's file is NAME.EXT, the end of its address. Numbers are what GIPHY, Tenor and the platforms ask for. A recipe
-- is a bound: nothing is scaled up, nothing is cut that is shorter. Pure.
local S = require "gifd.schema"
local nearest = require "gifd.nearest"

local M = {}

M.extensions = { jpeg = "jpg", png = "png", gif = "gif", webp = "webp", mp4 = "mp4", webm = "webm" }
M.types = { jpeg = "image/jpeg", png = "image/png", gif = "image/gif", webp = "image/webp", mp4 = "video/mp4",
  webm = "video/webm" }
local films = { mp4 = true, webm = true }

local fields = { "width", "height", "at", "from", "to", "repeat_to", "fps", "frames", "quality", "bitrate", "audio",
  "colors", "lossy", "floor", "loop", "background", "budget", "dither" }

local docs = {
  width = "pixels at most", height = "pixels at most", at = "seconds into it: the one picture of a still",
  from = "seconds into it: where it begins", to = "seconds into it: where it ends",
  repeat_to = "seconds that a shorter one is repeated for", fps = "pictures a second at most",
  frames = "pictures at most", quality = "of the encoder, 1 to 100", colors = "of a GIF, at most",
  audio = "bits a second of sound of a film; else there is none",
  lossy = "how far colours of a GIF may go from what they were, 0 for not at all",
  floor = "likeness to the original below which nothing is saved", loop = "times it plays; 0: for ever",
}

--- One rung as config.lua and plugins may give it.
local rung = {
  name = S.string { pattern = "^[a-z][a-z0-9_-]*$", max = 32, expects = "must be a-z, 0-9, _ and -, from a letter on",
    doc = "the begin of its file's name" },
  format = S.one_of { "png", "jpeg", "gif", "webp", "mp4", "webm", doc = "of the file" },
  at_once = S.optional(S.boolean { doc = "made with the upload, not when it is asked for first" }),
  dither = S.optional(S.one_of { "auto", "none", "ordered", "diffuse",
    doc = "of a GIF: how colours that it has not are mixed" }),
}
for _, field in ipairs(fields) do
  rung[field] = rung[field] or S.optional(S.number { min = 0, max = 4e6, doc = docs[field] })
end
rung.background = S.optional(S.integer { min = 0, max = 0xffffff, doc = "0xRRGGBB under transparent pixels" })
rung.budget = S.optional(S.bytes { min = 1000, doc = "bytes at most" })
rung.bitrate = S.optional(S.number { min = 1e4, max = 1e8, doc = "bits a second" })
M.rung = S.record(rung, { doc = "a recipe with a name" })
M.most = 100

local own = {}
local function add(name, formats, recipe)
  for _, format in ipairs(formats) do
    local one = { name = name, format = format }
    for key, value in pairs(recipe or {}) do one[key] = value end
    if recipe and recipe.still and format ~= "jpeg" and format ~= "png" then one.frames = 1 end
    one.still = nil
    own[#own + 1] = one
  end
end

local function under(bytes) return bytes - 1 end

-- At the size of the source; a name alone means its first format.
add("poster", { "jpeg", "webp" }, { still = true })
add("still", { "png" })
for _, format in ipairs { "mp4", "webm", "webp", "gif" } do add(format, { format }) end

-- GIPHY's
for _, grid in ipairs { { "fixed_height", height = 200 }, { "fixed_height_small", height = 100 },
                        { "fixed_width", width = 200 }, { "fixed_width_small", width = 100 } } do
  local width, height = grid.width, grid.height
  add(grid[1], { "gif", "mp4", "webp" }, { width = width, height = height })
  add(grid[1] .. "_still", { "gif", "jpeg" }, { width = width, height = height, still = true })
end
add("fixed_height_downsampled", { "gif", "webp" }, { height = 200, frames = 6 })
add("fixed_width_downsampled", { "gif", "webp" }, { width = 200, frames = 6 })
add("downsized", { "gif" }, { budget = under(2e6) })
add("downsized_medium", { "gif" }, { budget = under(5e6) })
add("downsized_large", { "gif" }, { budget = under(8e6) })
add("downsized_small", { "mp4" }, { budget = under(200e3) })
add("preview", { "mp4" }, { to = 2, width = 320, budget = under(50e3) })
add("preview_gif", { "gif" }, { to = 2, width = 220, budget = under(50e3) })
add("looping", { "mp4" }, { repeat_to = 15 })

-- Tenor's
add("loopedmp4", { "mp4" }, { repeat_to = 15 })
add("mediumgif", { "gif" }, { lossy = 80 })
add("tinygif", { "gif" }, { width = 220 })
add("tinywebp", { "webp" }, { width = 220 })
add("nanogif", { "gif" }, { height = 90 })
add("nanowebp", { "webp" }, { height = 90 })
add("tinymp4", { "mp4" }, { width = 320 })
add("tinywebm", { "webm" }, { width = 320 })
add("nanomp4", { "mp4" }, { width = 150 })
add("nanowebm", { "webm" }, { width = 150 })

-- Platforms
add("discord", { "gif" }, { width = 498, budget = under(8e6) })
add("discord", { "mp4" }, { width = 1280, height = 720, budget = under(8e6) })
add("slack", { "gif" }, { width = 480, budget = under(2e6) })
add("slack", { "mp4" }, { width = 1920, height = 1080 })
add("teams", { "gif" }, { width = 1024, height = 1024, budget = under(1e6) })
add("twitter", { "mp4" }, { width = 1280, height = 1024, fps = 60 })
add("twitter", { "gif" }, { width = 1280, height = 1080, frames = 350, budget = under(15e6) })
add("facebook", { "mp4" }, { width = 1280, height = 720 })
add("facebook", { "gif" }, { width = 480, budget = under(8e6) })
add("web_1080p", { "mp4" }, { width = 1920, height = 1080 })
add("web_720p", { "mp4" }, { width = 1280, height = 720 })
add("generic", { "mp4" })
add("card", { "jpeg" }, { width = 600, height = 600, still = true })

function M.file(one) return one.name .. "." .. M.extensions[one.format] end

--- What config.lua may say about it.
M.settings = S.record({
  at_once = S.list { of = S.string { min = 1, max = 40 }, max = 16, default = { "poster", "mp4", "tinygif" },
    doc = "made with the upload, in one decode; NAME or NAME.EXT" },
  background = S.boolean { default = false, doc = "all others are made in the background; else when asked for first" },
  without = S.list { of = S.string { min = 1, max = 40 }, max = M.most, default = {},
    doc = "not made at all; NAME or NAME.EXT" },
  own = S.list { of = M.rung, max = 32, default = {},
    doc = "further ones, or in place of those of the same name and format" },
  matte = S.integer { default = 0xffffff, min = 0, max = 0xffffff,
    doc = "0xRRGGBB under transparent pixels where the format has none" },
  pixels = S.number { default = 5e9, min = 1e6, max = 1e15,
    doc = "width times height times frames of all renditions of one asset" },
  pixels_waiting = S.number { default = 20e9, min = 1e6, max = 1e15,
    doc = "of all renditions that wait to be made; beyond it a request is told to come back" },
}, { doc = "which renditions are made of an asset, and when" })

--- Rungs by what names them: "poster" (its first format) and "poster.webp"; and all in order.
local function index(list)
  local ladder = { list = list, by_name = {}, by_file = {} }
  for _, one in ipairs(list) do
    ladder.by_name[one.name] = ladder.by_name[one.name] or one
    ladder.by_file[M.file(one)] = one
  end
  return ladder
end

function M.find(ladder, word) return ladder.by_file[word] or ladder.by_name[word] end

--- All that a word of config.lua means: those of a name, or the one of a file.
local function matching(list, word, what)
  local out = {}
  for _, one in ipairs(list) do
    if one.name == word or M.file(one) == word then out[#out + 1] = one end
  end
  if not out[1] then error(("renditions.%s: there is no rendition %q"):format(what, word), 0) end
  return out
end

local function copy(one)
  local out = {}
  for key, value in pairs(one) do out[key] = value end
  return out
end

--- Words of the settings that name no rendition: fault(keys, message, nearest).
function M.check(settings, fault)
  local words = {}
  for _, list in ipairs { own, settings.own } do
    for _, one in ipairs(list) do
      words[#words + 1], words[#words + 2] = one.name, M.file(one)
      words[one.name], words[M.file(one)] = true, true
    end
  end
  for _, what in ipairs { "without", "at_once" } do
    for i, word in ipairs(settings[what]) do
      if not words[word] then
        fault({ "renditions", what, i }, "there is no rendition of this name", nearest(word, words))
      end
    end
  end
end

--- The ladder of these settings; throws a text that names what is not there.
function M.new(settings)
  local list, taken = {}, {}
  for _, one in ipairs(settings.own) do taken[M.file(one)] = true end
  for _, one in ipairs(own) do if not taken[M.file(one)] then list[#list + 1] = copy(one) end end
  for _, one in ipairs(settings.own) do list[#list + 1] = copy(one) end
  local gone, kept = {}, {}
  for _, word in ipairs(settings.without) do
    for _, one in ipairs(matching(list, word, "without")) do gone[one] = true end
  end
  for _, one in ipairs(list) do if not gone[one] then kept[#kept + 1] = one end end
  for _, word in ipairs(settings.at_once) do matching(kept, word, "at_once")[1].at_once = true end
  return index(kept)
end

--- The ladder that a plugin made of it -> ladder, or nil, what is wrong.
function M.of(list)
  local seen = {}
  for _, one in ipairs(list) do
    local file = M.file(one)
    if seen[file] then return nil, ("name: %q is there twice as %s"):format(one.name, one.format) end
    seen[file] = true
  end
  return index(list)
end

--- The file at the size of the source for an extension.
M.of_extension = { gif = "gif.gif", webp = "webp.webp", png = "still.png", jpg = "poster.jpg", jpeg = "poster.jpg",
  mp4 = "mp4.mp4", webm = "webm.webm" }

--- Why there cannot be this one of this asset, or nil.
function M.impossible(one, asset)
  if films[one.format] and asset.frames < 2 then return "a picture that stands still is no film" end
end

--- Does it show all that the source shows? Then the source's own bytes will do in its place.
local function shows_all(recipe, asset)
  if recipe.at or recipe.from or recipe.to or recipe.frames or recipe.repeat_to or recipe.loop then return false end
  return not (recipe.format == "png" or recipe.format == "jpeg") or asset.frames < 2
end

--- May the source's own bytes serve under its name if they are no more? What has sound has to lose it.
function M.may_be_source(recipe, asset)
  return M.types[recipe.format] == asset.type and not asset.has_audio and shows_all(recipe, asset)
end

--- What was made in the format, size and timing of the source is no smaller: the source's own bytes serve.
function M.source_will_do(recipe, asset, output)
  local f = output.facts
  return M.may_be_source(recipe, asset) and output.bytes >= asset.bytes and f.width == asset.width
    and f.height == asset.height and f.duration_ms == asset.duration_ms
    and (not recipe.fps or f.frames == asset.frames)
end

--- Is it the source, without making anything: a film that nothing has to be done to.
function M.is_source(recipe, asset)
  if not films[recipe.format] or not M.may_be_source(recipe, asset) then return false end
  return not (recipe.width or recipe.height or recipe.fps or recipe.quality or recipe.bitrate or recipe.budget)
end

--- The recipe of gifd.media.render for this asset, without what would change nothing: equal ones are made once.
function M.recipe(one, asset, matte)
  local out = { format = one.format, background = matte }
  for _, field in ipairs(fields) do if one[field] ~= nil then out[field] = one[field] end end
  local by_width, by_height = (out.width or math.huge) / asset.width, (out.height or math.huge) / asset.height
  if by_width >= 1 or by_height < by_width then out.width = nil end
  if by_height >= 1 or by_width <= by_height then out.height = nil end
  if out.frames and out.frames > 1 and asset.frames <= out.frames then out.frames = nil end
  local seconds = (asset.duration_ms or 0) / 1000
  if out.to and out.to >= seconds then out.to = nil end
  if out.repeat_to and out.repeat_to <= seconds then out.repeat_to = nil end
  if out.budget and asset.bytes and asset.bytes <= out.budget and M.may_be_source(out, asset) then
    out.budget, out.floor = nil, nil
  end
  return out
end

--- A recipe as text, always the same for the same.
function M.text(recipe)
  local keys, out = {}, {}
  for key in pairs(recipe) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local value = recipe[key]
    out[i] = ('"%s":%s'):format(key, type(value) == "string" and '"' .. value .. '"' or ("%.14g"):format(value))
  end
  return "{" .. table.concat(out, ",") .. "}"
end

local SEARCH = 4 -- encodes that a budget takes, mostly

local sides = { mp4 = { 4096, 4096 * 2304 }, webm = { 4096, 4096 * 2304 }, webp = { 16383, 64e6 },
  gif = { 65535, 64e6 } }

local function round(n) return math.floor(n + 0.5) end

--- Width and height that it will have.
function M.size(recipe, asset)
  local side = sides[recipe.format] or { 65535, 65535 ^ 2 }
  local most_w, most_h = math.min(recipe.width or side[1], side[1]), math.min(recipe.height or side[1], side[1])
  local f = math.min(1, most_w / asset.width, most_h / asset.height)
  if asset.width * asset.height * f * f > side[2] then f = math.sqrt(side[2] / (asset.width * asset.height)) end
  local w = math.max(1, math.min(round(asset.width * f), math.floor(most_w)))
  local h = math.max(1, math.min(round(asset.height * f), math.floor(most_h)))
  if films[recipe.format] then w, h = w + w % 2, h + h % 2 end
  return w, h
end

--- Pixels of work: what budgets count.
function M.pixels(recipe, asset)
  local w, h = M.size(recipe, asset)
  local still = recipe.format == "png" or recipe.format == "jpeg"
  local frames = still and 1 or math.min(recipe.frames or math.huge, asset.frames)
  local seconds = (asset.duration_ms or 0) / 1000
  if recipe.repeat_to and seconds > 0 then frames = frames * math.ceil(recipe.repeat_to / seconds) end
  if recipe.to and seconds > 0 then frames = math.ceil(frames * math.min(1, recipe.to / seconds)) end
  return w * h * frames * (recipe.budget and SEARCH or 1)
end

return M
