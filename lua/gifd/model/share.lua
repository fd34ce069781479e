--- model/share: one account's act of sharing an asset: its address, words, visibility and verdict.
local count = require "gifd.model.count"
local moment = require "gifd.moment"
local orphan = require "gifd.model.orphan"
local row = require "gifd.model.row"

local M = {}

local columns = [[s.*,
  (SELECT json_group_array(tag) FROM (SELECT tag FROM share_tags WHERE share_id = s.id ORDER BY position)) AS tags]]

local function shaped(found, err)
  if found == nil then return nil, err end
  if found == false then return false end
  found.tags = row.decode(found.tags) or gifd.json.array {}
  found.reasons = row.decode(found.reasons) or {}
  found.trusted, found.legal = found.trusted == 1, found.legal == 1
  found.clicks, found.views = nil, nil -- of before there were rows of events: flow/metrics.fill tells them
  return found
end

function M.well_formed(code) return #code >= 2 and #code <= 64 and code:match("^[A-Za-z0-9_-]+$") ~= nil end

function M.find(code)
  if not M.well_formed(code) then return false end
  return shaped(gifd.db.row("SELECT " .. columns .. " FROM shares s WHERE s.code = ?1", code))
end

function M.by_id(id) return shaped(gifd.db.row("SELECT " .. columns .. " FROM shares s WHERE s.id = ?1", id)) end

--- The newest that strangers may see without using a visit up; false when there is none.
function M.newest_seen()
  return shaped(gifd.db.row("SELECT " .. columns .. [[ FROM shares s WHERE s.verdict = 'approved'
      AND s.visibility <> 'private' AND s.max_visits IS NULL AND (s.expires_at IS NULL OR s.expires_at > ?1)
      AND (SELECT verdict FROM assets WHERE id = s.asset_id) = 'approved' ORDER BY s.id DESC LIMIT 1]], moment.now()))
end

--- Newest first; `before` is the id of the last one seen.
function M.of_account(account_id, before, limit)
  local rows, err = gifd.db.rows("SELECT " .. columns
    .. " FROM shares s WHERE s.account_id = ?1 AND s.id < ?2 ORDER BY s.id DESC LIMIT ?3",
    account_id, before or 2 ^ 53 - 1, limit)
  if not rows then return nil, err end
  for i, found in ipairs(rows) do rows[i] = shaped(found) end
  return rows
end

--- What the account shared before the share `id`, as little of it as tells repetitions, newest first.
function M.before(account_id, id, limit)
  return gifd.db.rows([[SELECT title, asset_id, created_at FROM shares WHERE account_id = ?1 AND id < ?2
    ORDER BY id DESC LIMIT ?3]], account_id, id, limit)
end

--- The same of everybody.
function M.all(before, limit)
  local rows, err = gifd.db.rows("SELECT " .. columns .. " FROM shares s WHERE s.id < ?1 ORDER BY s.id DESC LIMIT ?2",
    before or 2 ^ 53 - 1, limit)
  if not rows then return nil, err end
  for i, found in ipairs(rows) do rows[i] = shaped(found) end
  return rows
end

function M.new_code() return gifd.crypto.code(8) end

--- Statements for a batch: a share of the asset with this digest, born pending. A taken code fails the batch
-- (conflict).
function M.statements(share, digest)
  local now = moment.now()
  return {
    { [[INSERT INTO shares (code, asset_id, account_id, title, description, visibility, expires_at, verdict, trusted,
      judge_after,
                            created_at, updated_at, max_visits, visits_left, scrutiny)
        SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?10, ?10, ?11, ?11, ?12 FROM assets WHERE digest = ?2]],
      share.code, digest, share.account_id, share.title, share.description, share.visibility,
        row.null(share.expires_at), share.trusted,
      now + 2e6, now, row.null(share.max_visits), row.null(share.scrutiny), expect = 1 },
    { [[INSERT INTO share_tags (share_id, position, tag)
        SELECT s.id, j.key, j.value FROM shares s, json_each(?2) j WHERE s.code = ?1]], share.code,
          row.list(share.tags) },
    orphan.wanted_statement(digest),
  }
end

