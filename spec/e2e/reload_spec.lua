-- A reload builds a new generation aside and swaps it in everywhere, or leaves everything as it was and says why.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local function named(name, more) return ('return { site = { name = "%s" }, %s }'):format(name, more or "") end

local function serves(s, name)
  for _ = 1, 10 do
    local reply = s:request { "GET", "/" }
    assert.equal(200, reply.status)
    if not reply.body:find("<title>" .. name, 1, true) then return false end
  end
  return true
end

local manifest = 'return { name = "%s", api = 1, version = "1" }'

--- Files of a plugin, in a folder of the server's
local function plugin(s, name, init, manifest_text)
  local dir = s.dir .. "/plugins/" .. name
  os.execute("mkdir -p '" .. dir .. "'")
  server.put(dir .. "/plugin.lua", manifest_text or manifest:format(name))
  server.put(dir .. "/init.lua", init)
  return dir
end

local function with_plugins(config, workers)
  local s = server.start { config = config or named "first", workers = workers or 2 }
  os.execute("mkdir -p '" .. s.dir .. "/plugins'")
  return s
end

describe("HUP", function()
  local s
  before_each(function() s = server.start { config = named "first", workers = 2 } end)
  after_each(function() s:stop() end)

  it("takes a new configuration over in every worker without refusing a request", function()
    assert.is_true(serves(s, "first"))
    server.put(s.config, named "second")
    posix.kill(s.pid, posix.SIGHUP)
    server.wait_until("the second generation", function() return serves(s, "second") end)
  end)

  it("keeps the old generation when the new one is wrong, and says why", function()
    server.put(s.config, "return { site = { nmae = 'x' } }")
    posix.kill(s.pid, posix.SIGHUP)
    server.wait_until("the refusal", function() return (s:errors() or ""):find("nmae", 1, true) end)
    assert.matches("did you mean name", s:errors())
    assert.is_true(serves(s, "first"))
  end)
end)

describe("gifd reload", function()
  it("waits for the outcome and names the generation, which grows, also over a restart", function()
    local s = server.start { config = named "first", workers = 2 }
    local code, answer = s:ask "reload"
    assert.same({ 0, 1, false }, { code, answer.generation, answer.changed })
    server.put(s.config, named "second")
    code, answer = s:ask "reload"
    assert.same({ 0, 2, true }, { code, answer.generation, answer.changed })
    assert.is_true(serves(s, "second"))
    s:kill()
    s:begin()
    local _, status = s:ask "status"
    assert.equal(2, status.live.generation)
    s:kill()
    server.put(s.config, named "third")
    s:begin()
    _, status = s:ask "status"
    assert.equal(3, status.live.generation)
    assert.equal(2, status.previous[1].generation)
    s:stop()
  end)

  it("takes a further folder of plugins along, from then on", function()
    local s = with_plugins()
    plugin(s, "late", [[local function late() return { body = "late" } end
      return { routes = { ["GET /"] = { auth = "public", run = late } } }]])
    server.put(s.config, named("first", "plugins = { late = true }"))
    assert.equal(1, (s:ask "reload"))
    assert.equal(0, (s:ask("reload", "--plugins", s.dir .. "/plugins")))
    assert.equal("late", s:request({ "GET", "/p/late/" }).body)
    server.put(s.config, named("second", "plugins = { late = true }"))
    assert.equal(0, (s:ask "reload"))
    assert.equal("late", s:request({ "GET", "/p/late/" }).body)
    s:stop()
  end)

  it("says that no server runs there", function()
    local code, _, err = server.command("reload", "--data", "/tmp/gifd-nowhere")
    assert.equal(4, code)
    assert.matches("no server runs", err)
  end)

  it("is for the server's own user alone", function()
    local s = server.start {}
    local f = io.popen("stat -c %a '" .. s.data .. "/control.sock'")
    assert.equal("600", f:read "*l")
    f:close()
    s:stop()
  end)
end)

