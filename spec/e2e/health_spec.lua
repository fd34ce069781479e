--- /healthz and /readyz: alive; able to serve, and what somebody should look at.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local posix = require "posix"
local server = require "server"

local function states(reply)
  local out = {}
  for _, check in ipairs(reply.json.checks) do
    out[check.name] = check.state
    assert.equal(check.state ~= "ok", check.text ~= nil, check.name)
  end
  return out
end

describe("/readyz", function()
  it("is 200 with each check when all is well", function()
    local s = server.start()
    local reply = s:request { "GET", "/readyz" }
    assert.same({ 200, "ready" }, { reply.status, reply.json.status })
    assert.same({ 0, 0 }, { #reply.json.reasons, #reply.json.warnings })
    assert.same({ database = "ok", media = "ok", disk = "ok", clock = "ok", queue = "ok", events = "ok",
      certificates = "ok", generation = "ok" }, states(reply))
    assert.same({ status = "ok" }, s:request({ "GET", "/healthz" }).json)
    s:stop()
  end)

  it("warns of a disk that is almost full, and serves on", function()
    local s = server.start { config = "return { uploads = { disk_reserve = '900TB' } }" }
    local reply = s:request { "GET", "/readyz" }
    assert.same({ 200, "warn" }, { reply.status, states(reply).disk })
    assert.same({ "the disk is almost full: uploads are refused" }, reply.json.warnings)
    s:stop()
  end)

  it("warns of a certificate that ends within three weeks, and no longer once nobody uses it", function()
    local folder = posix.mkdtemp "/tmp/gifd-health-XXXXXX"
    local crt, key = certificate.make(folder, "near", "localhost", 20)
    local s = server.start { as_configured = true, config = ([[return { listen = { "127.0.0.1:0",
      { address = "127.0.0.1:0", tls = { { cert = "%s", key = "%s" } } } } }]]):format(crt, key) }
    local reply = s:request { "GET", "/readyz" }
    assert.same({ 200, "warn" }, { reply.status, states(reply).certificates })
    assert.matches("^a certificate ends in %d+ days$", reply.json.warnings[1])
    assert.is_truthy(s:request({ "GET", "/metrics" }).body:find("\ngifd_tls_expiry_timestamp_seconds{", 1, true))
    s:kill()
    server.put(s.config, "return {}")
    s.as_configured = false
    s:begin()
    assert.equal("ok", states(s:request { "GET", "/readyz" }).certificates)
    assert.is_falsy(s:request({ "GET", "/metrics" }).body:find("gifd_tls_expiry_timestamp_seconds{", 1, true))
    s:stop()
    os.execute("rm -r " .. folder)
  end)

  it("warns when nobody adds events up any more, and no longer once somebody does", function()
    local s = server.start()
    local runner = s:children("runner")[1]
    server.wait_until("a first round", function()
      return s:request({ "GET", "/metrics" }).body:find("\ngifd_rollup_timestamp_seconds %d")
    end)
    local script = s.dir .. "/back.lua"
    server.put(script, [[gifd.metric.gauge("gifd_rollup_timestamp_seconds"):set(gifd.time.now() + tonumber(arg[1]))]])
    posix.kill(runner, posix.SIGSTOP)
    local function seen(shift)
      assert.equal(0, (server.command("lua", "--data", s.data, script, shift)))
      local reply = s:request { "GET", "/readyz" }
      assert.equal(200, reply.status)
      return reply.json.warnings[1] or "", states(reply)
    end
    local why, found = seen "-100"
    assert.same({ "warn", "ok" }, { found.events, found.clock })
    assert.matches("^events were last added up 10%d seconds ago$", why)
    why, found = seen "1000"
    assert.same({ "ok", "warn" }, { found.events, found.clock })
    assert.matches("^the clock was set back by %d+ seconds or more$", why)
    posix.kill(runner, posix.SIGCONT)
    server.wait_until("all to be well", function() return #s:request({ "GET", "/readyz" }).json.warnings == 0 end)
    s:stop()
  end)
end)
