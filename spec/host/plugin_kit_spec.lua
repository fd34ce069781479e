-- The author's kit: a new plugin works as it is written, its spec runs inside the program, and what a test did not say
-- is told by name.
local cjson = require "cjson"
local files = require "spec.support.files"
local server = require "spec.support.server"

local dir

local function gifd(...)
  local code, out, err = server.command(...)
  return code, out, err
end

local function folder(name) return dir .. "/plugins/" .. name end

--- Runs one spec's text in a new plugin of a kind -> exit code, results by name
local function results_of(kind, text)
  local name = "try-" .. kind
  gifd("plugin", "new", name, "--kind", kind, "--dir", dir .. "/plugins")
  os.execute("rm -f " .. folder(name) .. "/spec/*")
  server.put(folder(name) .. "/spec/own_spec.lua", text)
  local code, out = gifd("plugin", "test", folder(name), "--json")
  local by_name = {}
  for line in out:gmatch("[^\n]+") do
    local result = cjson.decode(line)
    by_name[result.name] = result
  end
  return code, by_name
end

describe("gifd plugin new", function()
  before_each(function() dir = files.lines("mktemp -d /tmp/gifd-kit-XXXXXX")[1] end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  for _, kind in ipairs { "judge", "publisher", "route", "job" } do
    it("writes a " .. kind .. " that passes its spec, gifd check and luacheck as it is", function()
      local name = "my-" .. kind
      assert.equal(0, (gifd("plugin", "new", name, "--kind", kind, "--dir", dir .. "/plugins")))
      for _, file in ipairs { "plugin.lua", "init.lua", "README.md", ".luarc.json", ".luacheckrc", ".types/gifd.lua",
        ".types/testing.lua", "spec/my_" .. kind .. "_spec.lua" } do
        local text = server.read_file(folder(name) .. "/" .. file)
        assert.truthy(text, file)
        assert.is_nil(text:match("@%u+@"), file)
      end
      cjson.decode(server.read_file(folder(name) .. "/.luarc.json"))

      local began = os.time()
      local code, out, err = gifd("plugin", "test", folder(name))
      assert.equal(0, code, out .. err)
      assert.matches("%d passed, 0 failed", out)
      assert.is_true(os.time() - began <= 3)

      server.put(dir .. "/config.lua", ('return { plugins = { ["%s"] = true } }'):format(name))
      code, out, err = gifd("check", "--config", dir .. "/config.lua", "--plugins", dir .. "/plugins")
      assert.equal(0, code, out .. err)

      for _, command in ipairs { "luacheck -q %s", "cd %s && luacheck -q ." } do
        local said = table.concat(files.lines(command:format(folder(name)) .. " --no-color 2>&1; echo $?"), "\n")
        assert.matches("\n?0$", said)
      end
    end)
  end

  it("has annotations that are those of the reference", function()
    gifd("plugin", "new", "any", "--dir", dir .. "/plugins")
    for _, name in ipairs { "gifd.lua", "testing.lua" } do
      local own = server.read_file(folder("any") .. "/.types/" .. name)
      assert.equal(server.read_file("lua/gifd/types/plugin/" .. name), own)
    end
  end)

  it("names nothing that an editor would not complete, and neither do the bundled plugins", function()
    local types = server.read_file("lua/gifd/types/plugin/gifd.lua") .. server.read_file(
      "lua/gifd/types/plugin/testing.lua")
    local sources = files.lines("find plugins -name '*.lua'")
    for _, kind in ipairs { "judge", "publisher", "route", "job" } do
      gifd("plugin", "new", "n-" .. kind, "--kind", kind, "--dir", dir .. "/plugins")
      for _, path in ipairs(files.lines("find " .. folder("n-" .. kind) .. " -name '*.lua' -not -path '*/.types/*'")) do
        sources[#sources + 1] = path
      end
    end
    assert.is_true(#sources > 12)
    for _, path in ipairs(sources) do
      local text = server.read_file(path):gsub('"[^"\n]*"', '""')
      for chain in text:gmatch("%f[%w_.]gifd%.[%w_.]*[%w_]") do
        local known = types:find("function " .. chain .. "(", 1, true) or types:find("@class " .. chain, 1, true)
          or types:find("\n" .. chain .. " = ", 1, true)
        assert.truthy(known, path .. " says " .. chain)
      end
      for chain in text:gmatch("%f[%w_.]schema%.[%w_]+") do
        assert.truthy(types:find("function " .. chain .. "(", 1, true), path .. " says " .. chain)
      end
    end
  end)

  it("refuses names that are none, with one that would do", function()
    for name, near in pairs { ["My Plugin"] = "my%-plugin", ["../up"] = "up", ["9lives"] = "lives" } do
      local code, _, err = gifd("plugin", "new", name, "--dir", dir)
      assert.equal(2, code)
      assert.matches(near, err)
    end
    assert.equal(2, (gifd("plugin", "new")))
    assert.equal(2, (gifd("plugin", "new", ("a"):rep(65), "--dir", dir)))
    local code, _, err = gifd("plugin", "new", "x", "--kind", "juge", "--dir", dir)
    assert.equal(2, code)
    assert.matches("did you mean .judge.", err)
    assert.same({}, files.lines("ls " .. dir))
  end)

  it("leaves what is there alone, whatever it is", function()
    os.execute("mkdir -p " .. folder("full"))
    server.put(folder("full") .. "/mine.txt", "mine")
    server.put(dir .. "/plugins/file", "mine")
    for _, name in ipairs { "full", "file" } do
      local code, _, err = gifd("plugin", "new", name, "--dir", dir .. "/plugins")
      assert.equal(6, code)
      assert.matches("is there already", err)
    end
    assert.same({ "mine.txt" }, files.lines("ls " .. folder("full")))
  end)
end)

describe("gifd plugin test", function()
  before_each(function() dir = files.lines("mktemp -d /tmp/gifd-kit-XXXXXX")[1] end)
  after_each(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("says what it did not find", function()
    local code, _, err = gifd("plugin", "test", "nobody")
    assert.equal(4, code)
    assert.matches("there is no plugin.lua in nobody, nor in plugins/nobody", err)
    assert.equal(2, (gifd("plugin", "test")))
    assert.equal(2, (gifd("plugin", "test", "moderation-words", "--filtre", "x")))
  end)

  it("runs a bundled plugin by its name, and a part of it by words", function()
    local code, out = gifd("plugin", "test", "moderation-words", "--filter", "pixels")
    assert.equal(0, code)
    assert.matches("\n1 passed, 0 failed\n$", out)
  end)

  it("fails a test by the name of what was not expected, even when the plugin hides it", function()
    local code, by_name = results_of("job", [[
      it("unexpected", function() local t = gifd.testing.start() t:job("refresh") end)
      it("missing", function()
        gifd.testing.start { fetch = { { url = "https://lists.example.org/words.txt", err = "timeout" } } }
      end)
      it("other", function()
        local t = gifd.testing.start { fetch = { { url = "https://lists.example.org/other.txt" } } }
        t:job("refresh")
      end)
      it("method", function()
        local t = gifd.testing.start { fetch = { { url = "https://lists.example.org/words.txt", method = "POST" } } }
        t:job("refresh")
      end)]])
    assert.equal(1, code)
    assert.matches("unexpected fetch: GET https://lists.example.org/words.txt", by_name.unexpected.message)
    assert.matches("expected fetch never came: GET https://lists.example.org/words.txt", by_name.missing.message)
    assert.matches("expected fetch GET https://lists.example.org/other.txt, got GET", by_name.other.message)
    assert.matches("expected method POST, not GET", by_name.method.message)
  end)

  it("tells file and line of what is wrong in a spec, and of a spec that cannot be read", function()
    local _, by_name = results_of("judge", 'it("wrong", function()\n  assert.equal(1, 2, "counting")\nend)\n'
      .. 'it("throws", function() error("oops") end)\nit("typo", function() return nobody.there end)')
    assert.matches("own_spec.lua:2: counting: expected 1, got 2", by_name.wrong.message)
    assert.matches("own_spec.lua:4: oops", by_name.throws.message)
    assert.matches('own_spec.lua:5: .*global "nobody" does not exist', by_name.typo.message)
    server.put(folder("try-judge") .. "/spec/own_spec.lua", "it(")
    local code, out = gifd("plugin", "test", folder("try-judge"))
    assert.equal(1, code)
    assert.matches("own_spec.lua:1:", out)
  end)

  it("gives each test an empty store, its own time, and what it asks for", function()
    local code, by_name = results_of("route", [[
      local order = {}
      setup(function() order[#order + 1] = "setup" end)
      before_each(function() order[#order + 1] = "before" end)
      describe("store", function()
        it("keeps", function()
          local t = gifd.testing.start { at = "2026-01-01T00:00:00Z" }
          assert.equal("2026-01-01T00:00:00Z", t.gifd.time.rfc3339(t.gifd.time.now()))
          t.gifd.kv.set("k", "v", { ttl = 60 })
          t.clock.advance("59s")
          assert.equal("v", t.gifd.kv.get("k"))
          t.clock.advance("2s")
          assert.is_false(t.gifd.kv.get("k"))
          t.gifd.kv.set("left", "over")
          assert(t:upload { title = "one" })
        end)
        it("is empty again", function()
          local t = gifd.testing.start()
          assert.is_false(t.gifd.kv.get("left"))
          assert.near(gifd.time.now(), t.gifd.time.now(), 5)
          assert.same({ "setup", "before", "before" }, order)
        end)
        pending("later")
      end)]])
    for name, result in pairs(by_name) do
      assert.is_true(result.ok or result.pending, name .. tostring(result.message))
    end
    assert.equal(0, code)
    assert.is_true(by_name["store later"].pending)
  end)

  it("does what the runner would: events and jobs, when they are due", function()
    local name = "teller"
    gifd("plugin", "new", name, "--dir", dir .. "/plugins")
    server.put(folder(name) .. "/init.lua", [[
      return {
        hooks = { on_share = function(ctx, event)
          ctx.log.info("heard", { code = event.code })
          gifd.jobs.enqueue("later", { code = event.code }, { delay = 3600 })
        end },
        jobs = { later = { run = function(_, payload) return { did = payload.code } end } },
      }]])
    os.execute("rm " .. folder(name) .. "/spec/*")
    server.put(folder(name) .. "/spec/own_spec.lua", [[
      it("hears and works", function()
        local t = gifd.testing.start()
        local share = t:upload { title = "x" }
        assert.equal("on_share", t:work()[1].name)
        assert.equal(share.code, t:logged("heard")[1].code)
        assert.same({}, t:work())
        t.clock.advance("1h")
        assert.same({ { name = "later", outcome = "completed", payload = { code = share.code },
          result = { did = share.code } } }, t:work())
      end)]])
    local code, out = gifd("plugin", "test", folder(name))
    assert.equal(0, code, out)
  end)

  it("records what other servers say, and plays it without them", function()
    local code, by_name = results_of("job", [[
      it("plays", function()
        local t = gifd.testing.start { fetch = { tape = "spec/list.json" } }
        t:job("refresh")
      end)]])
    assert.equal(1, code)
    assert.matches("there is no such tape: record it with %-%-record", by_name.plays.message)
    local tape = folder("try-job") .. "/spec/list.json"
    assert.equal(0, (gifd("plugin", "test", folder("try-job"), "--record")))
    local kept = cjson.decode(server.read_file(tape))
    assert.equal("https://lists.example.org/words.txt", kept[1].url)
    server.put(tape, '[{"url":"https://lists.example.org/words.txt","reply":{"status":200,"body":"cat"}}]')
    assert.equal(0, (gifd("plugin", "test", folder("try-job"))))
  end)

  it("is what busted in a checkout runs for specs of plugins", function()
    results_of("judge", 'it("right", function() assert.is_true(true) end)\n'
      .. 'it("wrong", function() assert(nil, "no") end)')
    local said = table.concat(files.lines("busted -o plainTerminal " .. folder("try-judge") .. "/spec 2>&1"), "\n")
    assert.matches("1 success / 0 failures / 1 error", said)
    assert.matches("own_spec.lua:2: no", said)
  end)
end)
