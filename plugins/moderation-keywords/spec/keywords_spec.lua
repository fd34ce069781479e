-- The shipped judge: whole words, allowed phrases, and no opinion about the rest.
describe("moderation-keywords", function()
  local function says(title, config, more)
    local subject = { title = title }
    for key, value in pairs(more or {}) do subject[key] = value end
    return gifd.testing.start({ config = config }):judge(subject)
  end

  it("has no opinion about innocent words that contain listed ones", function()
    local t = gifd.testing.start()
    for _, title in ipairs { "Essex", "bloodhound", "graphic design", "Graphic Design tips", "premature", "chateau",
      "sextant", "adulting", "a cat", "" } do
      assert.is_nil(t:judge { title = title }, title)
    end
  end)

  it("rejects listed words whatever their case and neighbours", function()
    local t = gifd.testing.start()
    for _, title in ipairs { "NUDE", "some porn.", "graphic violence", "18+ only", "(nazi)" } do
      assert.equal("rejected", t:judge({ title = title }).decision, title)
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
      nsfw = { words = {} } }, allow = { "gore tex" } }
    assert.equal("flagged", says("Free money!", config).decision)
    assert.is_nil(says("nude", config))
    assert.is_nil(says("gore tex", config))
  end)

  it("says nothing about pixels", function()
    local t = gifd.testing.start()
    assert.is_nil(t:hook("judge", { kind = "asset", blob = ("0"):rep(64), facts = { type = "image/gif" } }))
  end)

  it("keeps an upload with a listed word from strangers, and its title says why", function()
    local t = gifd.testing.start { settings = { unseen = "approved" } }
    local share = t:upload { title = "nude cat" }
    assert.equal("rejected", share.state)
    assert.same({ 'the title contains "nude" (nsfw)' }, share.reasons)
    assert.equal("live", t:upload({ title = "naked mole-rat" }).state)
  end)
end)
