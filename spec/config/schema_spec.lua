-- Settings are checked all at once, and each fault says where and what was probably meant.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local S = require "gifd.schema"
local lines = require "gifd.lines"
local mark = require "gifd.schema.mark"

local function faults_of(node, value)
  local _, faults = S.check(node, value)
  local out = {}
  for i, f in ipairs(faults) do out[i] = f.path .. ": " .. f.message .. (f.nearest and " -> " .. f.nearest or "") end
  return out
end

describe("schema", function()
  it("fills in defaults in their finished form", function()
    local value = S.check(S.record { size = S.bytes { default = "10 MiB" }, time = S.duration { default = "5m" } }, {})
    assert.same({ size = 10 * 2 ^ 20, time = 300 }, value)
  end)

  it("tells every fault at once, by path, with the nearest key", function()
    local node = S.record { uploads = S.record { frames = S.integer { min = 1, default = 1 } },
      unseen = S.one_of { "flagged", "approved" } }
    assert.same({ "unseen: must be one of flagged, approved -> approved", "uploads.frames: must be at least 1",
                  "uploads.frmes: unknown key -> frames" },
      faults_of(node, { unseen = "aproved", uploads = { frames = 0, frmes = 2 } }))
  end)

  it("accepts addresses of both families and refuses what only looks like one", function()
    for _, good in ipairs { "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80" } do assert.same({},
      faults_of(S.address {}, good)) end
    for _, bad in ipairs { "localhost:80", "1.2.3:80", "1.2.3.4", "1.2.3.256:1", "1.2.3.4:65536", 80 } do
      assert.equal(1, #faults_of(S.address {}, bad), tostring(bad))
    end
  end)

  it("accepts ranges of addresses and refuses what could be meant in two ways", function()
    for _, good in ipairs { "10.0.0.0/8", "127.0.0.1", "0.0.0.0/0", "::1", "2001:db8::/32", "::/0", "1:2:3:4:5:6:7::",
      "::ffff:10.0.0.0/104" } do assert.same({}, faults_of(S.network {}, good), good) end
    for _, bad in ipairs { "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0/8", "010.0.0.0/8",
      "2001:db8::1/32", "::1/129", "1::2::3", ":::", "fe80::1%lo", "[::1]", "localhost", "", 7 } do
      assert.equal(1, #faults_of(S.network {}, bad), tostring(bad))
    end
  end)

  it("reads sizes and times with units and refuses others", function()
    assert.equal(1500, (S.check(S.bytes {}, "1.5 KB")))
    assert.equal(0.25, (S.check(S.duration {}, "250ms")))
    for _, bad in ipairs { "10 parsecs", "-1", true } do
      assert.equal(1, #faults_of(S.bytes {}, bad))
      assert.equal(1, #faults_of(S.duration {}, bad))
    end
  end)

  it("counts characters, not bytes", function()
    assert.same({}, faults_of(S.string { max = 3 }, "äöü"))
    assert.equal(1, #faults_of(S.string { max = 2 }, "äöü"))
  end)

  it("refuses lists with names, holes or too many entries", function()
    local node = S.list { of = S.integer {}, max = 2 }
    assert.same({}, faults_of(node, { 1, 2 }))
    for _, bad in ipairs { { a = 1 }, { 1, 2, 3 }, { [2] = 1 }, { 1.5 } } do assert.equal(1, #faults_of(node, bad)) end
  end)

  it("takes a secret from the environment when the file says nothing", function()
    local node = S.record { key = S.secret { env = "KEY" } }
    local held = mark.secret("env", "KEY", 20)
    local value = S.check(node, {}, { env = function(name) return name == "KEY" and held or nil end })
    assert.equal(held, value.key)
    assert.same({ "key: is required (or set KEY in the environment)" }, faults_of(node, {}))
  end)

  it("prints paths as they would be written in Lua", function()
    assert.equal('plugins["moderation-words"].allow[2]', S.path { "plugins", "moderation-words", "allow", 2 })
  end)
end)

describe("lines", function()
  local text = [==[
-- return { not = this }
local x = { a = 1 }
return {
  site = { name = "x", -- } {
    base_url = f("return {") },
  ["plugins"] = {
    ["a-b"] = { words = { "one",
      "two" } },
  },
  listen = { "a", [[
]], "b" },
}
]==]
  it("finds the line of a key, through comments, strings and nesting", function()
    local line = lines.of(text)
    assert.equal(4, line { "site", "name" })
    assert.equal(5, line { "site", "base_url" })
    assert.equal(7, line { "plugins", "a-b" })
    assert.equal(8, line { "plugins", "a-b", "words", 2 })
    assert.equal(11, line { "listen", 3 })
  end)

  it("says the line of the nearest parent that the text spells out", function()
    assert.equal(4, lines.of(text) { "site", "unknown", "deeper" })
    assert.equal(2, lines.of("\nreturn f()") { "site" })
    assert.equal(1, lines.of("") { "site" })
  end)
end)
