--- flow/recipe: renditions that somebody asks for by a recipe: what one may say, and what it is called afterwards.
--
-- The rendition of a recipe is a row like any other, named "r-" and the beginning of the recipe's digest: the same
-- recipe is made once, and served at /a/ID/NAME.
local S = require "gifd.schema"

local M = {}

local function whole(min, max) return S.optional(S.integer { min = min, max = max }) end
local function seconds(max) return S.optional(S.number { min = 0, max = max }) end

M.schema = S.record {
  format = S.one_of { "jpeg", "png", "gif", "webp", "mp4", "webm" },
  width = whole(1, 16384), height = whole(1, 16384),
  at = seconds(3600), from = seconds(3600), to = seconds(3600), repeat_to = seconds(60),
  fps = S.optional(S.number { min = 0.1, max = 120 }), frames = whole(1, 10000),
  loop = whole(0, 65535),
  quality = whole(1, 100), bitrate = whole(1, 1e9),
  colors = whole(2, 256), lossy = whole(1, 200),
  dither = S.optional(S.one_of { "auto", "none", "ordered", "diffuse" }),
  budget = S.optional(S.bytes { min = 1, max = 2 ^ 30 }), floor = S.optional(S.number { min = 0, max = 1 }),
  background = whole(0, 0xffffff),
}

local stills, films = { jpeg = true, png = true }, { mp4 = true, webm = true }
local moving = { gif = true, webp = true, mp4 = true, webm = true }
local gif = { gif = true }
--- Which formats know a field; all of them where nothing is said.
local known = { at = stills, from = moving, to = moving, fps = moving, frames = moving, loop = moving,
  repeat_to = films, bitrate = films, colors = gif, dither = gif, lossy = gif,
  quality = { jpeg = true, webp = true, mp4 = true, webm = true } }
local quality_most = { mp4 = 51, webm = 63 }
local enemies = { { "quality", "bitrate" }, { "fps", "frames" } }

--- Pure: array of { keys, message } about fields that do not go together; recipe has passed the schema.
function M.faults(recipe)
  local out = {}
  local function fault(name, fmt, ...) out[#out + 1] = { keys = { "recipe", name }, message = fmt:format(...) } end
  for name in pairs(recipe) do
    if known[name] and not known[name][recipe.format] then fault(name, "does not go with %s", recipe.format) end
  end
  for _, pair in ipairs(enemies) do
    if recipe[pair[1]] and recipe[pair[2]] then fault(pair[2], "contradicts %s", pair[1]) end
  end
  local most = quality_most[recipe.format]
  if most and (recipe.quality or 0) > most then fault("quality", "must be at most %d for %s", most, recipe.format) end
  if recipe.to and recipe.to <= (recipe.from or 0) then fault("to", "must come after from") end
  if recipe.floor and not recipe.budget then fault("floor", "goes with budget only") end
  table.sort(out, function(a, b) return a.keys[2] < b.keys[2] end)
  return out
end

--- Pure: the same text for the same recipe.
local function canonical(recipe)
  local names, out = {}, {}
  for name in pairs(recipe) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = ("%s=%s"):format(name, tostring(recipe[name])) end
  return table.concat(out, "&")
end

function M.name(recipe) return "r-" .. gifd.crypto.sha256(canonical(recipe)):sub(1, 16) end

return M
