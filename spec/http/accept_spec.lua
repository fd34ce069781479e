-- Which type a client would rather have.
package.path = "lua/?.lua;" .. package.path
local accept = require "gifd.http.accept"

local function choose(field) return accept.choose(field, { "image/gif", "video/mp4" }) end

describe("Accept", function()
  it("without a wish gives the original", function()
    for _, field in ipairs { "", "*/*", "image/*", "image/avif,image/webp,image/*,*/*;q=0.8", "text/html", "nonsense",
      "*/*;q=0.5", "image/gif;q=0.1" } do
      assert.equal(1, choose(field), field)
    end
    assert.equal(1, choose(nil))
  end)

  it("gives the film to who would rather have it", function()
    for _, field in ipairs { "video/mp4", "video/*", "video/webm,video/ogg,video/*;q=0.9,*/*;q=0.5",
      "VIDEO/MP4, image/gif;q=0.5", "*/*, image/gif;q=0.2", "image/gif;q=0, */*;q=0.1" } do
      assert.equal(2, choose(field), field)
    end
  end)

  it("takes the most specific range, whatever stands first", function()
    assert.equal(2, choose("image/*;q=1, image/gif;q=0.1, video/mp4;q=0.5"))
    assert.equal(1, choose("video/*;q=1, video/mp4;q=0, image/gif;q=0.1"))
  end)

  it("takes a broken quality for none", function()
    assert.equal(1, choose("video/mp4;q=2, image/gif;q=0.1"))
    assert.equal(1, choose("video/mp4;q=x, image/gif;q=0.1"))
  end)
end)
