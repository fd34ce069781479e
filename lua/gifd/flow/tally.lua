--- flow/tally: what ballots say together. Pure: no rows, no calls.
--
--   approved  its category is safe, at settings.moderation.approve or surer           \
--   rejected  its category is an unsafe one, at settings.moderation.reject or surer    > the strictest of all decides
--   flagged   all else: less sure, its own word, a contradiction, a failure for good  /
--
-- A judge that names no confidence is taken at its word. Who uploaded it may ask for more (scrutiny) or less (trusted).
local categories = require "gifd.flow.categories"
local moment = require "gifd.moment"

local BACKOFF_MOST, SLOW_LOOK = 60, 600
local severity = { approved = 1, flagged = 2, rejected = 3 }

local M = {}

local function doubt(ballot, why)
  return { judge = ballot.judge, decision = "flagged", category = ballot.category, confidence = ballot.confidence,
    reasons = { why } }
end

--- A ballot as it counts. Its category becomes one of ours.
function M.weigh(moderation, ballot)
  local approves, sure = ballot.decision == "approved", ballot.confidence
  ballot.category = approves and not ballot.category and "safe"
    or categories.of(moderation.categories, ballot.judge, ballot.category)
  local told = ballot.reasons[1] and table.concat(ballot.reasons, ", ") or ballot.category
  if approves and ballot.category ~= "safe" or ballot.decision == "rejected" and ballot.category == "safe" then
    return doubt(ballot, ("%s says %s, and %s"):format(ballot.judge, ballot.decision, ballot.category))
  end
  if approves and sure and sure < moderation.approve or ballot.decision == "rejected" and sure
    and sure < moderation.reject then
    return doubt(ballot, ("%s is not sure (%.2f): %s"):format(ballot.judge, sure, told))
  end
  return ballot
end

--- What to hold when no judge had an opinion.
local function without_opinion(settings, row)
  if row.trusted then
    return { judge = "trusted", version = "1", decision = "approved", category = "safe", reasons = {} }
  end
  if settings.unseen == "pending" then return nil end
  local flagged = settings.unseen == "flagged"
  return { judge = "unseen", version = "1", decision = settings.unseen, category = flagged and "unknown" or "safe",
    reasons = flagged and { "nobody has looked at this yet" } or {} }
end

local function failure(ballot)
  return { judge = ballot.judge, decision = "flagged", category = "unknown",
    reasons = { ballot.judge .. " could not judge this" } }
end

--- -> the opinions that count, whether one may yet succeed, and whether that is for an outage to end
local function opinions(moderation, ballots, last, too_late)
  local out, again, out_of_order = {}, false, false
  for _, ballot in ipairs(ballots) do
    local failed = ballot.failed
    if not failed then out[#out + 1] = M.weigh(moderation, ballot)
    elseif ballot.out and not too_late then out_of_order, again = true, true
    elseif failed.retryable and not ballot.out and not last then again = true
    else out[#out + 1] = failure(ballot) end
  end
  return out, again, out_of_order
end

--- The strictest of them, the surest of these -> it, and reasons
local function strictest(list)
  local held
  for _, one in ipairs(list) do
    local harder = not held or severity[one.decision] > severity[held.decision]
    local surer = held and one.decision == held.decision and (one.confidence or 0) > (held.confidence or 0)
    if one.decision == "approved" then surer = held and held.decision == "approved"
      and (one.confidence or 1) < (held.confidence or 1) end
    if harder or surer then held = one end
  end
  if not held then return nil end
  local reasons = {}
  for _, one in ipairs(list) do
    if one.decision ~= "approved" then for _, reason in ipairs(one.reasons) do reasons[#reasons + 1] = reason end end
  end
  return held, reasons
end

--- What the rules ask beyond judges of something that would be approved -> the reason why it is flagged, or nil
local function objection(moderation, row, ballots)
  if ballots[1] and ballots[1].listed then return nil end -- a person has looked at this very content
  if row.scrutiny == "review" then return "what this account shares is looked at by a person" end
  if not row.digest or not (moderation.strict or row.scrutiny == "strict") then return nil end
  for _, ballot in ipairs(ballots) do
    if ballot.pixels and ballot.decision == "approved" then return nil end
  end
  return "nothing that looks at pixels has approved this"
end

local function wait(settings, row, ballots, now, how)
  local judge_until = row.judge_until ~= 0 and row.judge_until or now + settings.judge_deadline * 1e6
  local seconds = how.out and settings.moderation.probe
    or how.again and math.min(BACKOFF_MOST, 2 ^ (row.judge_tries + 1)) or SLOW_LOOK
  local retry_at = now + math.floor(seconds * 1e6)
  local first = how.again and not how.out and math.min(retry_at, judge_until) or retry_at
  return { verdict = "pending", reasons = { "waiting for a judge" }, category = "unknown", ballots = ballots,
    slow = how.waiting, failing = how.again, judge_until = how.again and judge_until or row.judge_until,
    retry_at = first }
end

--- settings, the row of an asset or a share, its ballots, whether slow judges have yet to speak
-- -> { verdict, category, confidence?, judge? (whose word it is), reasons, ballots, retry_at?, failing?, judge_until?,
-- slow? }
function M.count(settings, row, ballots, waiting)
  local now, moderation = moment.now(), settings.moderation
  local since = row.judge_until ~= 0 and row.judge_until - settings.judge_deadline * 1e6 or now
  local list, again, out = opinions(moderation, ballots, now >= since + settings.judge_deadline * 1e6,
    now >= since + moderation.outage * 1e6)
  local held, reasons = strictest(list)
  if (again or waiting) and not (held and held.decision == "rejected") then
    return wait(settings, row, ballots, now, { again = again, out = out, waiting = waiting })
  end
  if not held then
    held = without_opinion(settings, row)
    if not held then
      return { verdict = "pending", category = "unknown", reasons = { "waiting for somebody to look" }, ballots = {},
        retry_at = now + 3600e6 }
    end
    ballots[1], reasons = held, held.reasons
  end
  local why = held.decision == "approved" and objection(moderation, row, ballots)
  if why then held, reasons = { decision = "flagged", category = "unknown" }, { why } end
  return { verdict = held.decision, category = held.category, confidence = held.confidence, judge = held.judge,
    reasons = reasons, ballots = ballots }
end

return M
