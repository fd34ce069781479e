--- model/decision: what was decided, by judges together or by a person: rows of `decisions`, only added to; and the
-- standing one on the thing itself.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local tables = { asset = "assets", share = "shares" }

function M.new_scan_id() return gifd.crypto.hex(gifd.crypto.random(8)) end

local function shaped(found, err)
  if not found then return found, err end
  found.reasons = row.decode(found.reasons) or {}
  found.legal, found.banned = found.legal == 1, found.banned == 1
  return found
end

--- decision = { scan_id, decision, category, confidence?, reasons, actor, policy?, notes?, legal?, banned?, undoes?,
-- cause? (scan_id of the decision with which it was made), decided_by? (whose decision stands again, if not the
-- actor's) }
function M.statement(subject, d)
  return { [[
    INSERT INTO decisions (scan_id, kind, subject, revision, decision, was, category, confidence, reasons, actor,
      policy, notes, legal, banned, replaced, undoes, cause, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)]],
    d.scan_id, subject.kind, tostring(subject.row.id), subject.row.revision, d.decision, subject.row.verdict,
    d.category, row.null(d.confidence), row.list(d.reasons), d.actor, row.null(d.policy), d.notes or "",
    d.legal or false, d.banned or false, row.null(subject.row.scan_id), row.null(d.undoes), row.null(d.cause),
    moment.now() }
end

--- Makes it the standing one, if the thing is as it was read: its revision, and what stood until now.
function M.stand_statement(subject, d)
  local now, purging = moment.now(), d.purged and "purged_at = ?7, media = 'failed', media_reason = 'purged', " or ""
  return { ([[
    UPDATE %s SET verdict = ?4, reasons = ?5, scan_id = ?6, decided_by = ?9, legal = ?8, %supdated_at = ?7,
      judge_after = ?7, judge_tries = 0, judge_until = 0
    WHERE id = ?1 AND revision = ?2 AND scan_id IS ?3 AND verdict = ?10]]):format(tables[subject.kind], purging),
    subject.row.id, subject.row.revision, row.null(subject.row.scan_id), d.decision, row.list(d.reasons), d.scan_id,
    now, d.legal or false, d.decision == "pending" and gifd.null or d.decided_by or d.actor,
    subject.row.verdict, expect = 1 }
end

--- false for none, or nil, err
function M.find(scan_id)
  if not scan_id then return false end
  return shaped(gifd.db.row("SELECT * FROM decisions WHERE scan_id = ?1", scan_id))
end

--- Of one thing, the newest first.
function M.of(kind, id, limit)
  local rows, err = gifd.db.rows(
    "SELECT * FROM decisions WHERE kind = ?1 AND subject = ?2 ORDER BY id DESC LIMIT ?3", kind, tostring(id), limit)
  if not rows then return nil, err end
  for _, found in ipairs(rows) do shaped(found) end
  return rows
end

--- Of assets, those that were made with that one: array of { asset_id, scan_id }, at most `limit`
function M.caused_by(scan_id, limit)
  return gifd.db.rows("SELECT subject AS asset_id, scan_id FROM decisions WHERE cause = ?1 AND kind = 'asset' "
    .. "ORDER BY id LIMIT ?2", scan_id, limit)
end

--- Statements for the batch that purges an asset: what rows know of its bytes.
function M.purge_statements(id)
  local out = {}
  for i, name in ipairs { "renditions", "renditions_asked", "renditions_refused", "asset_facts", "asset_hashes" } do
    out[i] = { ("DELETE FROM %s WHERE asset_id = ?1"):format(name), id }
  end
  return out
end

return M
