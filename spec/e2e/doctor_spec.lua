--- gifd doctor: what it finds on a sound machine, and what it says when something is wrong.
local cjson = require "cjson"
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local http = require "socket.http"
local ltn12 = require "ltn12"
local pictures = require "pictures"
local server = require "server"
local stand = require "stand"

local function shell(command)
  local f = assert(io.popen(command .. " 2>&1; echo $?"))
  local text = f:read "*a"
  f:close()
  local out, code = text:match("^(.-)(%d+)\n$")
  return tonumber(code), out
end

local function by_name(findings)
  local out = {}
  for _, f in ipairs(findings) do out[f.name] = f end
  return out
end

describe("gifd doctor", function()
  local dir

  setup(function() dir = assert(io.popen("mktemp -d /tmp/gifd-spec-XXXXXX")):read "*l" end)
  teardown(function() os.execute("rm -rf " .. dir) end)

  it("finds a sound machine sound, and changes nothing", function()
    local code, out = shell(("%s doctor --data %s --json"):format(server.binary, dir))
    local report = cjson.decode(out)
    local found = by_name(report.findings)
    assert.equal(report.ok and 0 or 1, code)
    assert.equal("ok", found.data.state)
    for _, wall in ipairs { "calls", "user", "capabilities", "privileges", "limits", "descriptors" } do
      assert.equal("ok", found["wall." .. wall].state)
    end
    assert.equal("ok", found.codecs.state)
    assert.equal("", io.popen("ls -A " .. dir):read "*a")
  end)

  it("ends each finding that is not ok with what mends it", function()
    os.execute("chmod 755 " .. dir)
    local code, out = shell(("ulimit -n 256; %s doctor --data %s --json"):format(server.binary, dir))
    local report = cjson.decode(out)
    local found = by_name(report.findings)
    assert.equal(1, code)
    assert.is_false(report.ok)
    assert.equal("fail", found.descriptors.state)
    assert.matches("LimitNOFILE", found.descriptors.mend)
    assert.equal("warn", found["data.private"].state)
    for _, f in ipairs(report.findings) do assert.equal(f.state ~= "ok", f.mend ~= nil, f.name) end
  end)

  it("says so when the data directory cannot be had", function()
    local code, out = shell(("%s doctor --data /proc/nowhere/data"):format(server.binary))
    assert.equal(1, code)
    assert.matches("fail  data .*cannot be written to", out)
    assert.matches("mend: ", out)
  end)

  it("says when nothing looks at pixels, what becomes of them then, and who lacks what", function()
    local config = dir .. "/config.lua"
    os.execute(("mkdir -p '%s/plugins/eye'"):format(dir))
    server.put(dir .. "/plugins/eye/init.lua", "return {}")
    local function with(manifest, text)
      server.put(dir .. "/plugins/eye/plugin.lua", ([[return { name = "eye", api = 1, version = "1", %s
        config = schema.record { url = schema.optional(schema.url {}) } }]]):format(manifest))
      server.put(config, text:gsub("DIR", dir .. "/plugins"))
      local _, out = shell(("%s doctor --data %s --config %s --json"):format(server.binary, dir, config))
      return by_name(cjson.decode(out).findings)
    end
    local seen = with('pixels = "url",',
      "return { unseen = 'approved', plugin_dirs = { 'DIR' }, plugins = { eye = true } }")
    assert.equal("warn", seen.pixels.state)
    assert.matches("nothing looks at pixels: everything that no judge minds is approved, without", seen.pixels.text)
    local looks = "return { plugin_dirs = { 'DIR' }, plugins = { eye = { url = 'https://a.example/' } } }"
    seen = with('pixels = "url",', looks)
    assert.equal("ok judged by eye", seen.pixels.state .. " " .. seen.pixels.text)
    seen = with('pixels = true, needs = { url = "it has no url" },',
      "return { plugin_dirs = { 'DIR' }, plugins = { eye = true } }")
    assert.equal("warn", seen.pixels.state)
    assert.equal("eye is not loaded: it has no url", seen.plugin.text)
    assert.equal("fail", with('pixels = "ulr",', looks).configuration.state)
    os.remove(config)
  end)

  it("looks at what the configuration says of the world outside", function()
    local config = dir .. "/config.lua"
    local function with(text)
      local f = assert(io.open(config, "w"))
      f:write(text)
      f:close()
      local code, out = shell(("%s doctor --data %s --config %s --json"):format(server.binary, dir, config))
      return by_name(cjson.decode(out).findings), code
    end
    local found = with 'return { site = { base_url = "http://gifs.example.org" } }'
    assert.equal("warn", found.base_url.state)
    assert.matches("https", found.base_url.mend)
    assert.matches("trusted_proxies", found.proxies.mend)
    found = with 'return { site = { base_url = "https://gifs.example.org" }, trusted_proxies = { "127.0.0.0/8" } }'
    assert.equal("ok", found.base_url.state)
    assert.equal("ok", found.proxies.state)
    local broken, code = with "return { lisen = {} }"
    assert.equal("fail", broken.configuration.state)
    assert.equal(1, code)
    assert.matches("gifd check", broken.configuration.mend)
    os.remove(config)
  end)
end)