describe("a reload is refused for", function()
  local s
  setup(function()
    s = server.start { config = named "first", workers = 2 }
    os.execute("mkdir -p '" .. s.dir .. "/plugins'")
    server.put(s.config, named("second", 'plugin_dirs = { "plugins" }'))
    assert.equal(0, (s:ask "reload"))
  end)
  teardown(function() s:stop() end)

  --- The old generation answers throughout, also from a worker that is killed and comes back; the reason stays in
  -- `status`.
  local function refused(file, line, message)
    local before = select(2, s:ask "status").live.generation
    local code, answer = s:ask "reload"
    assert.equal(1, code)
    local fault = answer.faults[1]
    assert.matches(message, fault.message)
    assert.is_truthy(fault.file:find(file, 1, true))
    if line then assert.equal(line, fault.line) end
    assert.is_true(serves(s, "second"))
    posix.kill(s:children("gifd%-worker")[1], posix.SIGKILL)
    assert.is_true(serves(s, "second"))
    server.wait_until("another worker", function() return #s:children "gifd%-worker" == 2 end)
    assert.is_true(serves(s, "second"))
    local _, status = s:ask "status"
    assert.equal(before, status.live.generation)
    assert.matches(message, status.refused.faults[1].message)
    return answer
  end

  local function with(name)
    server.put(s.config, named("third", ('plugin_dirs = { "plugins" }, plugins = { %s = true }'):format(name)))
  end

  it("a syntax error", function()
    plugin(s, "broken", "return {\n  hooks = {{\n}")
    with "broken"
    refused("plugins/broken/init.lua", 3, "expected")
  end)

  it("an error while loading", function()
    plugin(s, "broken", "local x = nil\nreturn { hooks = x.y }")
    with "broken"
    refused("plugins/broken/init.lua", 2, "index local 'x'")
  end)

  it("a manifest", function()
    plugin(s, "broken", "return {}", 'return {\n  name = "broken",\n  api = 1, version = "1",\n  usse = {},\n}')
    with "broken"
    refused("plugins/broken/plugin.lua", 4, "usse: unknown key")
  end)

  it("a collision of two plugins", function()
    local claim = 'return { hooks = { ["publish.x"] = function() return {} end } }'
    plugin(s, "one", claim)
    plugin(s, "two", claim)
    server.put(s.config, named("third", 'plugin_dirs = { "plugins" }, plugins = { one = true, two = true }'))
    refused("plugins/one/init.lua", 1, "plugins one and two both claim")
  end)

  it("a surface that is wrong, at its line", function()
    plugin(s, "broken", 'return {\n  routes = {\n    ["GET nowhere"] = {},\n  },\n}')
    with "broken"
    refused("plugins/broken/init.lua", 3, "must look like")
  end)

  it("a check that fails, and every one is told", function()
    plugin(s, "one", [[return { check = function()
      return nil, gifd.err("denied", { message = "the key is wrong" })
    end }]])
    plugin(s, "two", 'return { check = function() error("no such place") end }')
    server.put(s.config, named("third", 'plugin_dirs = { "plugins" }, plugins = { one = true, two = true }'))
    local answer = refused("plugins/one/init.lua", nil, "the key is wrong")
    assert.matches("no such place", answer.faults[2].message)
  end)

  it("loading that does not end, whatever it catches", function()
    plugin(s, "broken", "while true do\n  pcall(function() while true do end end)\nend")
    with "broken"
    refused("plugins/broken/init.lua", nil, "load ran for more than")
  end)

  it("a check that waits for ever", function()
    plugin(s, "broken", "return { check = function() while true do gifd.time.sleep(1) end end }")
    with "broken"
    refused("plugins/broken/init.lua", nil, "did not end within 10 s")
  end)

  it("and goes on when the reason is gone", function()
    plugin(s, "broken", "return { check = function() return gifd.time.sleep(0.01) end }")
    with "broken"
    assert.equal(0, (s:ask "reload"))
    assert.is_true(serves(s, "third"))
    assert.equal(require "cjson".null, select(2, s:ask "status").refused)
  end)
end)

describe("a migration that fails", function()
  it("refuses the reload", function()
    local root = assert(posix.mkdtemp "/tmp/gifd-root-XXXXXX")
    os.execute(("cp -r lua plugins '%s'"):format(root))
    local s = server.start { config = named "first", root = root }
    server.put(root .. "/lua/gifd/sql/9999_wrong.sql", "CREATE TABLE good(id);\nCREATE TABEL wrong(id);")
    server.put(s.config, named "second")
    local code, answer = s:ask "reload"
    assert.equal(1, code)
    assert.matches("9999_wrong", answer.faults[1].message)
    assert.is_true(serves(s, "first"))
    os.remove(root .. "/lua/gifd/sql/9999_wrong.sql")
    assert.equal(0, (s:ask "reload"))
    assert.is_true(serves(s, "second"))
    s:stop()
    os.execute("rm -rf '" .. root .. "'")
  end)
end)

describe("gifd rollback", function()
  it("brings the generation before back, whatever became of its files, and any that is kept", function()
    local s = server.start { config = named "first", workers = 2 }
    for _, name in ipairs { "second", "third" } do
      server.put(s.config, named(name))
      assert.equal(0, (s:ask "reload"))
    end
    os.remove(s.config)
    local code, answer = s:ask "rollback"
    assert.same({ 0, 4 }, { code, answer.generation })
    assert.is_true(serves(s, "second"))
    assert.equal(0, (s:ask("rollback", "1")))
    assert.is_true(serves(s, "first"))
    posix.kill(s:children("gifd%-worker")[1], posix.SIGKILL)
    server.wait_until("another worker", function() return #s:children "gifd%-worker" == 2 end)
    assert.is_true(serves(s, "first"))
    code, answer = s:ask("rollback", "99")
    assert.equal(4, code)
    assert.matches("99 is not kept", answer.faults[1].message)
    s:stop()
  end)
end)

describe("a request that began before a reload", function()
  local slow = [[return { routes = { ["GET /"] = { auth = "public", run = function()
    local ok, err = gifd.time.sleep(%s)
    return { body = ok and "whole" or err.code } end } } }]]

  local function begin(seconds, drain)
    local s = with_plugins(nil, 1)
    plugin(s, "slow", slow:format(seconds))
    server.put(s.config, named("first", ('plugin_dirs = { "plugins" }, plugins = { slow = true }, reload_drain = "%s"')
      :format(drain)))
    assert.equal(0, (s:ask "reload"))
    local c = assert(socket.connect(s.listen:match "^(.*):(%d+)$"))
    c:settimeout(15)
    c:send "GET /p/slow/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    server.wait_until("the request", function()
      for _, process in ipairs(select(2, s:ask "status").processes) do
        if process.name == "worker-1" and process.tasks > 1 then return true end
      end
    end)
    server.put(s.config, named("second", ('plugin_dirs = { "plugins" }, plugins = { slow = true }, reload_drain = "%s"')
      :format(drain)))
    assert.equal(0, (s:ask "reload"))
    return s, c
  end

  it("ends on its own generation, and status says what holds it", function()
    local s, c = begin(2, "10m")
    local draining = select(2, s:ask "status").draining
    assert.equal(1, #draining)
    assert.same({ "worker-1", 2, "GET /p/slow/", "gifd.time.sleep" },
      { draining[1].process, draining[1].generation, draining[1].holders[1].task, draining[1].holders[1].waits })
    assert.matches("whole", c:receive "*a")
    server.wait_until("its end", function() return #select(2, s:ask "status").draining == 0 end)
    s:stop()
  end)

  it("is cancelled at the drain limit, and then nothing holds the old generation", function()
    local s, c = begin(3600, "1s")
    assert.matches("cancelled", c:receive "*a")
    server.wait_until("its end", function() return #select(2, s:ask "status").draining == 0 end)
    assert.matches("generation.cancelled generation=2", s:errors())
    s:stop()
  end)
end)

describe("POST /api/v1/admin/reload", function()
  it("answers with the outcome, although the generation that asks is replaced", function()
    local s = server.start { config = named "first", workers = 2 }
    local token = s:token "admin"
    server.put(s.config, named "second")
    local reply = s:request { "POST", "/api/v1/admin/reload", token = token }
    assert.same({ 200, 2, true }, { reply.status, reply.json.generation, reply.json.changed })
    assert.is_true(serves(s, "second"))
    server.put(s.config, "return {\n  site = { nmae = 'x' } }")
    reply = s:request { "POST", "/api/v1/admin/reload", token = token }
    assert.same({ 409, "refused", 2 }, { reply.status, reply.json.error, reply.json.faults[1].line })
    reply = s:request { "GET", "/api/v1/admin/status", token = token }
    assert.equal(2, reply.json.live.generation)
    assert.matches("nmae", reply.json.refused.faults[1].message)
    reply = s:request { "POST", "/api/v1/admin/rollback", token = token }
    assert.same({ 200, 3 }, { reply.status, reply.json.generation })
    assert.is_true(serves(s, "first"))
    s:stop()
  end)

  it("is for the scope admin, and gifd reload --server speaks it", function()
    local s = server.start { config = named "first" }
    assert.equal(401, s:request({ "POST", "/api/v1/admin/reload" }).status)
    assert.equal(403, s:request({ "POST", "/api/v1/admin/reload", token = s:token "upload" }).status)
    server.put(s.config, named "second")
    local code, out = server.command("reload", "--server", s.url, "--token", s:token "admin", "--json")
    assert.equal(0, code)
    assert.matches('"generation":2', out)
    code, out = server.command("status", "--server", s.url, "--token", s:token "admin")
    assert.equal(0, code)
    assert.matches("generation 2 since", out)
    assert.equal(5, (server.command("reload", "--server", s.url, "--token", "wrong")))
    s:stop()
  end)
end)

describe("a plugin that brings processes down", function()
  it("is switched off at the third strike, in every process, until the operator reloads", function()
    local s = with_plugins(nil, 2)
    plugin(s, "deadly", [[local text = ("a"):rep(100)
      return { routes = { ["GET /"] = { auth = "public", run = function()
        for _ = 1, 1e9 do text = text:reverse() end
      end }, ["GET /fine"] = { auth = "public", run = function() return { body = "fine" } end } } }]])
    server.put(s.config, named("first", [[plugin_dirs = { "plugins" }, plugins = { deadly = true },
      plugin_budget = { slice = "60s", call = "60s" } ]]))
    assert.equal(0, (s:ask "reload"))
    assert.equal("fine", s:request({ "GET", "/p/deadly/fine" }).body)

    local function state() return select(2, s:ask "status").plugins[1] end
    for strike = 1, 3 do
      local c = assert(socket.connect(s.listen:match "^(.*):(%d+)$"))
      c:send "GET /p/deadly/ HTTP/1.1\r\nHost: x\r\n\r\n"
      local busy
      server.wait_until("the worker that is stuck", function()
        for _, process in ipairs(select(2, s:ask "status").processes) do
          if process.answers == "no" then busy = process.pid end
        end
        return busy
      end)
      posix.kill(busy, posix.SIGABRT)
      server.wait_until("strike " .. strike, function() return state().failures == strike end)
      c:close()
      server.wait_until("both workers", function() return #s:children "gifd%-worker" == 2 end)
    end
    server.wait_until("the generation without it", function()
      return s:request({ "GET", "/p/deadly/fine" }).status == 503 and select(2, s:ask "status").reload == "idle"
    end)
    for _ = 1, 10 do
      local reply = s:request { "GET", "/p/deadly/fine" }
      assert.same({ 503, "application/problem+json" }, { reply.status, reply.headers["content-type"] })
      assert.matches("deadly is switched off", reply.body)
    end
    assert.same({ "disabled", 3 }, { state().state, state().failures })
    assert.matches("deadly/GET /: Aborted", state().disabled_reason)
    assert.matches("plugin.disabled plugin=deadly", s:errors())

    s:kill() -- durable
    s:begin()
    assert.equal("disabled", state().state)
    assert.equal(503, s:request({ "GET", "/p/deadly/fine" }).status)

    assert.equal(0, (s:ask("plugin", "enable", "deadly")))
    assert.equal("live", state().state)
    assert.equal("fine", s:request({ "GET", "/p/deadly/fine" }).body)
    s:stop()
  end)
end)

describe('reload = "auto"', function()
  local function generation(s) return select(2, s:ask "status").live.generation end

  it("follows changes of config.lua, and of plugins in folders that are new", function()
    local s = with_plugins()
    server.put(s.config, named("first", 'plugin_dirs = { "plugins" }, reload = "auto"'))
    assert.equal(0, (s:ask "reload"))
    server.put(s.config, named("second", 'plugin_dirs = { "plugins" }, reload = "auto"'))
    server.wait_until("the second", function() return serves(s, "second") end)
    plugin(s, "fresh", 'return { check = function() return true end }')
    server.put(s.config, named("third", 'plugin_dirs = { "plugins" }, reload = "auto", plugins = { fresh = true }'))
    server.wait_until("the third", function() return serves(s, "third") end)
    plugin(s, "fresh", [[local function run() return { body = "fresh" } end
      return { routes = { ["GET /"] = { auth = "public", run = run } } }]])
    server.wait_until("the plugin's route", function() return s:request({ "GET", "/p/fresh/" }).body == "fresh" end)
    plugin(s, "fresh", "return {{")
    server.wait_until("the refusal", function() return select(2, s:ask "status").refused ~= require "cjson".null end)
    assert.equal("fresh", s:request({ "GET", "/p/fresh/" }).body)
    server.put(s.config, named "manual")
    server.wait_until("the last", function() return serves(s, "manual") end)
    local before = generation(s)
    server.put(s.config, named "unseen")
    socket.sleep(0.7)
    assert.equal(before, generation(s))
    s:stop()
  end)

  it("takes a burst of changes as one, and a file that is being written only when it is whole", function()
    local s = with_plugins()
    server.put(s.config, named("first", 'reload = "auto"'))
    assert.equal(0, (s:ask "reload"))
    local before = generation(s)
    local f = assert(io.open(s.config, "wb"))
    for letter in named("whole", 'reload = "auto"'):gmatch "." do
      f:write(letter)
      f:flush()
      socket.sleep(0.002)
    end
    f:close()
    server.wait_until("the outcome", function() return serves(s, "whole") end)
    assert.equal(before + 1, generation(s))
    assert.is_nil(s:errors():find("reload.refused", 1, true))
    s:stop()
  end)
end)

describe("gifd serve --dev", function()
  it("reloads when a file changes, and says on stdout how it went", function()
    local s = server.start { config = named "first", more = { "--dev" } }
    server.put(s.config, named "second")
    local function said(text)
      server.wait_until(text, function() return server.read_file(s.dir .. "/out"):find(text, 1, true) end)
    end
    said "generation 2 serves"
    server.put(s.config, "return { site = { nmae = 1 } }")
    said "generation 2 goes on"
    assert.matches("config.lua:1: site.nmae: unknown key", server.read_file(s.dir .. "/out"))
    s:stop()
  end)
end)
