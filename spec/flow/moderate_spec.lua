-- How ballots become a verdict. The strictest decides; what cannot be judged is never approved by accident.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local moderate = require "gifd.flow.moderate"

local function count(ballots, row, unseen, waiting)
  row = row or {}
  row.judge_tries, row.judge_until = row.judge_tries or 0, row.judge_until or 0
  return moderate.count({ settings = { unseen = unseen or "flagged", judge_deadline = 600 } }, row, ballots, waiting)
end
local function says(decision) return { judge = decision, version = "1", decision = decision,
  reasons = { "because " .. decision } } end
local function fails(retryable) return { judge = "broken", version = "1",
  failed = { code = "timeout", retryable = retryable } } end

describe("a verdict", function()
  it("is the strictest opinion, with the reasons of those who object", function()
    local outcome = count { says "approved", says "rejected", says "flagged" }
    assert.equal("rejected", outcome.verdict)
    assert.same({ "because rejected", "because flagged" }, outcome.reasons)
  end)

  it("waits for a judge whose failure may pass, then counts it as a flag", function()
    local outcome = count { says "approved", fails(true) }
    assert.equal("pending", outcome.verdict)
    assert.is_number(outcome.retry_at)
    assert.equal("flagged", count({ says "approved", fails(true) }, { judge_until = 1 }).verdict)
    assert.equal("flagged", count({ fails(false) }, { trusted = true }).verdict)
  end)

  it("waits for slow judges, unless a fast one rejects", function()
    local outcome = count({ says "approved" }, nil, nil, true)
    assert.equal("pending", outcome.verdict)
    assert.is_true(outcome.slow)
    assert.equal("rejected", count({ says "rejected" }, nil, nil, true).verdict)
  end)

  it("does not wait when it is rejected anyway", function()
    assert.equal("rejected", count { says "rejected", fails(true) }.verdict)
  end)

  it("without any opinion follows trust, then the configuration", function()
    assert.equal("approved", count({}, { trusted = true }).verdict)
    assert.equal("flagged", count({}, {}).verdict)
    assert.equal("approved", count({}, {}, "approved").verdict)
    assert.equal("pending", count({}, {}, "pending").verdict)
  end)

  it("of a judge outweighs trust", function()
    assert.equal("rejected", count({ says "rejected" }, { trusted = true }).verdict)
  end)
end)
