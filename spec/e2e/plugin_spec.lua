-- Plugins over the real program: loaded only when named, mounted under their name, refused with a reason.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"

local function with_config(text, ...)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  local code, out, err = server.command("check", "--config", path, "--root", ".", ...)
  os.remove(path)
  return code, out .. err
end

describe("a plugin", function()
  it("answers under its name with and without a slash", function()
    local s = server.start { plugins = { "spec/support/plugins" }, config = "return { plugins = { echo = true } }" }
    for _, path in ipairs { "/p/echo/", "/p/echo" } do
      local reply = s:request { "POST", path, body = "one\0two" }
      assert.equal(200, reply.status, path)
      assert.equal("one\0two", reply.body)
      assert.equal("echo\n", s:request({ "GET", path }).body)
    end
    assert.equal(404, s:request({ "GET", "/p/other/" }).status)
    s:stop()
  end)

  it("is not loaded unless named", function()
    local s = server.start { plugins = { "spec/support/plugins" } }
    assert.equal(404, s:request({ "GET", "/p/echo/" }).status)
    s:stop()
  end)
end)

describe("gifd plugins", function()
  local cjson = require "cjson"
  local s
  setup(function()
    s = server.start { plugins = { "spec/support/plugins" },
      config = 'return { plugins = { echo = true, worker = true, fickle = true, ["moderation-words"] = true } }' }
    for _ = 1, 3 do s:request { "GET", "/p/echo/" } end
    s:upload(require("pictures").gif(), s:token("trusted"), "title=throws")
  end)
  teardown(function() s:stop() end)

  local function run(...)
    local code, out, err = server.command("plugins", ...)
    return code, out, err
  end

  it("graph says who runs where, in which order, how often and how long", function()
    local code, out, err = run("graph", "--json", "--data", s.data)
    assert.equal(0, code, err)
    local graph, hooks, routes, jobs = cjson.decode(out), {}, {}, {}
    for _, hook in ipairs(graph.hooks) do hooks[hook.hook] = hook end
    for _, route in ipairs(graph.routes) do routes[route.method .. " " .. route.pattern] = route end
    for _, job in ipairs(graph.jobs) do jobs[job.plugin .. "/" .. job.job] = job end
    assert.equal("vote", hooks.judge.kind)
    assert.equal("fickle moderation-words", hooks.judge.plugins[1].plugin .. " " .. hooks.judge.plugins[2].plugin)
    assert.equal(1, hooks.judge.plugins[1].failures)
    assert.is_true(hooks.judge.plugins[2].calls >= 1 and hooks.judge.plugins[2].failures == 0)
    assert.equal(3, routes["GET /p/echo/"].calls)
    assert.is_true(routes["GET /p/echo/"].max > 0 and routes["GET /p/echo/"].max < 1)
    assert.equal(1, jobs["worker/tick"].every)
    assert.matches("^20", jobs["worker/tick"].next)
    code, out = run("graph", "--data", s.data)
    assert.equal(0, code)
    assert.matches("judge %(vote%)\n  1%. fickle\t%d+ calls, 1 failed", out)
    assert.matches("GET /p/echo/ %(public%)\t3 calls, 0 failed", out)
  end)

  it("list sums up each plugin", function()
    local code, out, err = run("list", "--json", "--data", s.data)
    assert.equal(0, code, err)
    local found = {}
    for line in out:gmatch("[^\n]+") do
      local plugin = cjson.decode(line)
      found[plugin.name] = plugin
    end
    assert.equal("1.0.0", found.echo.version)
    assert.is_true(found.echo.calls >= 3)
    assert.equal(2, (run("grph", "--data", s.data)))
    assert.equal(4, (run("list", "--data", s.data .. "/nowhere")))
  end)
end)

describe("gifd check", function()
  it("passes the shipped configuration", function()
    assert.equal(0, (server.command("check", "--config", "config.lua", "--root", ".")))
  end)

  it("names file, line and the nearest key", function()
    local code, text = with_config([[
return {
  uploads = {
    max_bites = 1,
  },
  plugins = { ["moderation-wordss"] = true },
}]])
    assert.equal(3, code)
    assert.matches(":3: uploads%.max_bites: unknown key.*max_bytes", text)
    assert.matches(":5: .*moderation%-words", text)
  end)

  it("names the line of a syntax error", function()
    local code, text = with_config("return {\n  site = {\n")
    assert.equal(3, code)
    assert.matches(":%d+: ", text)
  end)

  it("keeps config.lua to data and three functions", function()
    local code, text = with_config('return { site = { name = os.getenv("HOME") } }')
    assert.equal(3, code)
    assert.matches("os", text)
  end)
end)
