--- recipes: what people may ask of a picture or film, in their words, and what that is to gifd.media. Pure.
--
--   { transcode = { container, video, audio, audio_bitrate, bitrate | crf | quality, width, height, fps, from, to,
--     loop } }
--   { thumbnail = { at, width, height, format } }     { gif = { width, colors, dither, lossy, budget, ... } }
--   { frames = { count | times, width, height, format } }     { format = ..., and any field of gifd.media.render }
--
-- The kind may also stand inside: { type = "gif", width = 320 }. What is unknown, out of bounds or a contradiction is
-- refused by name. Left out: H.264 at 1 Mbit/s, without sound; with audio = "aac" (mp4) or "opus" (webm) at 128 kbit/s;
-- a thumbnail at 1 s, 320 wide; all colours.
local S = require "gifd.schema"

local M = {}

M.frames_most = 64

local side = S.optional(S.integer { min = 1, max = 65535 })
local time = S.optional(S.number { min = 0, max = 3600 })
local loop = S.optional(S.integer { min = 0, max = 65535 })
local fps = S.optional(S.number { min = 0.1, max = 120 })
local still = S.one_of { "png", "jpeg", default = "png" }

local function bitrate(min, max, expects)
  return S.either { S.string { pattern = "^%d+%.?%d*[kM]$" }, S.number { min = min, max = max }, optional = true,
    expects = "must be " .. expects }
end

local kinds = {
  transcode = S.record {
    container = S.one_of { "mp4", "webm", "webp", "gif", default = "mp4" },
    video = S.optional(S.one_of { "h264", "vp9" }),
    audio = S.optional(S.one_of { "none", "aac", "opus" }),
    audio_bitrate = bitrate(16000, 320000, '16000 to 320000 bits a second, such as "128k"'),
    bitrate = bitrate(1e4, 1e8, '10000 to 100000000 bits a second, such as "800k" or "1M"'),
    crf = S.optional(S.integer { min = 1, max = 63 }),
    quality = S.either { S.one_of { "low", "medium", "high" }, S.integer { min = 1, max = 100 }, optional = true,
      expects = "must be low, medium or high, or 1 to 100" },
    width = side, height = side, fps = fps, from = time, to = time, loop = loop,
  },
  thumbnail = S.record {
    at = S.number { min = 0, max = 3600, default = 1 }, width = side, height = side,
    format = S.one_of { "jpeg", "png", "webp", "gif", default = "jpeg" },
    quality = S.optional(S.integer { min = 1, max = 100 }),
  },
  gif = S.record {
    width = side, height = side, fps = fps, from = time, to = time, loop = loop,
    colors = S.optional(S.integer { min = 2, max = 256 }),
    dither = S.optional(S.one_of { "auto", "none", "ordered", "diffuse" }),
    lossy = S.optional(S.integer { min = 1, max = 200 }),
    budget = S.optional(S.bytes { min = 100, max = 2 ^ 40 }),
    floor = S.optional(S.number { min = 0.001, max = 0.999 }),
  },
  frames = S.record {
    count = S.optional(S.integer { min = 1, max = M.frames_most }),
    times = S.optional(S.list { of = S.number { min = 0, max = 3600 }, min = 1, max = M.frames_most }),
    width = side, height = side, format = still,
  },
}
M.kinds = { "frames", "gif", "thumbnail", "transcode" }

local function whole(min, max) return S.optional(S.integer { min = min, max = max }) end
kinds.render = S.record {
  format = S.one_of { "jpeg", "png", "gif", "webp", "mp4", "webm" },
  width = side, height = side, at = time, from = time, to = time,
  repeat_to = S.optional(S.number { min = 0, max = 60 }),
  fps = fps, frames = whole(1, 10000), loop = loop, quality = whole(1, 100), bitrate = whole(1e4, 1e8),
  audio = whole(16000, 320000),
  colors = whole(2, 256), lossy = whole(1, 200), background = whole(0, 0xffffff),
  dither = S.optional(S.one_of { "auto", "none", "ordered", "diffuse" }),
  budget = S.optional(S.bytes { min = 100, max = 2 ^ 40 }), floor = S.optional(S.number { min = 0.001, max = 0.999 }),
}

