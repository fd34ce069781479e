--- model/verdict: what judges said, added to for ever; and the verdict on the subject, changed only from pending.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local tables = { asset = "assets", share = "shares" }

--- Of a judge that failed, the category holds the code of its err.
local function ballot_statement(subject, ballot, now)
  local failed = ballot.failed
  return { [[
    INSERT INTO verdicts (kind, subject, revision, judge, version, decision, category, confidence, reasons, data,
      created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)]],
    subject.kind, tostring(subject.row.id), subject.row.revision, ballot.judge, ballot.version,
    failed and "failed" or ballot.decision, row.null(failed and failed.code or ballot.category),
    row.null(ballot.confidence), row.list(failed and { tostring(failed.message or failed.code) } or ballot.reasons),
    gifd.json.encode(row.null(ballot.data)), now }
end

--- Statements for a batch: what judges have said now.
function M.ballot_statements(subject, ballots)
  local now, out = moment.now(), {}
  for _, ballot in ipairs(ballots) do
    if not ballot.standing then out[#out + 1] = ballot_statement(subject, ballot, now) end
  end
  return out
end

--- Statements for a batch. subject = { kind, row }; outcome = { verdict, reasons, ballots, retry_at?, failing? }.
-- scan_id: of the decision, where it is one. The change is guarded by the revision: words that changed meanwhile are
-- judged again, not by these ballots.
function M.statements(subject, outcome)
  local now, id, out = moment.now(), subject.row.id, M.ballot_statements(subject, outcome.ballots)
  local update = ("UPDATE %s SET verdict = ?3, reasons = ?4, updated_at = ?5, judge_after = ?6, "
    .. "judge_tries = judge_tries + ?7, judge_until = ?8, scan_id = ?9, decided_by = ?10 "
    .. "WHERE id = ?1 AND revision = ?2 AND verdict = 'pending'")
    :format(tables[subject.kind])
  out[#out + 1] = { update, id, subject.row.revision, outcome.verdict, row.list(outcome.reasons), now,
    outcome.retry_at or 0, outcome.failing and 1 or 0, outcome.judge_until or 0,
    row.null(outcome.scan_id or subject.row.scan_id), outcome.scan_id and "judges" or row.null(subject.row.decided_by),
    expect = 1 }
  return out
end

--- What judges have said about this revision already: { [judge] = ballot } or nil, err. Failures are no opinions.
function M.standing(subject)
  local rows, err = gifd.db.rows([[
    SELECT judge, version, decision, category, confidence, reasons FROM verdicts
    WHERE kind = ?1 AND subject = ?2 AND revision = ?3 AND decision <> 'failed' ORDER BY id DESC LIMIT 200]],
    subject.kind, tostring(subject.row.id), subject.row.revision)
  if not rows then return nil, err end
  local out = {}
  for _, found in ipairs(rows) do
    found.reasons, found.standing = row.decode(found.reasons) or {}, true
    out[found.judge] = out[found.judge] or found
  end
  return out
end

--- All that was said of this revision, the newest first, with evidence.
function M.all(kind, thing)
  local rows, err = gifd.db.rows([[
    SELECT judge, version, decision, category, confidence, reasons, data, created_at FROM verdicts
    WHERE kind = ?1 AND subject = ?2 AND revision = ?3 ORDER BY id DESC LIMIT 100]],
    kind, tostring(thing.id), thing.revision)
  if not rows then return nil, err end
  for _, found in ipairs(rows) do
    found.reasons, found.data = row.decode(found.reasons) or {}, row.decode(found.data)
    if found.data == gifd.null then found.data = nil end
  end
  return rows
end

return M
