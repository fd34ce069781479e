-- USR2 puts the program that is now at its path in the place of the one that runs: no request is lost, or nothing
-- changes and the log says why. Reloads and deaths of workers lose nothing either but what a worker had begun.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"
local visitors = require "visitors"

local function times(text, pattern)
  local n = 0
  for _ in (text or ""):gmatch(pattern) do n = n + 1 end
  return n
end

local function config(i) return ('return { site = { name = "site %d" } }'):format(i) end

describe("a program", function()
  local s, dir, program
  local replaced, refused, reloaded

  before_each(function()
    dir = assert(posix.mkdtemp("/tmp/gifd-program-XXXXXX"))
    program = dir .. "/gifd"
    os.execute(("cp '%s' '%s-media' '%s'"):format(server.binary, server.binary, dir))
    s = server.start { binary = program, config = config(0), workers = 2 }
    replaced, refused, reloaded = 0, 0, 0
  end)
  after_each(function()
    s:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function wait_for(event, count)
    server.wait_until(event, function() return times(s:errors(), event:gsub("%p", "%%%0")) >= count end)
  end
  local function install(bytes) server.put(program, bytes or server.read_file(server.binary), "755") end
  local function replace()
    posix.kill(s.pid, posix.SIGUSR2)
    replaced = replaced + 1
    wait_for("replace.done", replaced)
  end
  local function refuse(why)
    posix.kill(s.pid, posix.SIGUSR2)
    refused = refused + 1
    wait_for("replace.refused", refused)
    assert.matches(why, s:errors():match ".*(replace%.refused[^\n]*)")
  end
  local function reload()
    reloaded = reloaded + 1
    server.put(s.config, config(reloaded))
    posix.kill(s.pid, posix.SIGHUP)
    wait_for("reload.done", reloaded)
  end
  local function workers()
    local pids = s:children "gifd%-worker"
    table.sort(pids)
    return pids
  end

  it("is replaced, and reloaded, under HTTP/2 that loses no request", function()
    local url = s.url
    local load = "timeout 30 h2load -n 12000 --rps 500 -c 4 -m 4 %s/healthz 2>&1 </dev/null"
    local p = assert(io.popen(load:format(url)))
    reload()
    install()
    replace()
    reload()
    local text = p:read("*a")
    p:close()
    assert.matches("12000 succeeded, 0 failed, 0 errored", text)
  end)

  it("is replaced, and reloaded, under visitors who notice nothing", function()
    local code = s:upload(pictures.gif(), s:token "admin").json.share.code
    local before = workers()
    local v = visitors.start(s.url, "/s/" .. code, 4)
    for _ = 1, 2 do
      install()
      replace()
      reload()
      reload()
    end
    local seen = v:stop()
    assert.same({ 0, "" }, { seen.failed, seen.why })
    assert.is_true(seen.answered > 100)
    assert.is_nil(posix.wait(s.pid, posix.WNOHANG) == s.pid or nil, "the supervisor is the same process")
    for _, pid in ipairs(workers()) do
      for _, old in ipairs(before) do assert.not_equal(old, pid) end
    end
    assert.equal(seen.answered, s:request({ "GET", "/api/v1/shares/" .. code }).json.clicks)
    assert.matches("<title>site 4", s:request({ "GET", "/" }).body)
  end)

  it("that is replaced finishes what it has begun", function()
    local bytes, token = pictures.gif { frames = 3 }, s:token "admin"
    local host, port = s.url:match "^http://([^:]+):(%d+)"
    local upload, idle = socket.connect(host, tonumber(port)), socket.connect(host, tonumber(port))
    upload:settimeout(10)
    idle:settimeout(10)
    idle:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("200", idle:receive "*l")
    upload:send(("POST /api/v1/assets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s")
      :format(token, #bytes, bytes:sub(1, 20)))
    socket.sleep(0.1)
    replace()
    upload:send(bytes:sub(21))
    assert.matches("201", upload:receive "*l")
    idle:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("Connection: close", idle:receive "*a")
    upload:close()
    server.wait_until("the old processes' end", function() return #workers() == 2 and #s:children "media" == 1 end)
  end)

  it("is not replaced by what does not start, answer, build or load", function()
    local before = workers()
    local good = server.read_file(server.binary)
    install(good:sub(1, 65536))
    refuse "replace"
    install(server.read_file "/bin/false")
    refuse "ended without an answer"
    install "#!/bin/sh\nexec sleep 1\n"
    refuse "ended without an answer"
    os.remove(program)
    refuse "No such file"
    install(good)
    server.put(s.config, "return { site = { nmae = 'x' } }")
    refuse "nmae"
    assert.same(before, workers())
    assert.equal(200, s:request({ "GET", "/" }).status)
    server.put(s.config, config(7))
    replace()
    assert.matches("<title>site 7", s:request({ "GET", "/" }).body)
  end)

  it("listens on other addresses after it was replaced, when its configuration says so", function()
    s:stop()
    local reserved = assert(socket.bind("127.0.0.1", 0))
    local _, port = reserved:getsockname()
    reserved:close()
    s = server.start { binary = program, config = 'return { listen = { "127.0.0.1:0" } }', as_configured = true }
    server.put(s.config, ('return { listen = { "127.0.0.1:0", "127.0.0.1:%d" } }'):format(port))
    replace()
    local first = s.url
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    s.url = "http://127.0.0.1:" .. port
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    s.url = first
  end)
end)

describe("a worker", function()
  local s
  before_each(function() s = server.start { workers = 2 } end)
  after_each(function() s:stop() end)

  it("that is killed leaves what waits to the others", function()
    local workers = s:children "gifd%-worker"
    for _, pid in ipairs(workers) do posix.kill(pid, posix.SIGSTOP) end
    local host, port = s.url:match "^http://([^:]+):(%d+)"
    local waiting = {}
    for i = 1, 12 do
      waiting[i] = socket.connect(host, tonumber(port))
      waiting[i]:settimeout(10)
      waiting[i]:send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    end
    posix.kill(workers[1], posix.SIGKILL)
    posix.kill(workers[2], posix.SIGCONT)
    for i = 1, 12 do assert.matches("^HTTP/1.1 200", waiting[i]:receive "*a") end
  end)

  it("that is killed costs no more than its connections, and is there again at once", function()
    local v, kills = visitors.start(s.url, "/healthz", 4), 6
    for _ = 1, kills do
      local pids = s:children "gifd%-worker"
      posix.kill(pids[1], posix.SIGKILL)
      server.wait_until("another worker", function()
        local now = s:children "gifd%-worker"
        return #now == 2 and now[1] ~= pids[1] and now[2] ~= pids[1]
      end)
    end
    local seen = v:stop()
    assert.is_true(seen.failed <= kills * 4, seen.failed .. " failed")
    assert.is_true(seen.answered > 100)
  end)
end)