local stills, films = { jpeg = true, png = true }, { mp4 = true, webm = true }
local moving, gif = { gif = true, webp = true, mp4 = true, webm = true }, { gif = true }
--- Which formats know a field; all of them where nothing is said.
local known = { at = stills, from = moving, to = moving, fps = moving, frames = moving, loop = moving,
  repeat_to = films, bitrate = films, audio = films, colors = gif, dither = gif, lossy = gif,
  quality = { jpeg = true, webp = true, mp4 = true, webm = true } }
local quality_most = { mp4 = 51, webm = 63 }

local codecs = { mp4 = "h264", webm = "vp9" }
local sounds = { mp4 = "aac", webm = "opus" }
local crf = { mp4 = { low = 28, medium = 23, high = 18 }, webm = { low = 40, medium = 33, high = 26 } }
local webp = { low = 60, medium = 75, high = 90 }

local function bits(value)
  if type(value) ~= "string" then return value end
  return tonumber(value:match("^[%d.]+")) * (value:match("M$") and 1e6 or 1e3)
end

--- What the schema cannot say: -> field, message, or nil
local contradicts = {}

function contradicts.transcode(r)
  local film = codecs[r.container]
  local sound = r.audio ~= nil and r.audio ~= "none"
  if sound and r.audio ~= sounds[r.container] then
    local own = sounds[r.container]
    return "audio", ("%s does not go in %s%s"):format(r.audio, r.container, own and ": it has " .. own or "")
  end
  if r.audio_bitrate and not sound then return "audio_bitrate", 'goes with audio "aac" or "opus" only' end
  local sound_rate = bits(r.audio_bitrate)
  if sound_rate and (sound_rate < 16000 or sound_rate > 320000) then
    return "audio_bitrate", "must be 16k to 320k"
  end
  if r.video and r.video ~= film then return "video", ("%s does not go in %s"):format(r.video, r.container) end
  local given = {}
  for _, name in ipairs { "bitrate", "crf", "quality" } do if r[name] then given[#given + 1] = name end end
  if given[2] then return given[2], ("contradicts %s"):format(given[1]) end
  for _, name in ipairs { "bitrate", "crf" } do
    if r[name] and not film then return name, "does not go with " .. r.container end
  end
  if r.quality and r.container == "gif" then return "quality", "does not go with gif: lossy and colors do" end
  if type(r.quality) == "number" and r.container ~= "webp" then return "quality", "must be low, medium or high" end
  local rate = bits(r.bitrate)
  if rate and (rate < 1e4 or rate > 1e8) then return "bitrate", "must be 10k to 100M" end
  if r.crf and r.container == "mp4" and r.crf > 51 then return "crf", "must be at most 51" end
  if r.loop and film then return "loop", ("does not go with %s: its player decides"):format(r.container) end
end

function contradicts.render(r)
  for _, name in ipairs { "at", "from", "to", "fps", "frames", "loop", "repeat_to", "bitrate", "audio", "colors",
    "dither", "lossy", "quality" } do
    if r[name] and not known[name][r.format] then return name, "does not go with " .. r.format end
  end
  if r.quality and r.bitrate then return "bitrate", "contradicts quality" end
  if r.audio and r.repeat_to then return "repeat_to", "contradicts audio" end
  if r.fps and r.frames then return "frames", "contradicts fps" end
  local most = quality_most[r.format]
  if most and (r.quality or 0) > most then return "quality", ("must be at most %d for %s"):format(most, r.format) end
  return contradicts.gif(r)
end

function contradicts.gif(r)
  if r.floor and not r.budget then return "floor", "goes with budget only" end
end

function contradicts.frames(r)
  if r.count and r.times then return "times", "contradicts count" end
  if not r.count and not r.times then return "count", "is required, or times" end
end

function contradicts.thumbnail(r)
  if r.quality and (r.format == "png" or r.format == "gif") then
    return "quality", "does not go with " .. r.format
  end
end

local function fault(keys, message) return nil, { { keys = keys, path = S.path(keys), message = message } } end

--- -> kind, fields, where they stand; or nil, faults
local function kind_of(value, place)
  if type(value) ~= "table" then return fault(place, "must be an object") end
  if value.format ~= nil and value.type == nil then return "render", value, place end
  local name = next(value)
  if name ~= nil and next(value, name) == nil and kinds[name] then
    place[#place + 1] = name
    return name, value[name], place
  end
  if kinds[value.type] then
    local rest = {}
    for key, item in pairs(value) do if key ~= "type" then rest[key] = item end end
    return value.type, rest, place
  end
  return fault(place, "must be one of " .. table.concat(M.kinds, ", ") .. ', as {"gif": {...}}')
end

--- place: keys to where it stands, or nil -> { kind, ...fields }, or nil, faults { keys, path, message, nearest }
function M.check(value, place)
  local kind, fields, keys = kind_of(value, { unpack(place or {}) })
  if not kind then return nil, fields end
  local r, faults = S.check(kinds[kind], fields, { keys = keys })
  if faults[1] then return nil, faults end
  local field, message = nil, nil
  if contradicts[kind] then field, message = contradicts[kind](r) end
  if not field and r.from and r.to and r.to <= r.from then field, message = "to", "must come after from" end
  if field then
    keys[#keys + 1] = field
    return fault(keys, message)
  end
  r.kind = kind
  return r
end

--- Faults as one line.
function M.text(faults)
  local first = faults[1]
  return (first.path ~= "" and first.path .. " " or "the recipe ") .. first.message
    .. (first.nearest and ", did you mean " .. first.nearest .. "?" or "")
end

--- n / 2 rounded to even, as Python's round().
local function half_even(x)
  local low = math.floor(x)
  local rest = x - low
  if rest > 0.5 or rest == 0.5 and low % 2 == 1 then return low + 1 end
  return low
end

--- Which of `total` frames, from 0, show all of it in n pictures.
function M.indices(total, n)
  local out = {}
  if n >= total then
    for i = 0, total - 1 do out[#out + 1] = i end
  elseif n == 1 then
    out[1] = 0
  else
    for i = 0, n - 1 do out[#out + 1] = half_even(i * (total - 1) / (n - 1)) end
  end
  return out
end

--- Seconds at which the frames with these indices begin.
local function starts(delays_ms, indices)
  local at, begins, out = 0, {}, {}
  for i, ms in ipairs(delays_ms) do
    begins[i - 1] = at / 1000
    at = at + ms
  end
  for i, index in ipairs(indices) do out[i] = begins[index] end
  return out
end

local function nonzero(n) return n and n > 0 and n or nil end

local make = {}

function make.transcode(r)
  local out = { format = r.container, width = r.width, height = r.height, fps = r.fps, from = nonzero(r.from),
    to = r.to, loop = r.loop }
  if codecs[r.container] then
    out.quality, out.bitrate = r.crf or crf[r.container][r.quality], bits(r.bitrate)
    if not out.quality and not out.bitrate then out.bitrate = 1e6 end
    if r.audio == sounds[r.container] then out.audio = bits(r.audio_bitrate) or 128000 end
  elseif r.container == "webp" then
    out.quality = webp[r.quality] or r.quality or 80
  end
  return { out }
end

function make.render(r)
  local out = {}
  for name, value in pairs(r) do out[name] = value end
  out.kind, out.at, out.from = nil, nonzero(r.at), nonzero(r.from)
  return { out }
end

function make.thumbnail(r)
  local out = { format = r.format, width = r.width, height = r.height, quality = r.quality }
  if not r.width and not r.height then out.width = 320 end
  if r.format == "jpeg" or r.format == "png" then out.at = nonzero(r.at)
  else out.from, out.frames = nonzero(r.at), 1 end
  return { out }
end

function make.gif(r)
  local out = { format = "gif", from = nonzero(r.from) }
  for _, name in ipairs { "width", "height", "fps", "to", "loop", "colors", "dither", "lossy", "budget", "floor" } do
    out[name] = r[name]
  end
  return { out }
end

function make.frames(r, facts)
  local out = {}
  local times = r.times or starts(facts.delays_ms, M.indices(#facts.delays_ms, r.count))
  for i, at in ipairs(times) do
    out[i] = { format = r.format, width = r.width, height = r.height, at = nonzero(at) }
  end
  return out
end

--- A checked recipe as those of gifd.media.render. facts: of gifd.media.times where frames are counted.
function M.media(r, facts) return make[r.kind](r, facts) end

--- Does M.media need to know when each frame is shown?
function M.needs_times(r) return r.kind == "frames" and r.count ~= nil end

return M
