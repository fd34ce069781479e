--- server: the real program for specs: started on a fresh data directory and a free port, spoken to over sockets,
-- ended.
--
--   local s = server.start { config = "return {...}", plugins = { "spec/support/plugins" } }
--   local reply = s:request { "GET", "/healthz" }      -- { status, headers, body, json }
--   s:stop()                                            -- TERM, waits, removes the data directory
local cjson = require "cjson"
local fcntl = require "posix.fcntl"
local posix = require "posix"
local unistd = require "posix.unistd"
local socket = require "socket"
local ltn12 = require "ltn12"
local http = require "socket.http"

local M = {}
local Server = {}
Server.__index = Server

M.binary = os.getenv("GIFD") or "build/gifd"

function M.available()
  local f = io.open(M.binary, "rb")
  if f then f:close() end
  return f ~= nil
end

--- Waits until check() returns something true; fails after `seconds`.
function M.wait_until(what, check, seconds)
  local deadline = socket.gettime() + (seconds or 30)
  while socket.gettime() < deadline do
    local value = check()
    if value then return value end
    socket.sleep(0.02)
  end
  error("waited in vain for " .. what, 2)
end

local function write_file(path, text)
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
end

local function read_file(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read("*a")
  f:close()
  return text
end
M.read_file = read_file

--- Writes `text` there whole, in one step; mode: as for chmod, such as "755"
function M.put(path, text, mode)
  write_file(path .. ".new", text)
  if mode then os.execute(("chmod %s '%s.new'"):format(mode, path)) end
  assert(os.rename(path .. ".new", path))
end

local function run(argv, out_path, err_path)
  io.stdout:flush()
  local pid = assert(posix.fork())
  if pid == 0 then
    pcall(function()
      local flags = fcntl.O_CREAT + fcntl.O_WRONLY + fcntl.O_TRUNC
      unistd.dup2(fcntl.open(out_path, flags, 384), 1)
      unistd.dup2(fcntl.open(err_path, flags, 384), 2)
      unistd.dup2(fcntl.open("/dev/null", fcntl.O_RDONLY), 0)
      local rest = {}
      for i = 2, #argv do rest[i - 1] = argv[i] end
      unistd.execp(argv[1], rest)
    end)
    unistd._exit(127)
  end
  return pid
end

local function temporary()
  return assert(posix.mkdtemp("/tmp/gifd-spec-XXXXXX"))
end

--- What a command of the shell prints; command: a format.
function M.output(command, ...)
  local p = assert(io.popen(command:format(...) .. " 2>&1 </dev/null"))
  local text = p:read("*a")
  p:close()
  return text
end

--- Runs a command to its end -> exit code, stdout, stderr
function M.command(...)
  local dir = temporary()
  local pid = run({ M.binary, ... }, dir .. "/out", dir .. "/err")
  local _, how, code = posix.wait(pid)
  local out, err = read_file(dir .. "/out"), read_file(dir .. "/err")
  os.remove(dir .. "/out")
  os.remove(dir .. "/err")
  posix.rmdir(dir)
  return how == "exited" and code or -code, out, err
end

function Server:begin()
  local argv = { self.binary, "serve", "--data", self.data, "--root", self.root, "--workers", tostring(self.workers) }
  if not self.as_configured then
    argv[#argv + 1] = "--listen"
    argv[#argv + 1] = self.listen or "127.0.0.1:0"
  end
  if self.config then
    argv[#argv + 1] = "--config"
    argv[#argv + 1] = self.config
  end
  for _, word in ipairs(self.more) do argv[#argv + 1] = word end
  for _, dir in ipairs(self.plugins) do
    argv[#argv + 1] = "--plugins"
    argv[#argv + 1] = dir
  end
  os.remove(self.dir .. "/out") -- else the last start's "ready" would be read
  self.pid = run(argv, self.dir .. "/out", self.dir .. "/err")
  self.url = M.wait_until("ready", function()
    local out = read_file(self.dir .. "/out") or ""
    local url = out:match("ready (http://%S+)")
    self.urls = {}
    for each in out:gmatch("ready (http://%S+)\n") do self.urls[#self.urls + 1] = each end
    if not url and posix.wait(self.pid, posix.WNOHANG) == self.pid then
      error("the server ended: " .. (read_file(self.dir .. "/err") or ""), 0)
    end
    return url
  end)
  self.listen = self.url:match("^http://(.*)$")
  return self
end

--- options: config (text), plugins (folders), workers, root, more (arguments), binary (another program than the built)
-- as_configured: listens where config says, and urls are all of these
function M.start(options)
  options = options or {}
  local dir = temporary()
  local s = setmetatable({ dir = dir, data = dir .. "/data", workers = options.workers or 1,
                           plugins = options.plugins or {}, root = options.root or ".",
                           more = options.more or {}, binary = options.binary or M.binary }, Server)
  if options.config then
    s.config = dir .. "/config.lua"
    write_file(s.config, options.config)
  end
  s.as_configured = options.as_configured
  return s:begin()
end

--- A command on this server's data, with --json -> exit code, decoded answer, stderr
function Server:ask(...)
  local words = { ... }
  for _, word in ipairs { "--data", self.data, "--json" } do words[#words + 1] = word end
  local code, out, err = M.command(unpack(words))
  local ok, answer = pcall(cjson.decode, out)
  return code, ok and answer or nil, err
end

function Server:errors() return read_file(self.dir .. "/err") end

--- A token with these scopes; account = nil: the operator's
function Server:token(scopes, account, ...)
  local extra = { ... }
  if account then
    extra[#extra + 1] = "--account"
    extra[#extra + 1] = account
  end
  local code, out, err = M.command("token", "create", "--data", self.data, "--scopes", scopes, unpack(extra))
  assert(code == 0, "token create: " .. tostring(err))
  return (out:gsub("%s+$", ""))
end

--- A configuration by which clicks are what was asked for, whatever follows (flow/bursts), for specs that ask for pages
-- alone.
M.unsettled = "return { events = { settle = 0 } }"

local BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

--- { METHOD, path, token =, headers =, body =, json = } -> { status, headers, body, json }; as a browser would ask
function Server:request(r)
  local headers, out = { ["user-agent"] = BROWSER }, {}
  for name, value in pairs(r.headers or {}) do headers[name:lower()] = value end
  if r.token then headers.authorization = "Bearer " .. r.token end
  local body = r.body
  if r.json then
    body = cjson.encode(r.json)
    headers["content-type"] = "application/json"
  end
  if body then headers["content-length"] = #body end
  local _, status, got = http.request {
    method = r[1], url = self.url .. r[2], headers = headers, redirect = false,
    source = body and ltn12.source.string(body) or nil, sink = ltn12.sink.table(out) }
  local reply = { status = status, headers = got or {}, body = table.concat(out) }
  if (reply.headers["content-type"] or ""):match("[/+]json") and reply.body ~= "" then
    reply.json = cjson.decode(reply.body)
  end
  return reply
end

function Server:upload(bytes, token, query, headers)
  return self:request { "POST", "/api/v1/assets" .. (query and "?" .. query or ""), token = token, body = bytes,
    headers = headers }
end

--- parts: array of { name, text, filename?, type? } -> body, Content-Type
function M.multipart(parts)
  local boundary, out = "spec-boundary-7d81", {}
  for _, part in ipairs(parts) do
    local disposition = ('form-data; name="%s"'):format(part[1])
    if part.filename then disposition = disposition .. ('; filename="%s"'):format(part.filename) end
    out[#out + 1] = ("--%s\r\nContent-Disposition: %s\r\n%s\r\n%s\r\n"):format(boundary, disposition,
      part.type and "Content-Type: " .. part.type .. "\r\n" or "", part[2])
  end
  out[#out + 1] = "--" .. boundary .. "--\r\n"
  return table.concat(out), "multipart/form-data; boundary=" .. boundary
end

--- Ends it at once, as a power cut would end the process; begin() starts it again on the same data and address.
function Server:kill()
  posix.kill(self.pid, posix.SIGKILL)
  posix.wait(self.pid)
end

function Server:stop()
  posix.kill(self.pid, posix.SIGTERM)
  local code
  M.wait_until("the server's end", function()
    local pid, _, status = posix.wait(self.pid, posix.WNOHANG)
    code = status
    return pid == self.pid
  end)
  os.execute("rm -rf '" .. self.dir .. "'")
  return code
end

--- Processes below the supervisor whose title or command line matches, by pid.
function Server:children(pattern)
  local out = {}
  for pid in io.popen("pgrep -P " .. self.pid):lines() do
    local line = (read_file("/proc/" .. pid .. "/cmdline") or ""):gsub("%z", " ")
    local name = read_file("/proc/" .. pid .. "/comm") or ""
    if (line .. name):match(pattern) then out[#out + 1] = tonumber(pid) end
  end
  return out
end

return M
