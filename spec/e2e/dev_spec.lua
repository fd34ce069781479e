-- Development: a saved file serves at once; an error shows its source in the terminal and on the page that asked; what
-- a plugin does can be followed.
local cjson = require "cjson"
local posix = require "posix"
local server = require "spec.support.server"
local socket = require "socket"

if not server.available() then return end

local manifest = 'return { name = "hello", api = 1, version = "1.0.0", summary = "hello", '
  .. 'uses = { "kv", "fetch:127.0.0.1:9" } }\n'
local code = [[
local function greet(who)
  return "%s " .. who.name
end

local function run(_, req)
  gifd.log.info("hello.asked", { q = req.query.q })
  gifd.kv.set("last", req.query.q or "")
  gifd.fetch { url = "http://127.0.0.1:9/x?token=secret" }
  return { body = greet(req.query.q and { name = req.query.q }) }
end

return { routes = { ["GET /"] = { auth = "public", run = run } },
  jobs = { tick = { every = "1s", run = function() return gifd.kv.get("last") end } } }
]]

local function plugins()
  local dir = assert(posix.mkdtemp("/tmp/gifd-spec-XXXXXX"))
  posix.mkdir(dir .. "/hello")
  server.put(dir .. "/hello/plugin.lua", manifest)
  server.put(dir .. "/hello/init.lua", code:format("hello"))
  return dir
end

local function begin(more)
  local dir = plugins()
  local s = server.start { config = "return { plugins = { hello = true } }", plugins = { dir }, more = more }
  return s, dir, function()
    s:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end
end

--- How much longer than on an idle machine everything takes now.
local function crowd()
  local load = tonumber(server.read_file("/proc/loadavg"):match("^%S+"))
  local cores = tonumber(io.popen("nproc"):read("*l"))
  return math.max(1, 1.5 * load / cores)
end

local function out_of(s) return server.read_file(s.dir .. "/out") end

describe("gifd serve --dev", function()
  local s, dir, finish
  lazy_setup(function() s, dir, finish = begin { "--dev" } end)
  lazy_teardown(function() finish() end)

  it("serves what was saved within a moment, and says how it went", function()
    local best = 10
    for i = 1, 5 do
      local generation = i + 1
      local began = socket.gettime()
      server.put(dir .. "/hello/init.lua", code:format("hello" .. i))
      server.wait_until("the reload", function()
        return out_of(s):find("generation " .. generation .. " serves", 1, true)
      end)
      best = math.min(best, socket.gettime() - began)
      assert.equal("hello" .. i .. " bob", s:request({ "GET", "/p/hello/?q=bob" }).body)
    end
    assert.is_true(best < 0.2 * crowd(), ("%.0f ms at best"):format(best * 1000))
  end)

  it("prints a line of gifd.log with the request that caused it", function()
    s:request { "GET", "/p/hello/?q=ann", headers = { ["Request-Id"] = "0123456789abcdef" } }
    local line = s:errors():match("[^\n]*q=ann[^\n]*")
    assert.matches("^%d%d:%d%d:%d%d%.%d%d%d info  worker%-1   hello%.asked q=ann %(GET /p/hello/ %w+%)$", line)
  end)

  it("shows an error with its source in the terminal, to programs and on a page", function()
    local problem = s:request({ "GET", "/p/hello/" }).json
    assert.same({ 500, "hello", "plugins/hello/init.lua", 2 },
      { problem.status, problem.plugin, problem.file, problem.line })
    assert.is_truthy(problem.source:find('>   2 |   return "hello5 " .. who.name', 1, true), problem.source)
    assert.is_truthy(problem.detail:find("attempt to index", 1, true))
    assert.is_truthy(s:errors():find('>   2 |   return "hello5 " .. who.name', 1, true))
    local page = s:request { "GET", "/p/hello/", headers = { Accept = "text/html,*/*" } }
    assert.equal(500, page.status)
    assert.matches("^text/html", page.headers["content-type"])
    assert.is_truthy(page.body:find("&gt;   2 |   return &quot;hello5 &quot; .. who.name", 1, true), page.body)
  end)

  it("shows what is wrong with a saved file, and goes on", function()
    server.put(dir .. "/hello/init.lua", (code:format("x"):gsub("%(who%)", "(who")))
    server.wait_until("the refusal", function() return out_of(s):find("refused; generation 6 goes on", 1, true) end)
    assert.is_truthy(out_of(s):find(dir .. "/hello/init.lua:2: ')' expected", 1, true), out_of(s))
    assert.is_truthy(out_of(s):find(">   2 |   return ", 1, true))
    assert.equal("hello5 bob", s:request({ "GET", "/p/hello/?q=bob" }).body)
  end)
end)

