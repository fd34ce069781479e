--- model/appeal: rows of `appeals`: what owners say against a decision, once for each share.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local select = "SELECT p.*, s.code, s.asset_id, s.account_id FROM appeals p JOIN shares s ON s.id = p.share_id "

--- A statement for a batch, which it fails (conflict) when there was one before. subject = { kind, row }: what was
-- refused
function M.statement(share, subject, text)
  return { "INSERT INTO appeals (share_id, kind, subject, scan_id, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    share.id, subject.kind, tostring(subject.row.id), row.null(subject.row.scan_id), text, moment.now() }
end

function M.of_share(share_id) return gifd.db.row(select .. "WHERE p.share_id = ?1", share_id) end

function M.find(id) return gifd.db.row(select .. "WHERE p.id = ?1", id) end

--- Those of a thing, the oldest first.
function M.of(kind, id)
  return gifd.db.rows(select .. "WHERE p.kind = ?1 AND p.subject = ?2 ORDER BY p.id LIMIT 100", kind, tostring(id))
end

--- In a state, the oldest first.
function M.list(state, after, limit)
  return gifd.db.rows(select .. "WHERE p.state = ?1 AND p.id > ?2 ORDER BY p.id LIMIT ?3", state, after, limit)
end

--- A statement for a batch: the decision stands.
function M.uphold_statement(id, actor)
  return { "UPDATE appeals SET state = 'upheld', closed_by = ?2, closed_at = ?3 WHERE id = ?1 AND state = 'open'", id,
    actor, moment.now(), expect = 1 }
end

return M
