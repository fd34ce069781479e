--- gifd doctor: what it finds on a sound machine, and what it says when something is wrong.
local cjson = require "cjson"
local server = require "spec.support.server"

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
