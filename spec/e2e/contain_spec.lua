-- A server with a plugin that runs away, fills memory and answers rubbish: others are served all the while, and a
-- stranger learns nothing of it.
local posix = require "posix"
local server = require "spec.support.server"
local socket = require "socket"

local config = [[return { plugins = { hostile = true } }]]

local function start(workers)
  return server.start { workers = workers, config = config, plugins = { "spec/support/plugins" } }
end

local function get(s, path) return s:request { "GET", path } end

describe("a plugin's route", function()
  local s
  setup(function() s = start(1) end)
  teardown(function() s:stop() end)

  local function fails(path)
    local reply = get(s, path)
    assert.equal(500, reply.status, path)
    assert.equal("internal", reply.json.code)
    assert.is_string(reply.json.request_id)
    assert.is_nil(reply.body:find("plugins/hostile", 1, true))
    assert.is_truthy(s:errors():find(reply.json.request_id, 1, true))
  end

  it("that never ends answers 500, the log says who and where, and after three times it rests", function()
    for _ = 1, 3 do fails "/p/hostile/spin" end
    assert.is_truthy(s:errors():find("plugin hostile: GET /spin ran for more than 50 ms without a pause "
      .. "(at plugins/hostile/init.lua:3)", 1, true))
    local began = socket.gettime()
    for _ = 1, 20 do fails "/p/hostile/spin" end
    assert.is_true(socket.gettime() - began < 1)
    assert.is_truthy(s:errors():find("GET /spin ran over its budget too often and rests", 1, true))
    assert.equal("fine", get(s, "/p/hostile/fine").body)
  end)

  it("runs no code of its own outside of its budget, whatever it answers or does to what it is given", function()
    assert.equal("polite", get(s, "/p/hostile/mean-request").body)
    assert.equal("polite", get(s, "/p/hostile/mean-headers").body)
    assert.equal("[1]", get(s, "/p/hostile/mean-json").body)
    get(s, "/p/hostile/mean")
    fails "/p/hostile/mean-error"
    fails "/p/hostile/mean-throw"
    assert.equal(200, get(s, "/healthz").status)
  end)

  it("that answers rubbish answers 500", function()
    for n = 1, 12 do fails("/p/hostile/rubbish/" .. n) end
    assert.equal(200, get(s, "/healthz").status)
  end)
end)

describe("while a plugin", function()
  local function p99(s, count)
    local times = {}
    for i = 1, count do
      local began = socket.gettime()
      assert.equal(200, get(s, "/healthz").status)
      times[i] = socket.gettime() - began
    end
    table.sort(times)
    return times[math.ceil(count * 0.99)] * 1000
  end

  --- Asks for path again and again, in a process of its own, until it is killed.
  local function attack(s, path)
    local pid = posix.fork()
    if pid == 0 then
      while true do pcall(get, s, path) end
    end
    return function()
      posix.kill(pid, posix.SIGKILL)
      posix.wait(pid)
    end
  end

  it("runs away again and again, others wait no longer than twice as long", function()
    local s = start(2)
    local before = p99(s, 1000)
    local stop = attack(s, "/p/hostile/spin")
    local during = p99(s, 2000)
    stop()
    assert.is_true(during < math.max(2 * before, 25), ("%.1f ms, before %.1f ms"):format(during, before))
    s:stop()
  end)

  it("fills memory, its process is replaced without a lost request, and the plugin is named", function()
    local s = start(1)
    local first = s:children("gifd%-worker")[1]
    server.wait_until("another process", function()
      assert.equal(200, get(s, "/p/hostile/hoard").status)
      return s:children("gifd%-worker")[1] ~= first
    end, 30)
    assert.is_truthy(s:errors():find("process.recycled plugin=hostile", 1, true))
    assert.equal("fine", get(s, "/p/hostile/fine").body)
    s:stop()
  end)
end)

describe("trusted", function()
  local dir
  setup(function()
    dir = posix.mkdtemp("/tmp/gifd-spec-XXXXXX")
    os.execute(("mkdir -p '%s/own' '%s/taken'"):format(dir, dir))
    server.put(dir .. "/own/plugin.lua", [[return { name = "own", api = 1, version = "1",
      config = schema.record { level = schema.integer { default = 1 } } }]])
    server.put(dir .. "/own/init.lua", "return {}")
    server.put(dir .. "/taken/plugin.lua", [[return { name = "taken", api = 1, version = "1",
      config = schema.record { trusted = schema.boolean { default = true } } }]])
    server.put(dir .. "/taken/init.lua", "return {}")
  end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  local function check(plugins)
    server.put(dir .. "/config.lua", ("return {\n  plugins = {\n    %s\n  },\n}"):format(plugins))
    local code, out, err = server.command("check", "--config", dir .. "/config.lua", "--plugins", dir, "--root", ".")
    return code, out .. err
  end

  it("is the host's word in config.lua, beside the plugin's own", function()
    assert.equal(0, (check "own = { trusted = true, level = 3 }"))
    local code, said = check "own = { trusted = 5 }"
    assert.equal(3, code)
    assert.matches("config.lua:3: plugins.own.trusted: must be true or false", said)
  end)

  it("is refused as a word of a plugin", function()
    local code, said = check "taken = true"
    assert.equal(3, code)
    assert.matches("config.trusted: is a word of the host", said)
  end)
end)
