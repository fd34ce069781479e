--- flow/decide: decisions by people and by rules about an asset or a share, which judges do not change again.
--
--   the thing as it was read --one batch, guarded by its revision and its standing decision--> decision row, verdict of
--   the thing, caches to be told, events for plugins, audit entry --> what every process serves, at once
--
-- What has changed meanwhile makes the batch fail (conflict), so of two people one is told. undo takes the standing
-- decision back, to what it replaced; after purge there is nothing to go back to: the bytes are gone.
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local categories = require "gifd.flow.categories"
local decision_model = require "gifd.model.decision"
local events = require "gifd.flow.events"
local facts = require "gifd.flow.facts"
local listed = require "gifd.flow.listed"
local orphan = require "gifd.model.orphan"
local purge = require "gifd.flow.purge"
local queue_events = require "gifd.flow.queue_events"
local rendition_model = require "gifd.model.rendition"
local share_model = require "gifd.model.share"

local M = {}

--- What a decision may be; "flagged" hands it on to somebody else.
M.decisions = { approved = true, rejected = true, flagged = true, quarantined = true }

local default_category = { approved = "safe" }

--- What a reviewer names, an asset by its id or a share by its code -> subject, false, or nil, err
function M.find(kind, id)
  local row, err
  if kind == "asset" then row, err = asset_model.find(id)
  elseif kind == "share" then row, err = share_model.find(id)
  else return false end
  if not row then return row, err end
  return { kind = kind, row = row }
end

local function conflict(message) return nil, gifd.err("conflict", { message = message }) end

--- What plugins are told: the decision; that publications are to be withdrawn; that its bytes are (not) banned.
local function tell(app, calls, subject, d)
  local row, share = subject.row, subject.kind == "share"
  local about = { kind = subject.kind, asset_id = share and row.asset_id or row.id, code = share and row.code or nil,
    account_id = share and row.account_id or nil, verdict = d.decision, category = d.category, reasons = d.reasons,
    by = "person" }
  events.add(app, calls, "on_verdict", about)
  if row.verdict == "approved" and d.decision ~= "approved" then
    events.add(app, calls, "on_withdraw", { kind = about.kind, asset_id = about.asset_id, code = about.code,
      account_id = about.account_id, legal = d.legal or false, category = d.category })
  end
  if d.ban ~= nil and not share then
    events.add(app, calls, "on_ban", { asset_id = row.id, digest = row.digest, category = d.category, banned = d.ban })
  end
end

