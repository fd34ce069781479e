-- What an operator meets: every fault at once with its place, an answer to why a value is what it is, and a server that
-- no configuration brings down.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local files = require "spec.support.files"
local json_schema = require "json_schema"
local posix = require "posix"
local server = require "server"
local settings = require "gifd.settings"
local socket = require "socket"
local times = require "posix.sys.times".times
local unistd = require "posix.unistd"
local values = require "values"

local ticks = unistd.sysconf(unistd._SC_CLK_TCK)

local dir
setup(function() dir = assert(posix.mkdtemp("/tmp/gifd-config-XXXXXX")) end)
teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

local function put(name, text)
  os.execute(("mkdir -p '%s'"):format((dir .. "/" .. name):match("^(.*)/")))
  server.put(dir .. "/" .. name, text)
  return dir .. "/" .. name
end

--- gifd check of this text -> exit code, faults, what it printed
local function check(text, ...)
  local path = put("config.lua", text)
  local code, out, err = server.command("check", "--root", ".", "--config", path, "--json", ...)
  local ok, answer = pcall(cjson.decode, out)
  return code, ok and answer.faults or {}, out .. err
end

local function brief(faults)
  local out = {}
  for i, f in ipairs(faults) do
    out[i] = ("%s:%s %s"):format(f.file:match("[^/]+$"), f.line == cjson.null and "-" or f.line,
      f.path == cjson.null and "-" or f.path)
  end
  return out
end

--- gifd config WORDS of this text -> exit code, answer, stderr
local function config(text, ...)
  local path = put("config.lua", text)
  local code, out, err = server.command("config", ...)
  if text then code, out, err = server.command("config", "--root", ".", "--config", path, ...) end
  return code, out, err
end

local function explain(text, key, ...)
  local code, out, err = config(text, "explain", key, "--json", ...)
  return code == 0 and cjson.decode(out) or code, err
end