describe("in production", function()
  local s, finish, _
  lazy_setup(function() s, _, finish = begin() end)
  lazy_teardown(function() finish() end)

  it("a stranger sees nothing of an error but its request's id", function()
    for _, accept in ipairs { "*/*", "text/html" } do
      local reply = s:request { "GET", "/p/hello/", headers = { Accept = accept } }
      assert.equal(500, reply.status)
      for _, secret in ipairs { "init.lua", "who", "attempt", "source" } do
        assert.is_nil(reply.body:find(secret, 1, true), reply.body)
      end
    end
    for name in io.popen("ls " .. s.data .. "/generations"):lines() do
      local bytes = server.read_file(s.data .. "/generations/" .. name)
      assert.is_nil(bytes:find("source/plugins", 1, true))
    end
  end)

  it("gifd plugin trace follows a plugin, and tells what it does with times", function()
    local to = s.dir .. "/trace"
    local pid = tonumber(io.popen(("%s plugins trace hello --data %s --json >%s 2>&1 </dev/null & echo $!")
      :format(server.binary, s.data, to)):read("*l"))
    server.wait_until("the follower", function() return (server.read_file(to) or ""):find("following", 1, true) end)
    local calls
    server.wait_until("a call", function()
      s:request { "GET", "/p/hello/?q=secret" }
      s:request { "GET", "/p/hello/" }
      calls = {}
      for line in (server.read_file(to) or ""):gmatch("({[^\n]*})\n") do
        local m = cjson.decode(line)
        calls[m.kind .. " " .. m.what .. (m.error and " failed" or "")] = m
      end
      return calls["call GET /"] and calls["call GET / failed"] and calls["query kv.set last"]
        and calls["call job tick"]
    end)
    posix.kill(pid, posix.SIGTERM) -- (a shell lets what it puts aside ignore SIGINT)
    assert.is_true(calls["call GET /"].seconds > 0)
    assert.is_true(#calls["call GET /"].request_id > 8)
    assert.is_truthy(calls["call GET / failed"].error:find("plugins/hello/init.lua:2:", 1, true))
    assert.is_truthy(calls["fetch GET http://127.0.0.1:9/x failed"].error:find("loopback", 1, true))
    assert.is_nil(server.read_file(to):find("secret", 1, true))
    local exit, _, err = server.command("plugins", "trace", "helo", "--data", s.data)
    assert.equal(4, exit)
    assert.is_truthy(err:find("no plugin helo", 1, true))
  end)

  it("a plugin that is followed can be loaded again", function()
    local to = s.dir .. "/trace2"
    local pid = tonumber(io.popen(("%s plugins trace hello --data %s >%s 2>&1 </dev/null & echo $!")
      :format(server.binary, s.data, to)):read("*l"))
    server.wait_until("the follower", function() return (server.read_file(to) or ""):find("following", 1, true) end)
    server.put(s.config, "return { plugins = { hello = true }, site = { name = 'Other' } }")
    local exit, answer = s:ask "reload"
    posix.kill(pid, posix.SIGTERM) -- (a shell lets what it puts aside ignore SIGINT)
    assert.equal(0, exit, cjson.encode(answer))
  end)
end)