local function statements(app, subject, d)
  local row, share = subject.row, subject.kind == "share"
  local calls = {}
  for i, guard in ipairs(d.guards or {}) do calls[i] = guard end
  calls[#calls + 1] = decision_model.stand_statement(subject, d)
  calls[#calls + 1] = decision_model.statement(subject, d)
  calls[#calls + 1] = purge[subject.kind .. "_call"](share and row or row.id)
  tell(app, calls, subject, d)
  audit.add(app, calls, { action = subject.kind .. "." .. (d.action or "decision"), actor = d.actor,
    kind = subject.kind, subject = share and row.code or row.id, asset = share and row.asset_id or row.id,
    account_id = share and row.account_id or nil, decision = d.decision,
    detail = { scan_id = d.scan_id, was = row.verdict, category = d.category, policy = d.policy,
      legal = d.legal or nil, ban = d.ban, undoes = d.undoes, escalated = d.escalated or nil } })
  return calls
end

--- Takes effect in every process before it returns.
local function write(app, subject, d, further)
  local calls = statements(app, subject, d)
  if d.ban ~= nil and subject.kind == "asset" then
    local bans, ban_err = listed.ban_calls(app, subject.row, d)
    if not bans then return nil, ban_err end
    for _, call in ipairs(bans) do calls[#calls + 1] = call end
  end
  for _, call in ipairs(further or {}) do calls[#calls + 1] = call end
  local done, err = gifd.db.batch(calls)
  if not done then
    if err.code == "conflict" then return conflict "somebody has decided this, or changed it, at the same moment" end
    return nil, err
  end
  if d.ban ~= nil then gifd.jobs.wake() end
  purge[subject.kind](app, subject.kind == "share" and subject.row or subject.row.id)
  queue_events.tell(subject, d.decision, d.category, { by = d.actor, escalated = d.escalated or nil })
  return { scan_id = d.scan_id, decision = d.decision, category = d.category, confidence = d.confidence,
    reasons = d.reasons, legal = d.legal or false }
end

local function by_whom(by)
  if type(by) == "table" then return audit.actor(by) end
  return by == "judge" and "judges" or by or "system"
end

local function fault(d)
  if not M.decisions[d.decision] then return "decision must be approved, rejected, flagged or quarantined" end
  if d.category and not categories.known(d.category) then
    return "category must be one of " .. table.concat(categories.list, ", ")
  end
  if d.legal and d.decision ~= "rejected" then return "what is taken down by law is rejected" end
  if d.ban and d.decision ~= "rejected" and d.decision ~= "quarantined" then
    return "what is banned is rejected or quarantined"
  end
end

--- subject = { kind = "asset"|"share", row }; d = { decision, by = identity|"system", reason? (code of a policy, which
-- the owner reads), notes? (reviewers read them), category?, confidence?, legal? (451), ban? (plugins are told to know
-- these bytes again), based_on? (scan_id of the decision that was looked at; false: none), guards? (statements that
-- must hold: they come first), escalated? (a flag for somebody else), cause? (scan_id of the decision
-- that this follows) }
-- -> { scan_id, decision, category, ... }, or nil, err: invalid; conflict
function M.run(app, subject, d, further)
  local wrong = fault(d)
  if wrong then return nil, gifd.err("invalid", { message = wrong }) end
  local row = subject.row
  if row.purged_at and d.decision == "approved" then return conflict "its bytes were purged" end
  if d.based_on ~= nil and (d.based_on or nil) ~= row.scan_id then
    return conflict "somebody has decided this meanwhile"
  end
  local reasons = d.decision ~= "approved" and { d.reason } or {}
  return write(app, subject, { scan_id = decision_model.new_scan_id(), decision = d.decision, actor = by_whom(d.by),
    category = d.category or default_category[d.decision] or "unknown", confidence = d.confidence or 1,
    reasons = reasons, policy = d.reason, notes = d.notes, legal = d.legal, ban = d.ban, banned = d.ban,
    guards = d.guards, escalated = d.escalated,
    cause = d.cause }, further)
end

--- Takes back the standing decision: the thing is again as it was, by whom it was, or is judged again if it was
-- pending.
-- -> as M.run, or nil, err: conflict when there is none, or its bytes are gone
function M.undo(app, subject, d)
  local row = subject.row
  if row.purged_at then return conflict "its bytes were purged" end
  local last, err = decision_model.find(row.scan_id)
  if last == nil then return nil, err end
  if not last or last.actor == "judges" then return conflict "nobody has decided this" end
  if d.based_on and d.based_on ~= row.scan_id then return conflict "somebody has decided this meanwhile" end
  local before, before_err = decision_model.find(last.replaced)
  if before == nil then return nil, before_err end
  if last.was == "pending" or not before then
    before = { decision = last.was, category = "unknown", reasons = {}, actor = "judges" }
  end
  local restored = { scan_id = decision_model.new_scan_id(), decision = before.decision, category = before.category,
    confidence = before.confidence, reasons = before.reasons, policy = before.policy, legal = before.legal,
    banned = before.banned, notes = d.notes, actor = by_whom(d.by), undoes = last.scan_id, action = "undo",
    decided_by = before.actor, guards = d.guards, cause = d.cause }
  if last.banned ~= (before.banned or false) then restored.ban = before.banned or false end
  return write(app, subject, restored)
end

--- Digests of an asset's bytes that no other row names.
local function own_digests(asset)
  local rows, err = rendition_model.of_asset(asset.id)
  if not rows then return nil, err end
  local digests = { asset.digest }
  for _, r in ipairs(rows) do digests[#digests + 1] = r.digest end
  return digests
end

--- Removes the original, its renditions and what was seen of them, for good; the row stays, so that the bytes are known
-- when they come again. d as for M.run; the decision is "rejected" unless it says "quarantined".
function M.purge(app, asset, d)
  if asset.purged_at then return conflict "its bytes were purged already" end
  local digests, err = own_digests(asset)
  if not digests then return nil, err end
  local subject = { kind = "asset", row = asset }
  local standing = asset.verdict == "quarantined" and "quarantined" or "rejected"
  local done, write_err = write(app, subject, { scan_id = decision_model.new_scan_id(),
    decision = d.decision or standing, actor = by_whom(d.by), category = d.category or "unknown", confidence = 1,
    reasons = { d.reason }, policy = d.reason, notes = d.notes, legal = d.legal or asset.legal, ban = d.ban,
    banned = d.ban, purged = true, action = "purge" }, decision_model.purge_statements(asset.id))
  if not done then return nil, write_err end
  facts.forget(asset.rowid_)
  local unnamed = orphan.unnamed(digests) or {}
  for _, digest in ipairs(unnamed) do
    local gone, gone_err = gifd.blob.remove(digest) -- what a kill leaves here, jobs/orphans finds
    if gone == nil then gifd.log.warn("purge.blob", { asset = asset.id, error = tostring(gone_err.message) }) end
  end
  return done
end

return M