--- Writes changed words or settings, and `further` statements with them. New words start a new revision and are judged
-- again, and then by a person too if one has refused the old ones; the guard refuses a race. What
-- was visited already counts against another limit too.
function M.update(share, changes, words_changed, further)
  local now = moment.now()
  local calls = { { [[
    UPDATE shares SET title = ?3, description = ?4, visibility = ?5, expires_at = ?6, revision = revision + 1,
      updated_at = ?7,
      scrutiny = CASE WHEN ?8 AND verdict IN ('flagged', 'rejected') AND coalesce(decided_by, 'judges') <> 'judges'
                 THEN 'review' WHEN ?8 AND ?11 IS NOT NULL THEN ?11 ELSE scrutiny END,
      decided_by = CASE WHEN ?8 AND verdict <> 'quarantined' AND legal = 0 THEN NULL ELSE decided_by END,
      verdict = CASE WHEN ?8 AND verdict <> 'quarantined' AND legal = 0 THEN 'pending' ELSE verdict END,
      judge_after = ?7 + 2000000, judge_tries = 0, judge_until = 0, trusted = ?9, end_told = 0, max_visits = ?10,
      visits_left = CASE WHEN ?10 IS NULL THEN NULL ELSE max(0, ?10 - coalesce(max_visits - visits_left, 0)) END
    WHERE id = ?1 AND revision = ?2]],
    share.id, share.revision, changes.title, changes.description, changes.visibility, row.null(changes.expires_at), now,
      words_changed,
    changes.trusted, row.null(changes.max_visits), row.null(changes.scrutiny), expect = 1 },
    orphan.wanted_statement(share.asset_id) }
  if changes.tags then
    calls[#calls + 1] = { "DELETE FROM share_tags WHERE share_id = ?1", share.id }
    calls[#calls + 1] = { "INSERT INTO share_tags (share_id, position, tag) SELECT ?1, key, value FROM json_each(?2)",
      share.id, row.list(changes.tags) }
  end
  for _, call in ipairs(further) do calls[#calls + 1] = call end
  return gifd.db.batch(calls)
end

--- With `further` statements -> true when it was there
function M.delete(id, further)
  local done, err = gifd.db.batch { { "DELETE FROM shares WHERE id = ?1", id }, unpack(further) }
  if not done then return nil, err end
  return done[1].changes == 1
end

--- Shares that have expired and whose end nobody was told: array of { id, code, asset_id, account_id }
function M.ended(now, limit)
  return gifd.db.rows([[
    SELECT id, code, asset_id, account_id FROM shares WHERE expires_at IS NOT NULL AND end_told = 0 AND expires_at <= ?1
    ORDER BY expires_at LIMIT ?2]], now, limit)
end

function M.end_statement(id) return { "UPDATE shares SET end_told = 1 WHERE id = ?1 AND end_told = 0", id } end

function M.expired(share) return share.expires_at ~= nil and share.expires_at <= moment.now() end

--- One visit of a limited share, with the click it is, before anybody is answered -> true, or false when the share is
-- no longer as it was read, or nothing of it is left.
function M.visit(share, asker, askers)
  local now = moment.now()
  local calls = { { [[
    UPDATE shares SET visits_left = visits_left - 1 WHERE id = ?1 AND visits_left > 0 AND revision = ?2
      AND verdict = 'approved' AND (expires_at IS NULL OR expires_at > ?3)]], share.id, share.revision, now,
    expect = 1 } }
  for _, call in ipairs(count.statements({ { key = count.click_by(share, asker), n = 1 } }, askers)) do
    calls[#calls + 1] = call
  end
  local done, err = gifd.db.batch(calls)
  if done then return true end
  if err.code == "conflict" then return false end
  return nil, err
end

function M.used_up(share) return share.visits_left == 0 end

--- The verdict while it is not approved, else live, expired or used_up.
function M.state(share)
  if share.verdict ~= "approved" then return share.verdict end
  if M.expired(share) then return "expired" end
  return M.used_up(share) and "used_up" or "live"
end

function M.to_judge(limit)
  return gifd.db.rows([[SELECT id,
    asset_id FROM shares WHERE verdict = 'pending' AND judge_after <= ?1 ORDER BY judge_after LIMIT ?2]],
    moment.now(), limit)
end

return M
