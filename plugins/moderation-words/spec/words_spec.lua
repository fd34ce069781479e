-- The shipped judge: whole words without their disguises, allowed phrases, and no opinion about the rest.
describe("moderation-words", function()
  local function says(title, config) return gifd.testing.start({ config = config }):judge { title = title } end

  it("tells innocent from guilty phrases: precision 0.98, recall 0.95", function()
    local t = gifd.testing.start()
    local phrases, found, missed, wrong, count = t.require("spec.phrases"), 0, {}, {}, 0
    for phrase in phrases.guilty:gmatch("[^|\n]+") do
      phrase = gifd.text.trim(phrase)
      count = count + 1
      if t:judge { title = phrase } then found = found + 1 else missed[#missed + 1] = phrase end
    end
    for phrase in phrases.innocent:gmatch("[^|\n]+") do
      phrase = gifd.text.trim(phrase)
      count = count + 1
      if t:judge { title = phrase } then wrong[#wrong + 1] = phrase end
    end
    local precision, recall = found / (found + #wrong), found / (found + #missed)
    print(("%d phrases: precision %.3f, recall %.3f"):format(count, precision, recall))
    print("missed: " .. table.concat(missed, " | "))
    print("wrong: " .. table.concat(wrong, " | "))
    assert.is_true(count >= 400)
    assert.is_true(precision >= 0.98)
    assert.is_true(recall >= 0.95)
  end)

  it("looks at tags and description too, and says which rule matched where", function()
    local ballot = gifd.testing.start():judge { title = "fine", tags = { "cat", "g0re" }, description = "oh hate" }
    assert.equal("graphic_violence", ballot.category)
    assert.same({ 'the description contains "hate" (hate_speech)', 'the tags contains "g0re" (graphic_violence)' },
      ballot.reasons)
    local m = ballot.data.matches[2]
    assert.same({ "gore", "tags", 1, 4, "g0re", "en" }, { m.rule, m.field, m.from, m.to, m.text, m.list })
  end)

  it("does not let an allowed phrase excuse another place", function()
    assert.is_nil(says "sex education")
    assert.equal("rejected", says("sex education, sex").decision)
    assert.is_nil(says(("sex education, "):rep(600)))
    assert.equal("rejected", says(("sex education, "):rep(600) .. "sex").decision)
  end)

  it("tells the first places of each rule", function()
    local ballot = says(("porn "):rep(50) .. "gore")
    local from = {}
    for i, m in ipairs(ballot.data.matches) do from[i] = m.from end
    assert.same({ 1, 6, 11, 16, 21, 251 }, from)
  end)

  it("counts the languages that are named", function()
    assert.is_nil(says("Titten", { languages = { "en" } }))
    assert.equal("de", says("Titten").data.matches[1].list)
  end)

  it("takes an operator's rules and phrases, which outdo the shipped ones", function()
    local config = { rules = "[spam flagged 0.5]\nbargain*, free hat\nnude = flagged 0.4 # mild\n[allow]\nbargain hunt",
      allow = { "gore museum" } }
    assert.equal("flagged", says("Bargains!", config).decision)
    assert.is_nil(says("bargain hunt", config))
    assert.equal(0.4, says("nude", config).confidence)
    assert.is_nil(says("gore museum", config))
  end)

  it("refuses faulty rules with their lines", function()
    local t = gifd.testing.start
    local done, err = t({ config = { rules = "porn\n[nsfw maybe 1]\n[nsfw rejected 2]\n[x rejected 1]"
      .. "\n[nsfw rejected 1]\na,,b\n???" } }):check()
    assert.is_nil(done)
    for _, line in ipairs { "rules:1: stands before", "rules:2: \"maybe\"", "rules:3: \"2\"",
      "rules:4: there is no cat",
      "rules:6: an entry is empty" } do
      assert.is_truthy(err.message:find(line, 1, true), err.message)
    end
    assert.is_true((gifd.testing.start():check()))
  end)

  it("takes text of any bytes, and much of it", function()
    assert.equal("rejected", says("\255sex\254").decision)
    assert.is_nil(says(("\255\192"):rep(5000)))
    assert.is_nil(says(("a "):rep(5000)))
    local tags = {}
    for i = 1, 1000 do tags[i] = i == 1000 and "p.o.r.n" or "cat" .. i end
    assert.equal("rejected", gifd.testing.start():judge({ tags = tags }).decision)
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
