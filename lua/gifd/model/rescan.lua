--- model/rescan: what judges are to look at again, a page at a time, and what came of it.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local PAGE = 100

local M = {}

local judged = "verdict <> 'pending' AND coalesce(decided_by, 'judges') = 'judges' AND created_at >= ?2"
local pages = {
  asset = ([[SELECT rowid_ AS place, CASE WHEN %s AND purged_at IS NULL THEN id END AS id FROM assets
    WHERE rowid_ > ?1 ORDER BY rowid_ LIMIT %d]]):format(judged, PAGE),
  share = ([[SELECT id AS place, CASE WHEN %s THEN id END AS id FROM shares
    WHERE id > ?1 ORDER BY id LIMIT %d]]):format(judged, PAGE),
}

--- Things that judges have decided, made since then, from a place on -> ids, the next place (false at the end)
function M.page(kind, place, since)
  local rows, err = gifd.db.rows(pages[kind], place, since)
  if not rows then return nil, err end
  local ids = {}
  for _, r in ipairs(rows) do if r.id then ids[#ids + 1] = r.id end end
  return ids, #rows == PAGE and rows[PAGE].place or false
end

--- change = { kind, subject (id or code), was, decision, category, reasons }
function M.statement(job, change)
  return { [[
    INSERT INTO rescans (job, kind, subject, was, decision, category, reasons) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (job, kind, subject) DO UPDATE SET decision = excluded.decision, category = excluded.category,
      reasons = excluded.reasons]], job.id, change.kind, change.subject, change.was, change.decision, change.category,
    row.list(change.reasons) }
end

--- How far the job has come is written with what it found; nobody else has the job.
function M.place_statement(job, progress)
  return { [[UPDATE jobs SET payload = json_set(payload, '$.progress', json(?3)), updated_at = ?4
    WHERE id = ?1 AND fence = ?2 AND state = 'running']], job.id, job.fence, gifd.json.encode(progress), moment.now(),
    expect = 1 }
end

--- Changes of a job after `after` = { kind, subject }, a page: array of { kind, subject, was, decision, ... }
function M.changes(job_id, after, limit)
  local rows, err = gifd.db.rows([[
    SELECT kind, subject, was, decision, category, reasons FROM rescans
    WHERE job = ?1 AND (kind, subject) > (?2, ?3) ORDER BY kind, subject LIMIT ?4]], job_id, after.kind, after.subject,
    limit)
  if not rows then return nil, err end
  for _, found in ipairs(rows) do found.reasons = row.decode(found.reasons) or {} end
  return rows
end

return M
