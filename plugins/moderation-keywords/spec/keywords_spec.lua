-- The shipped judge: whole words, allowed phrases, and no opinion about the rest.
package.path = "lua/?.lua;spec/support/?.lua;plugins/moderation-keywords/?.lua;" .. package.path
require("fake_gifd").install()
local judge = dofile("plugins/moderation-keywords/init.lua").hooks.judge

local function says(title, config, more)
  local subject = { kind = "share", title = title, description = "", tags = {} }
  for key, value in pairs(more or {}) do subject[key] = value end
  return judge({ config = config or { categories = {}, allow = {} } }, subject)
end

describe("moderation-keywords", function()
  it("has no opinion about innocent words that contain listed ones", function()
    for _, title in ipairs { "Essex", "bloodhound", "graphic design", "Graphic Design tips", "premature", "chateau",
      "sextant",
                             "adulting", "a cat", "" } do
      assert.is_nil(says(title), title)
    end
  end)

  it("rejects listed words whatever their case and neighbours", function()
    for _, title in ipairs { "NUDE", "some porn.", "graphic violence", "18+ only", "(nazi)" } do
      assert.equal("rejected", says(title).decision, title)
    end
  end)

  it("looks at tags and description too, and says where it found what", function()
    local ballot = says("fine", nil, { tags = { "cat", "gore" }, description = "hate" })
    assert.equal("hate_speech", ballot.category)
    assert.same({ 'the description contains "hate" (hate_speech)', 'the tags contains "gore" (graphic_violence)' },
      ballot.reasons)
  end)

  it("does not let an allowed phrase excuse another place", function()
    assert.equal("rejected", says("graphic design with gore").decision)
    assert.equal("rejected", says("graphic design, graphic scenes").decision)
  end)

  it("takes categories and phrases of config.lua", function()
    local config = { categories = { spam = { decision = "flagged", confidence = 0.5, words = { "free money" } },
      nsfw = { words = {} } },
                     allow = { "gore tex" } }
    assert.equal("flagged", says("Free money!", config).decision)
    assert.is_nil(says("nude", config))
    assert.is_nil(says("gore tex", config))
  end)

  it("says nothing about pixels", function()
    assert.is_nil(judge({ config = { categories = {}, allow = {} } }, { kind = "asset" }))
  end)
end)