--- What is in front of a server: passes requests on to the address that mode() begins with, and says who asks when
-- it ends in " honest".
local function proxy(request)
  local upstream, how = request.mode():match("^(%S+) (%a+)$")
  if not upstream then return 502, "", "" end
  local body = {}
  local _, status, fields = http.request { url = upstream .. request.target, sink = ltn12.sink.table(body), headers =
    { ["user-agent"] = request.headers["user-agent"], ["x-forwarded-for"] = how == "honest" and "192.0.2.7" or nil } }
  return status, ("Content-Type: %s\r\n"):format(fields["content-type"]), table.concat(body)
end

describe("gifd doctor beside a running server", function()
  local s, front

  setup(function()
    front = stand.start(proxy)
    s = server.start { config = ([[return { unseen = "approved", site = { base_url = "%s" },
      trusted_proxies = { "127.0.0.0/8" } }]]):format(front.url) }
  end)
  teardown(function()
    s:stop()
    front:stop()
  end)

  local function examined()
    local code, out, err = server.command("doctor", "--data", s.data, "--config", s.config, "--json")
    local report = cjson.decode(out)
    for _, f in ipairs(report.findings) do assert.equal(f.state ~= "ok", f.mend ~= nil, f.name) end
    return by_name(report.findings), code, err
  end

  it("says what it serves, and that nothing is there to be unfurled yet", function()
    front:set(s.url .. " honest")
    local found, _, err = examined()
    assert.equal("", err)
    assert.matches("^generation 1 serves", found.server.text)
    assert.same({ "ok", "ok" }, { found.ready.state, found.unfurl.state })
    assert.equal("ok", found.dns.state)
  end)

  it("sees whether what is in front leads here and tells who asks", function()
    front:set(s.url .. " honest")
    local found = examined()
    assert.same({ "ok", "ok" }, { found.front.state, found["proxies.headers"].state })
    front:set(s.url .. " silent")
    found = examined()
    assert.equal("ok", found.front.state)
    assert.equal("fail", found["proxies.headers"].state)
    assert.matches("X%-Forwarded%-For", found["proxies.headers"].mend)
    front:set "nowhere"
    found = examined()
    assert.equal("warn", found.front.state)
    assert.is_nil(found["proxies.headers"])
  end)

  it("looks at a share as Discord and Slack do, and that is no visit by a person", function()
    front:set(s.url .. " honest")
    local admin = s:token "admin"
    local share = s:upload(pictures.gif(), admin, "?title=hello").json.share
    local found
    server.wait_until("the share to be seen", function()
      found = examined()
      return found["unfurl.discord"]
    end)
    for _, name in ipairs { "discord", "slack" } do
      assert.equal("ok", found["unfurl." .. name].state, found["unfurl." .. name].text)
      assert.matches(front.url .. "/s/" .. share.code .. ".gif", found["unfurl." .. name].text, 1, true)
    end
    local metrics
    server.wait_until("looks to be counted", function()
      metrics = s:request({ "GET", "/api/v1/shares/" .. share.code .. "/metrics", token = admin }).json
      return metrics.by_verdict.preview and metrics.by_verdict.preview.clicks >= 2
    end)
    assert.same({ 0, 0 }, { metrics.clicks, metrics.views })
  end)

  it("fails where a program gets no picture", function()
    local share = s:upload(pictures.gif(), s:token "admin", "?title=gone").json.share
    os.execute(("find '%s/blobs' -type f -delete"):format(s.data))
    local found, code
    server.wait_until("it to be the newest", function()
      found, code = examined()
      return (found["unfurl.slack"] or { text = "" }).text:find(share.code, 1, true)
    end)
    assert.same({ "fail", 1 }, { found["unfurl.slack"].state, code })
    assert.matches("Slack gets no picture from ", found["unfurl.slack"].text)
  end)

  it("says that a configuration is refused, and so do /readyz and the numbers", function()
    server.put(s.config, "return { nonsense = 1 }")
    assert.equal(1, (server.command("reload", "--data", s.data)))
    local _, out = server.command("doctor", "--data", s.data, "--json")
    local found = by_name(cjson.decode(out).findings)
    assert.equal("warn", found.generation.state)
    assert.matches("nonsense", found.generation.text)
    local ready = s:request { "GET", "/readyz" }
    assert.equal(200, ready.status)
    assert.matches("refused", ready.json.warnings[1])
    assert.matches("\ngifd_generation_refused 1\n", s:request({ "GET", "/metrics" }).body)
  end)
end)
