--- flow/review: people decide what judges could not: the queue, who is at what, and what a decision asks for.
--
--   queue --claim (a lease: nobody else gets it)--> looked at --review--> flow/decide --> out of the queue
--                                                       '--escalated--> first in it, for anybody else
--
-- A claim is not needed to decide, but that of somebody else is in the way: each token is somebody, and so is each
-- account that has signed in. What a person has decided is decided once
-- more only by who names the decision that he has seen (based_on), or takes it back (undo).
local appeal_model = require "gifd.model.appeal"
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local categories = require "gifd.flow.categories"
local cluster = require "gifd.flow.cluster"
local decide = require "gifd.flow.decide"
local decision_model = require "gifd.model.decision"
local model = require "gifd.model.review"
local moment = require "gifd.moment"
local queue_events = require "gifd.flow.queue_events"

local M = {}

local null = gifd.null
local CLUSTER_MOST = 100

local function value(v)
  if v == nil then return null end
  return v
end

local function conflict(message) return nil, gifd.err("conflict", { message = message }) end

--- A row of the queue as it is shown.
function M.shown(q)
  local held = q.claimed_until and q.claimed_until > moment.now()
  return { kind = q.kind, id = q.name, asset_id = q.asset_id, state = q.state, category = q.category,
    risk = 100 - q.rank, since = moment.text(q.since), escalated_by = value(q.passed_by),
    claim = held and { by = value(q.claimed_by), expires_at = moment.text(q.claimed_until) } or null }
end

local function place_of(subject)
  local q, err = model.find(subject.kind, subject.row.id)
  if q == nil then return nil, err end
  return q
end

local function told(subject)
  local q = place_of(subject)
  if q then queue_events.claimed(M.shown(q)) end
end

--- Who exactly asks: an identity, or "system"
local function holder_of(by)
  if type(by) ~= "table" then return "system" end
  return by.kind == "token" and "token:" .. by.id or audit.actor(by)
end

local function may_decide(by, q)
  if type(by) ~= "table" or by:may("admin") then return true end
  return not (q and q.passed_holder == holder_of(by))
end

--- The thing is this person's for settings.moderation.lease, or for so much longer -> { claim, expires_at, ... }, or
-- nil, err: conflict when somebody else has it, or nothing is to be decided.
function M.claim(app, subject, identity)
  local q, err = place_of(subject)
  if q == nil then return nil, err end
  if not q then return conflict "nothing of it waits for a reviewer" end
  if not may_decide(identity, q) then return conflict "you have handed it on: somebody else is to look at it" end
  local done, claim_err = model.claim(subject.kind, subject.row.id, holder_of(identity), identity.account,
    app.settings.moderation.lease)
  if done == nil then return nil, claim_err end
  q, err = place_of(subject)
  if q == nil then return nil, err end
  if not done then
    return conflict(q and ("%s is at it"):format(tostring(q.claimed_by)) or "it was decided meanwhile")
  end
  if not q then return conflict "it was decided meanwhile" end
  queue_events.claimed(M.shown(q))
  local out = M.shown(q)
  out.claim.id, out.scan_id = q.claim, value(subject.row.scan_id)
  return out
end

function M.release(subject, identity)
  local done, err = model.release(subject.kind, subject.row.id, holder_of(identity))
  if done == nil then return nil, err end
  if not done then return conflict "you have no claim on it" end
  told(subject)
  return true
end

--- What must hold when the decision is written -> statements, q; or nil, err. by: an identity, or "system"
local function guards(subject, by, claim)
  local q, err = place_of(subject)
  if q == nil then return nil, err end
  local holder, stale = holder_of(by), "the claim is not, or no longer, yours"
  if not q and claim then return conflict(stale) end
  if not q or holder == "system" then return {}, q end
  if claim and (q.claim ~= claim or q.claim_holder ~= holder or q.claimed_until <= moment.now()) then
    return conflict(stale)
  end
  if q.claim_holder and q.claim_holder ~= holder and q.claimed_until > moment.now() then
    return conflict(("%s is at it"):format(tostring(q.claimed_by)))
  end
  return { model.guard(subject.kind, subject.row.id, holder, claim) }, q
