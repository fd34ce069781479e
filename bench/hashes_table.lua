--- bench/hashes_table: FOLDER: what bench/hashes_look found, compared. Of each picture of a changed clip: is one of its
-- own clip's within the distance; and of how many pairs with pictures of other clips is that so?
local bit = require "bit"
local folder = arg[1]
local changes = { "reencoded.mp4", "half.gif", "faster.gif", "caption.gif", "crop2.gif", "crop5.gif", "corner5.gif" }
local distances = { 8, 16, 24, 31, 40, 48, 64 }

local ones = {}
for i = 0, 65535 do
  local n, v = 0, i
  while v > 0 do n, v = n + v % 2, math.floor(v / 2) end
  ones[i] = n
end

local function words(hex)
  local out = {}
  for i = 1, 8 do out[i] = tonumber(hex:sub(8 * i - 7, 8 * i), 16) end
  return out
end

local function apart(a, b)
  local n = 0
  for i = 1, 8 do
    local x = bit.bxor(a[i], b[i])
    n = n + ones[bit.band(x, 65535)] + ones[bit.rshift(x, 16)]
  end
  return n
end

local clips, names = {}, {}
for line in io.lines(folder .. "/hashes") do
  local name, what, list = line:match("^(%S+) (%S+) ?(.*)$")
  local clip = names[name]
  if not clip then
    clip = { drawn = name:match("^drawn") ~= nil, changed = {} }
    names[name], clips[#clips + 1] = clip, clip
  end
  local found = {}
  for hex in list:gmatch("%x+") do found[#found + 1] = words(hex) end
  if what == "own" or what == "windows" then clip[what] = found else clip.changed[what] = found end
end

local function least(hash, list)
  local best = 256
  for i = 1, #list do best = math.min(best, apart(hash, list[i])) end
  return best
end

local function row(what, values)
  local out = { ("%-22s"):format(what) }
  for i, v in ipairs(values) do out[i + 1] = ("%9s"):format(v) end
  print(table.concat(out))
end

local function recall(change, stored, drawn)
  local pictures, within = 0, {}
  for _, clip in ipairs(clips) do
    if clip.drawn == drawn then
      for _, h in ipairs(clip.changed[change]) do
        pictures = pictures + 1
        local d = least(h, clip[stored])
        for i, most in ipairs(distances) do within[i] = (within[i] or 0) + (d <= most and 1 or 0) end
      end
    end
  end
  for i in ipairs(distances) do within[i] = ("%.3f"):format((within[i] or 0) / pictures) end
  within[#within + 1] = pictures
  row(change:match("^%w+"), within)
end

local function strangers(stored)
  local pairs_, within = 0, {}
  for i in ipairs(distances) do within[i] = 0 end
  for i, clip in ipairs(clips) do
    for j = 1, clip.drawn and #clips or 0 do
      if i ~= j and clips[j].drawn then
        for _, h in ipairs(clip.changed["reencoded.mp4"]) do
          local list = clips[j][stored]
          for n = 1, #list do
            local d = apart(h, list[n])
            pairs_ = pairs_ + 1
            if d <= 64 then
              for k, most in ipairs(distances) do if d <= most then within[k] = within[k] + 1 end end
            end
          end
        end
      end
    end
  end
  for i, n in ipairs(within) do within[i] = ("%.1e"):format(n / pairs_) end
  within[#within + 1] = pairs_
  row("strangers", within)
end

for _, stored in ipairs { "own", "windows" } do
  for _, drawn in ipairs { true, false } do
    local n = 0
    for _, clip in ipairs(clips) do n = n + (clip.drawn == drawn and 1 or 0) end
    print(("\n%s; %d clips %s"):format(stored == "own" and "pictures as they are" or "pictures and windows of them", n,
      drawn and "drawn" or "of the corpus"))
    row("within", distances)
    for _, change in ipairs(changes) do recall(change, stored, drawn) end
    if drawn then strangers(stored) end
  end
end