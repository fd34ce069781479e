-- stand: a stand-in for other servers, for specs: HTTP/1.1 on 127.0.0.1, a process for each connection, and a log.
--
--   local s = stand.start()
--   s.port, s.url                       -- "http://127.0.0.1:PORT"
--   s:count "connection"                -- lines of the log: "connection", "GET /hello", "left /hang"
--   s:stop()
--
-- With stand.start(answer) it is another server: answer(request) -> status, fields, body, where request = { method,
-- target, headers, body, said(text): a line of the log, count(line), send(bytes): as they are, mode() }. What sends by
-- itself returns nothing, and the connection ends. s:set(mode) says what mode() is from now on.
--
-- Targets without: /hello; /gif; /to/URL (302); /big/N; /bomb (gzip of 64 MiB); /hang; /flaky (503 with
-- Retry-After: 1, once)
local posix = require "posix"
local signal = require "posix.signal"
local socket = require "socket"

local M = {}
local Stand = {}
Stand.__index = Stand

local function note(path, line)
  local f = assert(io.open(path, "a"))
  f:write(line, "\n")
  f:close()
end

local function lines(path, wanted)
  local n = 0
  for line in io.lines(path) do if line == wanted then n = n + 1 end end
  return n
end

local gif = "GIF89a\1\0\1\0\128\0\0\0\0\0\255\255\255,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"

local function read_file(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "*a"
  f:close()
  return text
end

local function answer(c, status, fields, body)
  return c:send(("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s"):format(status, #body, fields, body))
end

local function serve(c, path, bomb)
  while true do
    local first = c:receive "*l"
    if not first then return end
    local field
    repeat field = c:receive "*l" until not field or field == ""
    local method, target = first:match "^(%S+) (%S+)"
    note(path, method .. " " .. target)
    if target == "/hello" then answer(c, 200, "", "hello")
    elseif target == "/gif" then answer(c, 200, "", gif)
    elseif target:match "^/to/" then answer(c, 302, "Location: " .. target:sub(5) .. "\r\n", "moved")
    elseif target:match "^/big/" then answer(c, 200, "", ("x"):rep(tonumber(target:sub(6))))
    elseif target == "/bomb" then answer(c, 200, "Content-Encoding: gzip\r\n", bomb)
    elseif target == "/flaky" and lines(path, "GET /flaky") == 1 then answer(c, 503, "Retry-After: 1\r\n", "busy")
    elseif target == "/flaky" then answer(c, 200, "", "at last")
    elseif target == "/hang" then
      c:receive "*l"
      note(path, "left /hang")
      return
    else answer(c, 404, "", "what?") end
  end
end

--- Requests of one connection, each answered by `reply`.
local function serve_with(reply)
  return function(c, path)
    while true do
      local first = c:receive "*l"
      if not first then return end
      local headers, field = {}, c:receive "*l"
      while field and field ~= "" do
        local name, value = field:match "^([^:]+):%s*(.-)%s*$"
        headers[name:lower()] = value
        field = c:receive "*l"
      end
      local method, target = first:match "^(%S+) (%S+)"
      local length = tonumber(headers["content-length"] or "0")
      local body = length > 0 and c:receive(length) or ""
      note(path, method .. " " .. target)
      local status, fields, text = reply { method = method, target = target, headers = headers, body = body,
        said = function(line) note(path, line) end, count = function(line) return lines(path, line) end,
        send = function(bytes) return c:send(bytes) end,
        mode = function() return read_file(path .. ".mode") or "" end }
      if not status or not answer(c, status, fields, text) then return end
    end
  end
end

local function read_pipe(command)
  local f = assert(io.popen(command, "r"))
  local text = f:read "*a"
  f:close()
  return text
end

local function accept(listening, path, bomb, each)
  signal.signal(signal.SIGCHLD, signal.SIG_IGN)
  while true do
    local c = listening:accept()
    if c and posix.fork() == 0 then
      listening:close()
      c:setoption("tcp-nodelay", true)
      note(path, "connection")
      pcall(each, c, path, bomb)
      posix._exit(0)
    end
    if c then c:close() end
  end
end

function M.start(reply)
  local listening = assert(socket.bind("127.0.0.1", 0))
  local _, port = listening:getsockname()
  local path = os.tmpname()
  local bomb = not reply and read_pipe "head -c 67108864 /dev/zero | gzip -9"
  local pid = posix.fork()
  if pid == 0 then
    posix.setpid("p", 0, 0)
    pcall(accept, listening, path, bomb, reply and serve_with(reply) or serve)
    posix._exit(1)
  end
  listening:close()
  return setmetatable({ pid = pid, port = tonumber(port), path = path, url = "http://127.0.0.1:" .. port }, Stand)
end

function Stand:count(line) return lines(self.path, line) end

function Stand:set(mode)
  local f = assert(io.open(self.path .. ".mode.new", "wb"))
  f:write(mode)
  f:close()
  assert(os.rename(self.path .. ".mode.new", self.path .. ".mode"))
end

--- Its log, whole.
function Stand:log() return read_file(self.path) end

function Stand:stop()
  posix.kill(-self.pid, posix.SIGKILL)
  posix.wait(self.pid)
  os.remove(self.path)
  os.remove(self.path .. ".mode")
end

return M