end

--- What a person has decided for good and nobody asks to be looked at again.
local function settled(row, q)
  return not q and row.decided_by ~= nil and row.decided_by ~= "judges"
end

local function one(app, subject, d)
  local must, q = guards(subject, d.by, d.claim)
  if not must then return nil, q end
  if settled(subject.row, q) and not d.based_on then
    return conflict(("%s has decided this: undo it, or say based_on = %s"):format(subject.row.decided_by,
      tostring(subject.row.scan_id)))
  end
  if not may_decide(d.by, q) then return conflict "you have handed it on: somebody else decides" end
  local escalated = d.decision == "escalated"
  local full = { decision = escalated and "flagged" or d.decision, reason = d.reason, notes = d.notes, by = d.by,
    category = d.category, legal = d.legal, ban = d.ban, based_on = d.based_on, guards = must, escalated = escalated,
    cause = d.cause }
  local actor = type(d.by) == "table" and audit.actor(d.by) or "system"
  local result, err = decide.run(app, subject, full,
    escalated and { model.pass_statement(subject.kind, subject.row.id, actor, holder_of(d.by)) } or nil)
  if not result then return nil, err end
  result.escalated = escalated
  return result
end

--- The same for everything that is nearly the same picture -> array of { id, distance, decision? or skipped? }
local function others(app, subject, d, cause)
  local members, err = cluster.members(subject.row.id)
  if not members then return nil, err end
  local out = {}
  for i, m in ipairs(members) do
    local asset, find_err = asset_model.find(m.asset_id)
    if asset == nil then return nil, find_err end
    local result, why
    if not asset then why = { message = "it is gone" }
    else
      result, why = one(app, { kind = "asset", row = asset }, { decision = d.decision, reason = d.reason,
        notes = d.notes, by = d.by, category = d.category, legal = d.legal, ban = d.ban, cause = cause })
    end
    out[i] = { id = m.asset_id, distance = m.distance, decision = value(result and result.decision),
      scan_id = value(result and result.scan_id), skipped = value(not result and tostring(why.message) or nil) }
  end
  return out
end

--- d: as for decide.run; decision may be "escalated"; claim?: the id that a claim gave; cluster?: for all that is
-- nearly the same picture too, where no person has decided and nobody is at it
-- -> { scan_id, decision, escalated, ..., cluster? }, or nil, err: invalid; conflict
function M.run(app, subject, d)
  local result, err = one(app, subject, d)
  if not result then return nil, err end
  if d.cluster then
    result.cluster, err = others(app, subject, d, result.scan_id)
    if not result.cluster then return nil, err end
  end
  return result
end

local function take_back(app, subject, d)
  local must, q = guards(subject, d.by, d.claim)
  if not must then return nil, q end
  return decide.undo(app, subject, { by = d.by, notes = d.notes, based_on = d.based_on, guards = must,
    cause = d.cause })
end

--- What was decided with that decision, where it still stands -> array of { id, decision? or skipped? }
local function take_others_back(app, scan_id, d, cause)
  local made, err = decision_model.caused_by(scan_id, CLUSTER_MOST)
  if not made then return nil, err end
  local out = {}
  for i, m in ipairs(made) do
    local asset, find_err = asset_model.find(m.asset_id)
    if asset == nil then return nil, find_err end
    local result, why
    if not asset then why = { message = "it is gone" }
    else
      result, why = take_back(app, { kind = "asset", row = asset }, { by = d.by, notes = d.notes,
        based_on = m.scan_id, cause = cause })
    end
    out[i] = { id = m.asset_id, decision = value(result and result.decision),
      scan_id = value(result and result.scan_id), skipped = value(not result and tostring(why.message) or nil) }
  end
  return out
end

