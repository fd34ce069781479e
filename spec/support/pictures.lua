--- pictures: small real media made in memory, each different, so that specs need no files.
local M = {}

local function le16(n) return string.char(n % 256, math.floor(n / 256) % 256) end

local serial = 0

--- A GIF89a of `frames` frames of 2 x 2 pixels, `delay` hundredths each, `moving` along a diagonal or all alike; no two
-- calls give the same bytes.
function M.gif(options)
  options = options or {}
  serial = serial + 1
  local width, height = options.width or 2, options.height or 2
  local out = { "GIF89a", le16(width), le16(height), "\128\0\0", "\255\0\0", "\0\0\255" }
  if (options.frames or 1) > 1 then out[#out + 1] = "\33\255\11NETSCAPE2.0\3\1\0\0\0" end
  local note = ("spec %d %d"):format(serial, math.random(1e9))
  out[#out + 1] = "\33\254" .. string.char(#note) .. note .. "\0"
  for i = 1, options.frames or 1 do
    local at = options.moving and 2 * i % (math.min(width, height) - 2) or 0
    out[#out + 1] = "\33\249\4\0" .. le16(options.delay or 10) .. "\0\0"
    out[#out + 1] = "\44" .. le16(at) .. le16(at) .. le16(2) .. le16(2) .. "\0\2\3\68\2\5\0"
  end
  out[#out + 1] = ";"
  return table.concat(out)
end

--- A GIF of four frames of `side` x `side` pixels of noise, about 4 MB for 1000: the hardest picture to make small. Its
-- codes are a byte each, for the table is cleared before they grow.
function M.noise(side)
  local out, grey = { "GIF89a", le16(side), le16(side), "\246\0\0" }, {}
  for i = 0, 127 do grey[i + 1] = string.char(2 * i, 255 - 2 * i, (i * 37) % 256) end
  out[#out + 1] = table.concat(grey)
  for _ = 1, 4 do
    out[#out + 1] = "\33\249\4\0\10\0\0\0\44\0\0\0\0" .. le16(side) .. le16(side) .. "\0\7"
    for at = 1, side * side, 120 do
      local codes = { "\128" }
      for i = 1, math.min(120, side * side - at + 1) do codes[i + 1] = string.char(math.random(0, 127)) end
      local block = table.concat(codes)
      out[#out + 1] = string.char(#block) .. block
    end
    out[#out + 1] = "\1\129\0"
  end
  out[#out + 1] = ";"
  return table.concat(out)
end

return M
