-- How many jobs that render run at a time.
package.path = "lua/?.lua;" .. package.path
local places = require "gifd.jobs.places"

describe("places of the media lane", function()
  it("grow by one while over five jobs wait, and shrink while under two do", function()
    assert.equal(3, places.next(2, 6, 2, 10))
    assert.equal(2, places.next(2, 5, 2, 10))
    assert.equal(4, places.next(4, 2, 2, 10))
    assert.equal(3, places.next(4, 1, 2, 10))
  end)

  it("stay between the least and the most", function()
    assert.equal(10, places.next(10, 6, 2, 10))
    assert.equal(2, places.next(2, 0, 2, 10))
  end)

  it("are never more than there are cores", function()
    assert.same({ 2, 4 }, { places.bounds({ min = 2, max = 10 }, 4) })
    assert.same({ 1, 1 }, { places.bounds({ min = 2, max = 10 }, 1) })
    assert.same({ 3, 3 }, { places.bounds({ min = 3, max = 2 }, 64) })
  end)
end)