--- d: as for decide.undo; cluster?: also what was decided with it of nearly the same pictures, where that stands
-- -> as M.run
function M.undo(app, subject, d)
  local stood = subject.row.scan_id
  local result, err = take_back(app, subject, d)
  if not result then return nil, err end
  if d.cluster then
    result.cluster, err = take_others_back(app, stood, d, result.scan_id)
    if not result.cluster then return nil, err end
  end
  return result
end

--- -> rows as shown, where to go on or nil; or nil, err. filter = { kind?, category?,
-- state? }
function M.queue(filter, after, limit)
  local rows, err = model.queue({ kind = filter.kind, state = filter.state,
    categories = filter.category and { filter.category } or categories.list }, after, limit + 1)
  if not rows then return nil, err end
  local last = #rows > limit and rows[limit] or nil
  rows[limit + 1] = nil
  for i, q in ipairs(rows) do rows[i] = M.shown(q) end
  return rows, last
end

--- An appeal as it is shown to reviewers.
function M.appeal(p)
  return { id = tostring(p.id), code = p.code, asset_id = p.asset_id, kind = p.kind, text = p.text, state = p.state,
    closed_by = value(p.closed_by), closed_at = moment.text(p.closed_at), created_at = moment.text(p.created_at) }
end

--- What a reviewer is shown beside the thing itself -> { queue, appeals, cluster }, or nil, err
function M.about(subject)
  local q, err = place_of(subject)
  if q == nil then return nil, err end
  local appeals, appeals_err = appeal_model.of(subject.kind, subject.row.id)
  if not appeals then return nil, appeals_err end
  for i, p in ipairs(appeals) do appeals[i] = M.appeal(p) end
  local members = {}
  if subject.kind == "asset" then
    members, err = cluster.members(subject.row.id)
    if not members and err.code ~= "busy" then return nil, err end
  end
  return { queue = q and M.shown(q) or null, appeals = gifd.json.array(appeals),
    cluster = members and gifd.json.array(members) or null }
end

--- Shares of a whole in percent that add up to 100, of two digits: what is lost by rounding goes where most was lost.
local function rates(parts, total)
  local out, rest, left = {}, {}, 10000
  for name, n in pairs(parts) do
    local exact = total > 0 and n * 10000 / total or 0
    out[name] = math.floor(exact)
    rest[#rest + 1] = { name = name, lost = exact - out[name] }
    left = left - out[name]
  end
  table.sort(rest, function(a, b)
    if a.lost ~= b.lost then return a.lost > b.lost end
    return a.name < b.name
  end)
  for i = 1, total > 0 and left or 0 do out[rest[i].name] = out[rest[i].name] + 1 end
  for name, n in pairs(out) do out[name] = n / 100 end
  return out
end

local function sums(rows, kind)
  local n = { pending = 0, approved = 0, flagged = 0, rejected = 0, quarantined = 0 }
  for _, r in ipairs(rows) do
    if not kind or r.kind == kind then n[r.verdict] = n[r.verdict] + r.n end
  end
  local parts = { approved = n.approved, rejected = n.rejected, flagged = n.flagged + n.quarantined,
    pending = n.pending }
  local total = parts.approved + parts.rejected + parts.flagged + parts.pending
  local out = { total_scans = total, quarantined = n.quarantined, rates = rates(parts, total) }
  for name, count in pairs(parts) do out[name] = count end
  return out
end

--- How many things stand how, what judges have said, and how often people agreed -> plain table, or nil, err
function M.statistics()
  local found, err = model.counts()
  if not found then return nil, err end
  local out = sums(found.things)
  out.by_kind = { asset = sums(found.things, "asset"), share = sums(found.things, "share") }
  for i, j in ipairs(found.judges) do
    found.judges[i] = { judge = j.judge, ballots = j.approved + j.flagged + j.rejected + j.failed,
      approved = j.approved, flagged = j.flagged, rejected = j.rejected, failed = j.failed, compared = j.compared,
      agreed = j.agreed, agreement = j.compared > 0 and math.floor(j.agreed * 10000 / j.compared + 0.5) / 100 or null }
  end
  out.judges, out.open_appeals = gifd.json.array(found.judges), found.appeals
  return out
end

return M
