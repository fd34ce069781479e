-- fill: what a benchmark asks for, put into a running server: GIFs of exact sizes, and short links by their own codes.
--
--   luajit bench/fill.lua URL TOKEN media            prints GIFD_PATH_4k=/a/ID ... for 4k, 100k, 1m, 8m
--   luajit bench/fill.lua URL TOKEN tiny             prints /a/ID of 60 bytes, once it has its poster
--   luajit bench/fill.lua URL TOKEN links COUNT      makes the codes c0 .. c(COUNT-1)
local socket = require "socket"
local url, token, what, count = arg[1], arg[2], arg[3], tonumber(arg[4] or 0)
local host, port = url:match("^http://([^:/]+):(%d+)")

local function connect()
  local c = assert(socket.connect(host, tonumber(port)))
  c:setoption("tcp-nodelay", true)
  c:settimeout(30)
  return c
end

local function read_reply(c)
  local status = tonumber(assert(c:receive("*l")):match("^HTTP/1%.1 (%d+)"))
  local length = 0
  while true do
    local line = assert(c:receive("*l"))
    if line == "" then break end
    length = tonumber(line:lower():match("^content%-length:%s*(%d+)")) or length
  end
  return status, length > 0 and assert(c:receive(length)) or ""
end

local function head(method, path, type, length)
  return ("%s %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"):format(method, path, host, port, token)
    .. ("Content-Type: %s\r\nContent-Length: %d\r\n\r\n"):format(type, length)
end

local function post(c, path, type, body)
  assert(c:send(head("POST", path, type, #body) .. body))
  return read_reply(c)
end

--- A GIF of one 2 x 2 frame, brought to exactly `bytes` by comments.
local function gif(bytes)
  local front = "GIF89a\2\0\2\0\128\0\0\255\0\0\0\0\255"
  local frame = "\33\249\4\0\10\0\0\0\44\0\0\0\0\2\0\2\0\0\2\3\68\2\5\0;"
  local left = bytes - #front - #frame - 3 -- the comment's introducer and end
  local blocks = {}
  while left > 0 do
    local n = math.min(255, left - 1)
    if left - 1 - n == 1 then n = n - 1 end -- no block of nothing
    blocks[#blocks + 1] = string.char(n) .. ("x"):rep(n)
    left = left - 1 - n
  end
  return front .. "\33\254" .. table.concat(blocks) .. "\0" .. frame
end

local c = connect()
if what == "media" then
  for _, size in ipairs { { "4k", 4096 }, { "100k", 102400 }, { "1m", 1048576 }, { "8m", 8388608 } } do
    local body = gif(size[2])
    assert(#body == size[2], "the padding is wrong")
    local status, reply = post(c, "/api/v1/assets", "image/gif", body)
    assert(status == 201 or status == 200, status .. " " .. reply)
    print(("GIFD_PATH_%s=/a/%s"):format(size[1], reply:match('"id":"(%x+)"')))
  end
elseif what == "tiny" then
  local status
  local _, reply = post(c, "/api/v1/assets", "image/gif", gif(60))
  local path = "/a/" .. reply:match('"id":"(%x+)"')
  repeat
    assert(c:send(head("GET", path .. "/poster", "text/plain", 0)))
    status = read_reply(c)
  until status == 200
  print(path)
else
  local _, reply = post(c, "/api/v1/assets", "image/gif", gif(1000))
  local id = reply:match('"id":"(%x+)"')
  local lanes = {} -- requests side by side, so that their writes share commits
  for i = 1, 32 do lanes[i] = connect() end
  for first = 0, count - 1, #lanes do
    for i, lane in ipairs(lanes) do
      local body = ('{"asset_id":"%s","code":"c%d"}'):format(id, first + i - 1)
      assert(lane:send(head("POST", "/api/v1/shares", "application/json", #body) .. body))
    end
    for _, lane in ipairs(lanes) do
      local status, text = read_reply(lane)
      assert(status == 201 or status == 409, status .. " " .. text)
    end
  end
end
