-- Which failures of a job are followed by another attempt, and when.
package.path = "lua/?.lua;" .. package.path
local retry = require "gifd.jobs.retry"

local function verdict(attempts, err, most, more)
  local job = more or {}
  job.attempts = attempts
  return retry.verdict(job, err, most or 5, 1)
end

describe("another attempt", function()
  it("follows only what may pass", function()
    assert.equal("failed", verdict(1, { code = "invalid" }))
    assert.equal("again", verdict(1, { code = "busy", retryable = true }))
  end)

  it("comes after pauses that double, up to a longest one", function()
    local pauses = {}
    for i = 1, 12 do pauses[i] = select(2, verdict(i, { code = "busy", retryable = true }, 100)) end
    assert.same({ 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 }, pauses)
  end)

  it("does not come at the same moment for all", function()
    local err = { code = "busy", retryable = true }
    local _, soon = retry.verdict({ attempts = 3 }, err, 5, 0)
    local _, late = retry.verdict({ attempts = 3 }, err, 5, 1)
    assert.same({ 2, 4 }, { soon, late })
  end)

  it("is not given for ever, and for some kinds less often", function()
    assert.equal("failed", verdict(5, { code = "busy", retryable = true }))
    assert.equal("failed", verdict(3, { code = "timeout", retryable = true }))
    assert.equal("again", verdict(2, { code = "timeout", retryable = true }))
  end)

  it("is over with the third media process that a file ends, whatever the attempts", function()
    local err = { code = "media_crash", retryable = true }
    assert.equal("again", verdict(9, err, 5, { crashes = 2 }))
    assert.equal("poison", verdict(3, err, 5, { crashes = 3 }))
  end)
end)
