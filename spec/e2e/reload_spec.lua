-- HUP builds a new generation aside and swaps it in everywhere, or leaves everything as it was and says why.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local posix = require "posix"
local server = require "server"

local function named(name) return ('return { site = { name = "%s" } }'):format(name) end

describe("HUP", function()
  local s
  before_each(function() s = server.start { config = named "first", workers = 2 } end)
  after_each(function() s:stop() end)

  local function write(text)
    local f = assert(io.open(s.config, "wb"))
    f:write(text)
    f:close()
    posix.kill(s.pid, posix.SIGHUP)
  end

  local function serves(name)
    local seen = 0
    for _ = 1, 10 do
      local reply = s:request { "GET", "/" }
      assert.equal(200, reply.status)
      if reply.body:find("<title>" .. name, 1, true) then seen = seen + 1 end
    end
    return seen == 10
  end

  it("takes a new configuration over in every worker without refusing a request", function()
    assert.is_true(serves "first")
    write(named "second")
    server.wait_until("the second generation", function() return serves "second" end)
  end)

  it("keeps the old generation when the new one is wrong, also for a worker that respawns", function()
    write "return { site = { nmae = 'x' } }"
    server.wait_until("the refusal", function() return (s:errors() or ""):find("nmae", 1, true) end)
    assert.matches("did you mean name", s:errors())
    assert.is_true(serves "first")
    for _, pid in ipairs(s:children "worker") do posix.kill(pid, posix.SIGKILL) end
    server.wait_until("other workers", function() return s:request({ "GET", "/healthz" }).status == 200 end)
    assert.is_true(serves "first")
    write(named "third")
    server.wait_until("the third generation", function() return serves "third" end)
  end)
end)

describe("a plugin that throws while loading", function()
  it("does not take the old generation down", function()
    local s = server.start { config = "return {}" }
    os.execute("mkdir -p " .. s.dir .. "/plugins/broken")
    s.plugins = { s.dir .. "/plugins" }
    local function put(path, text)
      local f = assert(io.open(path, "wb"))
      f:write(text)
      f:close()
    end
    put(s.dir .. "/plugins/broken/plugin.lua", 'return { name = "broken", api = 1, version = "1" }')
    put(s.dir .. "/plugins/broken/init.lua", 'return { hooks = { judge = function() return nil end } }')
    s:kill()
    s:begin()
    put(s.dir .. "/plugins/broken/init.lua", "error('typo')")
    put(s.config, "return { plugins = { broken = true } }")
    posix.kill(s.pid, posix.SIGHUP)
    server.wait_until("the refusal", function() return (s:errors() or ""):find("typo", 1, true) end)
    assert.matches("plugins/broken/init.lua:1", s:errors())
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    s:stop()
  end)
end)
