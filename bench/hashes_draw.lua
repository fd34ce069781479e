--- bench/hashes_draw: FOLDER COUNT [FIRST]: short films, of raw pixels, no two of one scene: hills of noise, plates
-- of colour, waves; all move a little.
local folder, count = arg[1], tonumber(arg[2])
local WIDTH, HEIGHT, FRAMES = 192, 144, 5
local ffi = require "ffi"

local state
local function draw()
  state = (state * 16807) % 2147483647
  return state / 2147483647
end

--- Noise between random heights on grids that get finer.
local function hills()
  local grids = {}
  for octave = 1, 5 do
    local n = 2 ^ (octave + 1)
    local grid = { n = n, weight = 0.6 ^ octave }
    for i = 0, (n + 2) * (n + 2) do grid[i] = draw() end
    grids[octave] = grid
  end
  return function(u, v)
    local sum = 0
    for octave = 1, 5 do
      local g = grids[octave]
      local x, y = u * g.n, v * g.n
      local i, j = math.floor(x), math.floor(y)
      local s, t, row = x - i, y - j, g.n + 2
      s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
      local a, b = g[j * row + i], g[j * row + i + 1]
      local c, d = g[(j + 1) * row + i], g[(j + 1) * row + i + 1]
      sum = sum + g.weight * (a + (b - a) * s + (c + (d - c) * s - a - (b - a) * s) * t)
    end
    return sum / 1.4
  end
end

local function plates()
  local list, ground = {}, hills()
  for i = 1, 12 + math.floor(20 * draw()) do
    list[i] = { x = draw(), y = draw(), r = 0.04 + 0.2 * draw(), tall = 0.5 + 1.5 * draw(), shade = draw(),
      round = draw() < 0.5 }
  end
  return function(u, v)
    local shade = 0.5 * ground(u, v)
    for i = 1, #list do
      local p = list[i]
      local dx, dy = math.abs(u - p.x), math.abs(v - p.y) * p.tall
      if p.round and dx * dx + dy * dy < p.r * p.r or not p.round and dx < p.r and dy < p.r then shade = p.shade end
    end
    return shade
  end
end

local function waves()
  local list = {}
  for i = 1, 24 do
    local length, turn = 0.5 + 9 * draw(), 2 * math.pi * draw()
    list[i] = { length * math.cos(turn), length * math.sin(turn), 2 * math.pi * draw(), draw() / length }
  end
  return function(u, v)
    local sum = 0
    for i = 1, 24 do
      local w = list[i]
      sum = sum + w[4] * math.sin(2 * math.pi * (w[1] * u + w[2] * v) + w[3])
    end
    return 0.5 + 0.25 * sum
  end
end

local kinds = { hills, plates, waves }
local pixels = ffi.new("uint8_t[?]", WIDTH * HEIGHT * 3)
local first = tonumber(arg[3] or 0)
for clip = first, first + count - 1 do
  state = clip * 7919 + 17
  for _ = 1, 5 do draw() end
  local scene, red, blue = kinds[clip % 3 + 1](), 0.6 + 0.4 * draw(), 0.6 + 0.4 * draw()
  local across, down, f = 0.1 * draw(), 0.1 * draw(), assert(io.open(("%s/drawn-%d.raw"):format(folder, clip), "wb"))
  for frame = 0, FRAMES - 1 do
    local at = 0
    for y = 0, HEIGHT - 1 do
      for x = 0, WIDTH - 1 do
        local shade = scene(0.8 * x / WIDTH + across * frame / FRAMES, 0.8 * y / HEIGHT + down * frame / FRAMES)
        shade = math.max(0, math.min(1, shade)) * 255
        pixels[at], pixels[at + 1], pixels[at + 2] = shade * red, shade, shade * blue
        at = at + 3
      end
    end
    f:write(ffi.string(pixels, WIDTH * HEIGHT * 3))
  end
  f:close()
end
