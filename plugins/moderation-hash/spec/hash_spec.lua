-- What looks like something rejected is not served before somebody has looked.
describe("moderation-hash", function()
  it("has no opinion about words, nor about pictures that resemble nothing", function()
    local t = gifd.testing.start()
    assert.is_nil(t:judge { title = "a cat" })
    assert.is_nil(t:hook("judge", { kind = "asset", id = "0000000000000000", blob = ("0"):rep(64),
      facts = { type = "image/gif" }, hashes = function() return {} end }))
  end)
end)
