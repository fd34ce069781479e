-- How ballots become a verdict. The strictest decides; what cannot be judged is never approved by accident.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local tally = require "gifd.flow.tally"

local function settings_of(unseen, more)
  local moderation = { approve = 0.95, reject = 0.8, strict = false, outage = 86400, probe = 15, categories = {} }
  for key, value in pairs(more or {}) do moderation[key] = value end
  return { unseen = unseen or "flagged", judge_deadline = 600, moderation = moderation }
end

local function count(ballots, row, unseen, waiting)
  row = row or {}
  row.judge_tries, row.judge_until = row.judge_tries or 0, row.judge_until or 0
  return tally.count(settings_of(unseen), row, ballots, waiting)
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

describe("a ballot counts", function()
  local function weighed(ballot, more)
    ballot.judge, ballot.reasons = ballot.judge or "eye", ballot.reasons or {}
    return tally.weigh(settings_of(nil, more).moderation, ballot)
  end

  it("as its judge says, if that is sure enough of the category it names", function()
    for _, row in ipairs {
      { "approved", "safe", 0.95, "approved" }, { "approved", "safe", 0.94, "flagged" },
      { "approved", nil, nil, "approved" }, { "approved", nil, 0.5, "flagged" },
      { "rejected", "nsfw", 0.80, "rejected" }, { "rejected", "nsfw", 0.79, "flagged" },
      { "rejected", "spam", nil, "rejected" }, { "flagged", "nsfw", 0.99, "flagged" },
      { "approved", "nsfw", 0.99, "flagged" }, { "rejected", "safe", 0.99, "flagged" },
      { "approved", "no word of ours", 0.99, "flagged" }, { "rejected", "no word of ours", 0.99, "rejected" },
    } do
      local got = weighed { decision = row[1], category = row[2], confidence = row[3] }
      assert.equal(row[4], got.decision, table.concat({ row[1], tostring(row[2]), tostring(row[3]) }, " "))
    end
  end)

  it("at the thresholds of the configuration", function()
    assert.equal("approved", weighed({ decision = "approved", confidence = 0.6 }, { approve = 0.6 }).decision)
    assert.equal("flagged", weighed({ decision = "rejected", category = "spam", confidence = 0.9 },
      { reject = 0.91 }).decision)
  end)

  it("with one of seven categories, which the configuration may map", function()
    assert.equal("illegal", weighed({ judge = "ai-safety", decision = "rejected", category = "sexual/minors" })
      .category)
    assert.equal("unknown", weighed({ decision = "rejected", category = "loud" }).category)
    assert.equal("spam", weighed({ decision = "rejected", category = "loud" }, { categories = { eye = {
      loud = "spam" } } }).category)
  end)

  it("and tells the surest of the strictest", function()
    local outcome = tally.count(settings_of(), { judge_tries = 0, judge_until = 0 }, {
      { judge = "a", decision = "rejected", category = "spam", confidence = 0.85, reasons = {} },
      { judge = "b", decision = "rejected", category = "nsfw", confidence = 0.97, reasons = {} },
      { judge = "c", decision = "approved", category = "safe", confidence = 0.99, reasons = {} } })
    assert.same({ "rejected", "nsfw", 0.97 }, { outcome.verdict, outcome.category, outcome.confidence })
    outcome = tally.count(settings_of(), { judge_tries = 0, judge_until = 0 }, {
      { judge = "a", decision = "approved", confidence = 0.99, reasons = {} },
      { judge = "b", decision = "approved", confidence = 0.96, reasons = {} } })
    assert.same({ "approved", "safe", 0.96 }, { outcome.verdict, outcome.category, outcome.confidence })
  end)
end)

describe("beyond what judges say,", function()
  local function count_of(row, ballots, more)
    row.judge_tries, row.judge_until = 0, row.judge_until or 0
    return tally.count(settings_of(nil, more), row, ballots)
  end
  local function approves(pixels)
    return { judge = "eye", version = "1", decision = "approved", reasons = {}, pixels = pixels }
  end

  it("strict flags an asset that nothing has looked at, whoever uploaded it", function()
    local asset = { digest = "d", trusted = true }
    assert.equal("approved", count_of(asset, { approves() }).verdict)
    assert.equal("flagged", count_of(asset, { approves() }, { strict = true }).verdict)
    assert.equal("flagged", count_of(asset, {}, { strict = true }).verdict)
    assert.equal("approved", count_of(asset, { approves(true) }, { strict = true }).verdict)
    assert.equal("flagged", count_of({ digest = "d", scrutiny = "strict" }, { approves() }).verdict)
    assert.equal("approved", count_of({ scrutiny = "strict" }, { approves() }).verdict) -- words have no pixels
  end)

  it("a person looks at all that an account under review shares", function()
    assert.equal("flagged", count_of({ scrutiny = "review" }, { approves(true) }).verdict)
    assert.equal("rejected", count_of({ scrutiny = "review" }, { says "rejected" }).verdict)
  end)

  it("things wait for a judge that is out of order, past its deadline, and not for ever", function()
    local out = { judge = "eye", out = true, failed = { code = "closed", retryable = true } }
    local now = os.time() * 1e6
    assert.equal("pending", count_of({ judge_until = now - 3600e6 }, { out }).verdict)
    assert.equal("flagged", count_of({ judge_until = now - 90000e6 }, { out }).verdict)
    assert.equal("rejected", count_of({}, { out, says "rejected" }).verdict)
  end)
end)
