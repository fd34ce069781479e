-- Rules of spam, each at its bound.
describe("moderation-spam", function()
  local function history(n, fields, age)
    return function()
      local list = {}
      for i = 1, n do
        list[i] = { title = fields.title or "t" .. i, asset_id = fields.asset_id or "a" .. i,
          created_at = gifd.time.now() - 60 }
      end
      return { name = "ann", created_at = gifd.time.now() - (age or 30 * 86400), asset_id = "mine", recent = list }
    end
  end
  local function says(fields, config) return gifd.testing.start({ config = config }):judge(fields) end

  it("minds links in titles and tags, and too many tags", function()
    assert.equal("spam", says({ title = "see HTTPS://x.example" }).category)
    assert.equal("flagged", says({ tags = { "www.x.example" } }).decision)
    assert.is_nil(says { description = "https://x.example" })
    assert.is_nil(says({ tags = { "a", "b" } }, { tags = 2 }))
    assert.same({ "there are 3 tags" }, says({ tags = { "a", "b", "c" } }, { tags = 2 }).reasons)
  end)

  it("minds rate and duplicates, and new accounts sooner", function()
    assert.is_nil(says({ title = "x", author = history(4, {}) }, { rate = 5 }))
    assert.is_truthy(says({ title = "x", author = history(5, {}) }, { rate = 5 }))
    assert.is_truthy(says({ title = " Same", author = history(3, { title = "same" }) }))
    assert.is_truthy(says({ author = history(3, { asset_id = "mine" }) }))
    assert.is_nil(says({ title = "x", author = history(3, {}, 60) }, { new_rate = 4 }))
    assert.is_truthy(says({ title = "x", author = history(4, {}, 60) }, { new_rate = 4 }))
    assert.is_truthy(says { description = "https://x.example", author = history(0, {}, 60) })
  end)

  it("counts real uploads, and rejects when it is told to", function()
    local t = gifd.testing.start { config = { duplicates = 2, decision = "rejected" },
      settings = { unseen = "approved" } }
    assert.equal("live", t:upload({ title = "again" }).state)
    assert.equal("live", t:upload({ title = "again" }).state)
    assert.equal("rejected", t:upload({ title = "again" }).state)
    assert.equal("live", t:upload({ title = "again", account = "bob" }).state)
  end)
end)
