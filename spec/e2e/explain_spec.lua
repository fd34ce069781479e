-- gifd moderate explain: what the judge of words says, beside a server and after it.
local cjson = require "cjson"
local server = require "server"

describe("gifd moderate explain", function()
  local s
  setup(function() s = server.start { config = 'return { plugins = { ["moderation-words"] = true } }' } end)
  teardown(function() s:stop() end)

  local function explain(text)
    local code, out = server.command("moderate", "explain", "--json", "--data", s.data, text)
    assert.equal(0, code)
    return cjson.decode(out)
  end

  it("says which rule matched where", function()
    local said = explain("Essex, P0RN")
    assert.same({ "rejected", "nsfw", 1 }, { said.decision, said.category, #said.matches })
    local m = said.matches[1]
    assert.same({ "porn*", "title", 8, 11, "P0RN", "en" }, { m.rule, m.field, m.from, m.to, m.text, m.list })
  end)

  it("takes nothing, much, and what is no UTF-8", function()
    assert.same({ "approved", "safe", 0 }, { explain("").decision, explain("").category, #explain("").matches })
    assert.equal("approved", explain(("cat "):rep(20000)).decision)
    assert.equal("sex", explain("\255sex\254").matches[1].text)
  end)
end)
