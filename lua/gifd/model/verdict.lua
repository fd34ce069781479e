--- model/verdict: what judges said, added to for ever; and the verdict on the subject, changed only from pending.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local tables = { asset = "assets", share = "shares" }

--- Statements for a batch. subject = { kind, row }; outcome = { verdict, reasons, ballots, retry_at? }.
-- The change is guarded by the revision: words that changed meanwhile are judged again, not by these ballots.
function M.statements(subject, outcome)
  local now, id, out = moment.now(), subject.row.id, {}
  for _, ballot in ipairs(outcome.ballots) do
    out[#out + 1] = { [[
      INSERT INTO verdicts (kind, subject, revision, judge, version, decision, category, confidence, reasons, data,
        created_at)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)]],
      subject.kind, tostring(id), subject.row.revision, ballot.judge, ballot.version, ballot.failed and "failed"
        or ballot.decision,
      row.null(ballot.category), row.null(ballot.confidence),
      row.list(ballot.failed and { tostring(ballot.failed.message or ballot.failed.code) } or ballot.reasons),
      gifd.json.encode(row.null(ballot.data)), now }
  end
  local update = ("UPDATE %s SET verdict = ?3, reasons = ?4, updated_at = ?5, judge_after = ?6, "
    .. "judge_tries = judge_tries + ?7 WHERE id = ?1 AND revision = ?2 AND verdict = 'pending'")
    :format(tables[subject.kind])
  out[#out + 1] = { update, id, subject.row.revision, outcome.verdict, row.list(outcome.reasons), now,
    outcome.retry_at or 0, outcome.retry_at and 1 or 0, expect = 1 }
  return out
end

return M
