--- testing/pictures: small real media made in memory, each different, so that tests need no files.
local M = {}

local function le16(n) return string.char(n % 256, math.floor(n / 256) % 256) end

local serial = 0

--- A GIF89a of `frames` pictures, `delay` hundredths each. options = { width = 2, height = 2, frames = 1, delay = 10 }
function M.gif(options)
  options = options or {}
  serial = serial + 1
  local out = { "GIF89a", le16(options.width or 2), le16(options.height or 2), "\128\0\0", "\255\0\0", "\0\0\255" }
  if (options.frames or 1) > 1 then out[#out + 1] = "\33\255\11NETSCAPE2.0\3\1\0\0\0" end
  local note = ("test %d"):format(serial)
  out[#out + 1] = "\33\254" .. string.char(#note) .. note .. "\0"
  for _ = 1, options.frames or 1 do
    out[#out + 1] = "\33\249\4\0" .. le16(options.delay or 10) .. "\0\0"
    out[#out + 1] = "\44\0\0\0\0" .. le16(2) .. le16(2) .. "\0\2\3\68\2\5\0"
  end
  out[#out + 1] = ";"
  return table.concat(out)
end

return M
