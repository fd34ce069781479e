--- scenes: GIFs with something to see on them: grey waves of many lengths, which can be drawn at any size and through
-- any window, so that one scene can be compared with itself.
local M = {}

local WAVES, GREYS = 80, 64

local function waves_of(seed)
  local state, out = seed * 7919 + 17, {}
  local function draw()
    state = (state * 16807) % 2147483647
    return state / 2147483647
  end
  draw()
  for i = 1, WAVES do
    local length, turn = 0.5 + 9 * draw(), 2 * math.pi * draw()
    out[i] = { length * math.cos(turn), length * math.sin(turn), 2 * math.pi * draw(), draw() / length }
  end
  return out
end

local function le16(n) return string.char(n % 256, math.floor(n / 256) % 256) end

--- Codes of seven bits; the table is cleared before they would grow.
local function packed(pixels)
  local bytes, held, bits = {}, 0, 0
  local function put(code)
    held, bits = held + code * 2 ^ bits, bits + 7
    while bits >= 8 do
      bytes[#bytes + 1] = string.char(held % 256)
      held, bits = math.floor(held / 256), bits - 8
    end
  end
  for i, pixel in ipairs(pixels) do
    if i % 60 == 1 then put(GREYS) end
    put(pixel)
  end
  put(GREYS + 1)
  if bits > 0 then bytes[#bytes + 1] = string.char(held % 256) end
  local text, out = table.concat(bytes), {}
  for at = 1, #text, 255 do
    local part = text:sub(at, at + 254)
    out[#out + 1] = string.char(#part) .. part
  end
  return table.concat(out) .. "\0"
end

--- options: seed, width, height, frames (each another scene), cut (how much of each side is not seen, of 1)
function M.gif(options)
  local width, height, cut = options.width or 160, options.height or 120, options.cut or 0
  local out = { "GIF89a", le16(width), le16(height), "\245\0\0" }
  for i = 0, GREYS - 1 do out[#out + 1] = string.char(i * 4):rep(3) end
  for frame = 1, options.frames or 1 do
    local waves, pixels = waves_of(options.seed + frame * 1000), {}
    for y = 0, height - 1 do
      local v = cut + (1 - 2 * cut) * (y + 0.5) / height
      for x = 0, width - 1 do
        local u, sum = cut + (1 - 2 * cut) * (x + 0.5) / width, 0
        for _, w in ipairs(waves) do sum = sum + w[4] * math.sin(2 * math.pi * (w[1] * u + w[2] * v) + w[3]) end
        pixels[#pixels + 1] = math.max(0, math.min(GREYS - 1, math.floor(32 + 8 * sum)))
      end
    end
    out[#out + 1] = "\33\249\4\0" .. le16(50) .. "\0\0\44\0\0\0\0" .. le16(width) .. le16(height)
    out[#out + 1] = "\0\6" .. packed(pixels)
  end
  return table.concat(out) .. ";"
end

return M