describe("gifd check", function()
  it("tells all faults of all files at once, by file and line, with the nearest right word", function()
    put("plugins/broken/plugin.lua",
      'return {\n  name = "broken", api = 1, version = "1", uses = {\n    "fetsh:x.org" },\n}')
    put("plugins/broken/init.lua", "return {\n  hooks = = 1,\n}")
    put("plugins/crooked/plugin.lua",
      'return { name = "crooked", api = 1, versoin = "1",\n  config = schema.recrod {} }')
    put("plugins/crooked/init.lua", "return {\n\n  = }")
    local code, faults = check([[
return {
  uploads = {
    max_bites = 1,
    frames = "many",
  },
  unseen = "aproved",
  jobs = {
    lease = "10 parsecs" },
  plugins = { broken = true, crooked = true,
    ["moderation-word"] = true },
}]], "--plugins", dir .. "/plugins")
    assert.equal(3, code)
    assert.same({ "config.lua:3 uploads.max_bites", "config.lua:4 uploads.frames", "config.lua:6 unseen",
      "config.lua:8 jobs.lease", 'config.lua:10 plugins["moderation-word"]', "init.lua:2 -",
      "plugin.lua:3 uses[1]", "init.lua:3 -", "plugin.lua:2 -" }, brief(faults))
    assert.equal("max_bytes", faults[1].nearest)
    assert.equal("approved", faults[3].nearest)
    assert.equal("moderation-words", faults[5].nearest)
    assert.matches("did you mean record", faults[9].message)
    os.execute("rm -rf '" .. dir .. "/plugins'")
  end)

  it("tells each plugin that does not load", function()
    for _, name in ipairs { "one", "two" } do
      put("plugins/" .. name .. "/plugin.lua", ('return { name = %q, api = 1, version = "1" }'):format(name))
      put("plugins/" .. name .. "/init.lua", "\nlocal x\nreturn x.y")
    end
    local code, faults = check("return { plugins = { one = true, two = true } }", "--plugins", dir .. "/plugins")
    assert.equal(3, code)
    assert.same({ "init.lua:3 -", "init.lua:3 -" }, brief(faults))
    assert.matches("/one/init%.lua", faults[1].file)
    assert.matches("/two/init%.lua", faults[2].file)
    os.execute("rm -rf '" .. dir .. "/plugins'")
  end)

  it("finds the wrong kind of value at every key in one go", function()
    local entries = {}
    values.each(settings, function(keys, node)
      local wrong = values.wrong(node)
      local top = settings.fields[keys[1]]
      if wrong[1] and (#keys == 1 and not node.fields or #keys == 2 and top.fields and not node.fields) then
        entries[#entries + 1] = { keys, wrong[#wrong] }
      end
    end)
    local sections, order = {}, {}
    for _, entry in ipairs(entries) do
      local keys = entry[1]
      local name = #keys == 2 and keys[1] or ""
      if not sections[name] then order[#order + 1], sections[name] = name, {} end
      table.insert(sections[name], ("%s = %s,"):format(keys[#keys], entry[2]))
    end
    local text, where, line = { "return {" }, {}, 1
    for _, name in ipairs(order) do
      if name ~= "" then
        text[#text + 1], line = name .. " = {", line + 1
      end
      for _, one in ipairs(sections[name]) do
        text[#text + 1], line = one, line + 1
        where[(name ~= "" and name .. "." or "") .. one:match("^[%w_]+")] = line
      end
      if name ~= "" then
        text[#text + 1], line = "},", line + 1
      end
    end
    local code, faults, said = check(table.concat(text, "\n") .. "\n}")
    assert.equal(3, code)
    local found = {}
    for _, f in ipairs(faults) do if f.path ~= cjson.null then found[f.path:match("^[%w_%.]+")] = f.line end end
    for path, at in pairs(where) do assert.equal(at, found[path], path) end
    assert.is_nil(said:find("traceback", 1, true))
  end)

  it("prints for people on a terminal only in colours, and never control characters of a key", function()
    local path = put("config.lua", 'return {\n  ["\\27[31mred"] = 1, sit = {} }')
    local _, out, err = server.command("check", "--root", ".", "--config", path)
    assert.equal("", out)
    assert.is_nil(err:find("\27", 1, true))
    assert.matches("config%.lua:2: sit: unknown key %(did you mean site%?%)", err)
    local command = ("script -qec '%s check --root . --config %s' /dev/null < /dev/null")
    local function on_terminal(environment)
      return table.concat(files.lines(environment .. command:format(server.binary, path)), "\n")
    end
    if os.execute("command -v script > /dev/null") == 0 then
      assert.matches("\27%[1m", on_terminal "NO_COLOR= ")
      assert.matches("2 faults", on_terminal "NO_COLOR= ")
      assert.is_nil(on_terminal("NO_COLOR=1 "):find("\27", 1, true))
    end
  end)

  it("is quick with all bundled plugins", function()
    local names = {}
    for _, name in ipairs(files.lines("ls plugins")) do names[#names + 1] = ("[%q] = true"):format(name) end
    local path = put("config.lua", "return { plugins = { " .. table.concat(names, ", ") .. " } }")
    local best = math.huge -- of processor time; the clock on the wall belongs to whoever else runs here
    for _ = 1, 5 do
      local before = times()
      assert.equal(0, (server.command("check", "--config", path)))
      local after = times()
      best = math.min(best, (after.tms_cutime + after.tms_cstime - before.tms_cutime - before.tms_cstime) / ticks)
    end
    assert.is_true(best < 0.15, ("%.3f s"):format(best))
  end)
end)

describe("a manifest", function()
  local function faults_of(manifest, config_text)
    put("plugins/odd/plugin.lua", manifest)
    put("plugins/odd/init.lua", "return {}")
    local code, faults, said = check("return { plugins = { odd = " .. (config_text or "true") .. " } }", "--plugins",
      dir .. "/plugins")
    assert.is_nil(said:find("traceback", 1, true), said)
    return code, faults
  end
  local good = { name = '"odd"', api = "1", version = '"1"', summary = '"s"', uses = "{}", config = "schema.record {}" }

  --- The manifest with these in place of the good ones, a line each.
  local function manifest(changed)
    local out = { "return {" }
    for _, key in ipairs { "name", "api", "version", "summary", "uses", "config" } do
      local other = changed[key] or {}
      out[#out + 1] = ("  %s = %s,"):format(other.key or key, other.value or good[key])
    end
    return table.concat(out, "\n") .. "\n}"
  end

  it("refuses the wrong kind of value at every key, and keys that are one or two letters off", function()
    assert.equal(0, (faults_of(manifest {})))
    for i, key in ipairs { "name", "api", "version", "summary", "uses", "config" } do
      for _, value in ipairs { "true", "0/0", "{ { } }", "{ kind = 'list' }", "7.5", '"\\255"' } do
        if not (value == '"\\255"' and (key == "version" or key == "summary")) then
          local code, faults = faults_of(manifest { [key] = { value = value } })
          assert.equal(3, code, key .. " = " .. value)
          assert.equal(i + 1, faults[1].line, key .. " = " .. value)
          assert.matches("^" .. key, faults[1].path)
        end
      end
      for _, typo in ipairs { key .. "x", key:sub(2), "xy" .. key } do
        local code, faults = faults_of(manifest { [key] = { key = typo, value = good[key] } })
        assert.equal(3, code)
        local nearest
        for _, f in ipairs(faults) do if f.path == typo then nearest = f.nearest end end
        assert.equal(key, nearest, typo)
      end
    end
  end)

  it("is held to a budget, and to schema", function()
    for text, want in pairs {
      ["while true do end"] = "runs too long", ["local s = 'x' while true do s = s .. s end"] = "64 MiB",
      ["return function() end"] = "must return a table", ["return os"] = "a manifest can call schema only",
      ["schema.string = nil"] = "schema may not be written", ["return"] = "must return a table",
      ["return { config = schema.record { a = schema.integer { default = 'x' } } }"] = "default: must be a whole",
    } do
      local code, faults = faults_of("\n" .. text)
      assert.equal(3, code, text)
      assert.equal(2, faults[1].line, text)
      assert.is_truthy(faults[1].message:find(want, 1, true), text .. ": " .. faults[1].message)
    end
  end)

  it("names the folder it is in; a folder or a file that is a link says so", function()
    local _, faults = faults_of(manifest { name = { value = '"even"' } })
    assert.equal('must be "odd", the name of its folder', faults[1].message)
    os.execute(("cd '%s' && mv plugins/odd elsewhere && ln -s ../elsewhere plugins/odd"):format(dir))
    local code
    code, faults = check("return { plugins = {\n odd = true } }", "--plugins", dir .. "/plugins")
    assert.equal(3, code)
    assert.same({ "config.lua:2 plugins.odd" }, brief(faults))
    assert.matches("plugins/odd is a link, and links are not followed", faults[1].message)
    os.execute(("rm '%s/plugins/odd'; mv '%s/elsewhere' '%s/plugins/odd'"):format(dir, dir, dir))
    put("plugins/odd/plugin.lua", manifest {})
    os.execute(("ln -s /etc/passwd '%s/plugins/odd/more.lua'"):format(dir))
    code, faults = check("return { plugins = { odd = true } }", "--plugins", dir .. "/plugins")
    assert.equal(3, code)
    assert.matches("more%.lua$", faults[1].file)
    os.execute(("rm '%s/plugins/odd/more.lua'"):format(dir))
  end)

  it("of one name in two folders: the later folder wins, whole", function()
    put("more/odd/plugin.lua", 'return { name = "odd", api = 1, version = "2", config = schema.record {\n'
      .. 'b = schema.integer { default = 1, doc = "of the second" } } }')
    put("more/odd/init.lua", "return {}")
    local path = put("config.lua", "return { plugins = { odd = true } }")
    local code, out = server.command("config", "explain", "plugins.odd.b", "--json", "--root", ".", "--config", path,
      "--plugins", dir .. "/plugins", "--plugins", dir .. "/more")
    assert.equal(0, code)
    assert.equal("of the second", cjson.decode(out).doc)
  end)

  it("that changes all the time is read whole or refused, never torn", function()
    local path = dir .. "/plugins/odd/init.lua"
    local pid = posix.fork()
    if pid == 0 then
      for i = 1, 400 do
        local f = io.open(path, "wb")
        f:write("return { --" .. ("x"):rep(i * 50))
        f:flush()
        socket.sleep(0.002)
        f:write("\n}")
        f:close()
      end
      posix._exit(0)
    end
    for _ = 1, 5 do
      local code, faults = check("return { plugins = { odd = true } }", "--plugins", dir .. "/plugins")
      local why = faults[1] and faults[1].message or ""
      assert.is_true(code == 0 or why:match("changes all the time") ~= nil, code .. " " .. why)
    end
    posix.kill(pid, posix.SIGKILL)
    posix.wait(pid)
  end)
end)

describe("gifd config", function()
  local text = '\nreturn {\n  site = { name = "here" },\n  uploads = {\n    max_bytes = "1 MiB" },\n  listen = {\n'
    .. '    "127.0.0.1:1",\n    "127.0.0.1:2" },\n  plugins = { ["moderation-words"] = {\n   allow = { "a b" } } } }'

  it("explains values: from the file, the default, the command line, inside lists and plugins", function()
    local found = explain(text, "uploads.max_bytes")
    assert.same({ 1048576, "1 MiB", dir .. "/config.lua:5", "of one file" },
      { found.value, found.written, found.origin, found.doc })
    found = explain(text, "uploads.frames")
    assert.same({ 10000, "default" }, { found.value, found.origin })
    assert.equal(dir .. "/config.lua:8", explain(text, "listen[2]").origin)
    found = explain(text, 'plugins["moderation-words"].allow')
    assert.same({ { "a b" }, dir .. "/config.lua:10" }, { found.value, found.origin })
    assert.equal("default", explain(text, "plugins.moderation-words.languages").origin)
    assert.equal("default", explain(text, 'limits["GET /signin"].rate').origin)
    found = explain(text, "workers", "--workers", "3")
    assert.same({ 3, "command line" }, { found.value, found.origin })
    found = explain(text, "listen", "--listen", "127.0.0.1:7", "--listen", "127.0.0.1:8")
    assert.same({ { "127.0.0.1:7", "127.0.0.1:8" }, "command line" }, { found.value, found.origin })
    assert.equal(1048576, explain(text, "uploads").value.max_bytes)
    assert.equal(cjson.null, explain(text, "site.base_url").value)
  end)

  it("explains tables that are put together by name", function()
    local computed = 'local c = {}\nlocal u = {\n frames = 7 }\nc.uploads = u\nc.site = {\n name = "x" }\nreturn c'
    assert.equal(dir .. "/config.lua:3", explain(computed, "uploads.frames").origin)
    assert.equal(dir .. "/config.lua:6", explain(computed, "site.name").origin)
  end)

  it("names the nearest key, and exits 4", function()
    for key, near in pairs { ["uploads.max_byte"] = "uploads.max_bytes", ["uplaods.frames"] = "uploads.frames",
      ["plugins.moderation-words.alow"] = 'plugins["moderation-words"].allow', sit = "site" } do
      local code, err = explain(text, key)
      assert.equal(4, code)
      assert.is_truthy(err:find("did you mean " .. near .. "?", 1, true), err)
    end
    assert.equal(4, (explain(text, "listen[9]")))
    assert.equal(2, (explain(text, "a..b")))
    assert.equal(2, (config(text, "explain")))
    assert.equal(2, (config(text, "expain", "x")))
    assert.equal(3, (explain("return { bogus = 1 }", "site")))
  end)

  it("diff tells what is not as shipped", function()
    local code, out = config(text, "diff", "--json")
    assert.equal(0, code)
    local keys = {}
    for line in out:gmatch("[^\n]+") do keys[#keys + 1] = cjson.decode(line).key end
    assert.same({ "listen", 'plugins["moderation-words"].allow', "site.name", "uploads.max_bytes" }, keys)
    code, out = config("return {}", "diff")
    assert.same({ 0, "" }, { code, out })
  end)

  it("schema is JSON Schema, and says of values what the check says", function()
    local code, out = config(text, "schema")
    assert.equal(0, code)
    local schema = json_schema.decode(out)
    assert.equal("https://json-schema.org/draft/2020-12/schema", schema["$schema"])
    assert.is_nil(json_schema.wrong(schema))
    assert.is_true(json_schema.fits(schema, { site = { name = "x" }, uploads = { max_bytes = "1 MiB" }, workers = 2,
      listen = { "127.0.0.1:1" }, plugins = { ["moderation-words"] = true } }))
    for _, bad in ipairs { { sit = {} }, { workers = 65 }, { workers = "2" }, { unseen = "x" },
      { uploads = { frames = {} } }, { plugins = { ["moderation-words"] = { alow = {} } } } } do
      assert.is_false(json_schema.fits(schema, bad), cjson.encode(bad))
    end
    local path = put("schema.json", out)
    if os.execute("python3 -c 'import jsonschema' 2> /dev/null") == 0 then
      assert.equal(0, os.execute(("python3 -c 'import json,jsonschema,sys; "
        .. "jsonschema.Draft202012Validator.check_schema(json.load(open(sys.argv[1])))' %s"):format(path)))
    end
  end)

  it("reference is docs/reference/config.md (./dev docs writes it)", function()
    local code, out = server.command("config", "reference", "--root", ".")
    assert.equal(0, code)
    assert.is_true(out == files.read("docs/reference/config.md"), "docs/reference/config.md is stale: ./dev docs")
  end)

  it("config.lua has a line for every key", function()
    local shipped = files.read("config.lua")
    values.each(settings, function(keys)
      assert.is_truthy(shipped:find("%f[%w_]" .. keys[#keys] .. " = "), "config.lua does not speak of "
        .. table.concat(keys, "."))
    end)
  end)
end)

-- Each is a fault with its line, and a running server goes on as if nobody had asked.
local hostile = {
  { "\nwhile true do end", 2, "runs too long" },
  { "\nreturn { site = (function() while true do local x = ('x'):rep(9e6) end end)() }", 2, "runs too long" },
  { "local t = {}\nfor i = 1, 1e9 do\n  t[i] = {}\nend", 3, "64 MiB" },
  { "local s = 'x'\nwhile true do s = s .. s end", 2, "64 MiB" },
  { "\n\nreturn function() end", 3, "must return a table of data, and returns a function" },
  { "return {\n  site = function() end }", 2, "is a function" },
  { "local t = { plugins = {} }\nt.plugins.x = t\nreturn t", 2, "contains itself" },
  { "return { uploads = {\n  frames = 0/0 } }", 2, "NaN" },
  { "return { uploads = {\n  frames = 1/0 } }", 2, "infinite" },
  { "local t = {}\nfor i = 1, 90000 do t['key' .. i] = i end\nreturn t", 3, "unknown key" },
  { "local t = {}\nfor i = 1, 200000 do t['key' .. i] = i end\nreturn {\n  site = t }", 3, "more than 100000 values" },
  { "return {\n  site = { name = ('x'):rep(2^24) } }", 2, "is a text of 16777216 bytes" },
  { "return { [('k'):rep(5000)] = 1 }", 1, "a key of 5000 bytes" },
  { "local t = {}\nlocal r = t\nfor _ = 1, 1e4 do\n  t.plugins = {} t = t.plugins\nend\nreturn { plugins = {\n"
    .. "  ['moderation-words'] = r } }", 7, "unknown key" },
  { "\nreturn { site = io.open('/etc/passwd') }", 2, "there is no io here" },
  { "\nlocal x = require 'ffi'", 2, "there is no require here" },
  { "return {\n  site = { name = file('/etc/nothing-of-this-name') } }", 2, "No such file" },
  { "return {\n  site = { name = file('/dev/zero') } }", 2, "is no file" },
  { "local function f() return 1 + f() end\nreturn f()", 1, "stack overflow" },
  { "return {\n  site = ", 2, "unexpected symbol" },
  { "\255\254", 1, "near" },
  { "\27LJ\2", nil, "" },
  { "", 1, "must return a table" },
}

describe("a configuration that means harm", function()
  it("is told with its line", function()
    for _, case in ipairs(hostile) do
      local code, faults, said = check(case[1])
      assert.equal(3, code, case[1])
      assert.equal(dir .. "/config.lua", faults[1].file)
      if case[2] then assert.equal(case[2], faults[1].line, case[1] .. ": " .. faults[1].message) end
      assert.is_truthy(faults[1].message:find(case[3], 1, true), case[1] .. ": " .. faults[1].message)
      assert.is_nil(said:find("traceback", 1, true))
    end
  end)

  it("leaves the running server as it is", function()
    local s = server.start { config = 'return { site = { name = "before" } }' }
    for _, case in ipairs(hostile) do
      server.put(s.config, case[1])
      local code, answer = s:ask "reload"
      assert.equal(1, code, case[1])
      assert.equal("refused", answer.error)
      assert.equal(200, s:request({ "GET", "/healthz" }).status)
    end
    server.put(s.config, "return { uploads = { frames = 7 } }")
    assert.equal(0, (s:ask "reload"))
    s:stop()
  end)

  it("that is too long a file is refused, and one that is no file", function()
    local code, faults = check("return {}" .. (" "):rep(2 ^ 20))
    assert.equal(3, code)
    assert.matches("longer than 1048576 bytes", faults[1].message)
    code = server.command("check", "--config", dir)
    assert.equal(3, code)
    assert.equal(3, (server.command("check", "--config", dir .. "/nothing.lua")))
  end)
end)
