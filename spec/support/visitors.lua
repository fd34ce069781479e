--- visitors: clients in processes of their own that ask for one path again and again, each on a connection that it
-- keeps while the server lets it, until they are told to stop, their spec ends, or a minute is over.
--
--   local v = visitors.start(s.url, "/healthz", 4)
--   local seen = v:stop()     -- { answered =, failed =, why = }
local posix = require "posix"
local socket = require "socket"
local unistd = require "posix.unistd"

local LONGEST = 60

local M = {}
local Visitors = {}
Visitors.__index = Visitors

--- Reads one reply -> true, whether the connection goes on; or nil, why
local function reply(c)
  local status, why = c:receive "*l"
  if not status then return nil, "no reply: " .. why end
  local length, last = 0, false
  repeat
    local line, err = c:receive "*l"
    if not line then return nil, "half a head: " .. err end
    length = tonumber(line:lower():match "^content%-length: (%d+)") or length
    last = last or line:lower() == "connection: close"
  until line == ""
  local body, err = c:receive(length)
  if not body then return nil, "half a body: " .. err end
  if not status:match "^HTTP/1.1 [23]" then return nil, status end
  return true, not last
end

local function visit(host, port, path, told_to_stop)
  local answered, failed, why = 0, 0, ""
  local c
  local function once()
    local err
    if not c then
      c, err = socket.connect(host, port)
      if not c then return nil, "connect: " .. err end
      c:settimeout(10)
    end
    local sent
    sent, err = c:send(("GET %s HTTP/1.1\r\nHost: %s:%s\r\n\r\n"):format(path, host, port))
    if not sent then return nil, "send: " .. err end
    return reply(c)
  end
  while not told_to_stop() do
    local ok, more = once()
    if ok then answered = answered + 1 else failed, why = failed + 1, more end
    if not ok then socket.sleep(0.01) end
    if c and not (ok and more) then
      c:close()
      c = nil
    end
  end
  return answered, failed, why
end

local function in_child(v, i, spec)
  local host, port = v.url:match "^http://([^:]+):(%d+)"
  local deadline = socket.gettime() + LONGEST
  local function told_to_stop()
    return unistd.access(v.dir .. "/stop") or unistd.getppid() ~= spec or socket.gettime() > deadline
  end
  local answered, failed, why = visit(host, tonumber(port), v.path, told_to_stop)
  local f = io.open(v.dir .. "/" .. i, "w")
  f:write(("%d %d %s\n"):format(answered, failed, why))
  f:close()
end

function M.start(url, path, count)
  local dir, spec = assert(posix.mkdtemp("/tmp/gifd-visitors-XXXXXX")), unistd.getpid()
  local v = setmetatable({ url = url, path = path, dir = dir, pids = {} }, Visitors)
  io.stdout:flush()
  for i = 1, count do
    local pid = assert(posix.fork())
    if pid == 0 then
      pcall(in_child, v, i, spec)
      unistd._exit(0)
    end
    v.pids[i] = pid
  end
  return v
end

function Visitors:stop()
  local seen = { answered = 0, failed = 0, why = "" }
  io.open(self.dir .. "/stop", "w"):close()
  for i, pid in ipairs(self.pids) do
    posix.wait(pid)
    local answered, failed, why = io.open(self.dir .. "/" .. i):read "*a":match "(%d+) (%d+) ([^\n]*)"
    seen.answered = seen.answered + answered
    seen.failed = seen.failed + failed
    if why ~= "" then seen.why = why end
  end
  os.execute("rm -rf '" .. self.dir .. "'")
  return seen
end

return M
