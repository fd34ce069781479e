--- model/asset: bytes, once. Rows of `assets`; every change is one statement, guarded by what it changes from.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local select = "SELECT a.*, f.colors, f.placeholder FROM assets a LEFT JOIN asset_facts f ON f.asset_id = a.id WHERE "

local function shaped(found, err)
  if found == nil then return nil, err end
  if found == false then return false end
  found.reasons, found.legal = row.decode(found.reasons) or {}, found.legal == 1
  found.colors = row.decode(found.colors) or {}
  for _, name in ipairs { "has_alpha", "has_audio", "truncated", "trusted" } do found[name] = found[name] == 1 end
  found.views = nil -- of before there were rows of events: flow/metrics.fill tells them
  return found
end

function M.find(id)
  if not id:match("^%x+$") or #id < 16 or #id > 64 then return false end
  return shaped(gifd.db.row(select .. "a.id = ?1", id))
end

function M.by_digest(digest) return shaped(gifd.db.row(select .. "a.digest = ?1", digest)) end

--- Newest first; `before` is the rowid_ of the last one seen.
function M.all(before, limit)
  local rows, err = gifd.db.rows(select .. "a.rowid_ < ?1 ORDER BY a.rowid_ DESC LIMIT ?2",
    before or 2 ^ 53 - 1, limit)
  if not rows then return nil, err end
  for i, found in ipairs(rows) do rows[i] = shaped(found) end
  return rows
end

--- The shortest prefix of the digest, 16 digits or two more at a time, that no other digest has as its id.
function M.id_for(digest)
  for length = 16, 64, 2 do
    local id = digest:sub(1, length)
    local found, err = gifd.db.row("SELECT digest FROM assets WHERE id = ?1", id)
    if found == nil then return nil, err end
    if not found or found.digest == digest then return id end
  end
  return nil, gifd.err("internal", { message = "no free id for " .. digest })
end

--- Statements for a batch: the row is there afterwards, born pending; whoever is trusted vouches for an older one that
-- no person has looked at. scrutiny: of the uploader (flow/trust).
function M.statements(id, digest, bytes, facts, trusted, scrutiny)
  local now = moment.now()
  local out = { { [[
    INSERT INTO assets (rowid_, id, digest, type, bytes, width, height, frames, duration_ms, loop, has_alpha, has_audio,
      truncated,
                        media, verdict, trusted, judge_after, created_at, updated_at, scrutiny)
    VALUES (1 + max(coalesce((SELECT max(rowid_) FROM assets), 0), (SELECT highest FROM assets_gone)), -- never again
            ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'probed', 'pending', ?13, ?14, ?15, ?15, ?16)
    ON CONFLICT (digest) DO NOTHING]],
    id, digest, facts.type, bytes, facts.width, facts.height, facts.frames, facts.duration_ms, facts.loop or -1,
    facts.has_alpha or false, facts.has_audio or false, facts.truncated or false, trusted, now + 2e6, now,
    row.null(scrutiny) } }
  if trusted then
    out[2] = { [[
      UPDATE assets SET trusted = 1, scrutiny = NULL,
                        verdict = CASE WHEN verdict = 'flagged' AND coalesce(decided_by, 'judges') = 'judges'
                                  THEN 'pending' ELSE verdict END,
                        judge_after = ?2 + 2000000, judge_tries = 0, judge_until = 0,
                        revision = revision + 1, updated_at = ?2
      WHERE digest = ?1 AND trusted = 0]], digest, now }
  end
  return out
end

--- media: guarded change; true when the row was in one of `from`.
function M.set_media(id, from, to, reason)
  local done, err = gifd.db.run([[
    UPDATE assets SET media = ?2, media_reason = ?3, updated_at = ?4
    WHERE id = ?1 AND media IN (SELECT value FROM json_each(?5))]], id, to, reason, moment.now(), row.list(from))
  if not done then return nil, err end
  return done.changes == 1
end

--- A statement for a batch that also writes what the change rests on; it fails for what was purged meanwhile.
function M.media_statement(id, to, reason)
  return { "UPDATE assets SET media = ?2, media_reason = ?3, updated_at = ?4 WHERE id = ?1 AND purged_at IS NULL", id,
    to, row.null(reason), moment.now(), expect = 1 }
end

--- A statement for a batch that adds to an asset: it fails once its bytes were purged.
function M.there_statement(id)
  return { "UPDATE assets SET updated_at = updated_at WHERE id = ?1 AND purged_at IS NULL", id, expect = 1 }
end

--- Its own ladder as JSON; nil: the configured one.
function M.ladder_statement(id, text) return { "UPDATE assets SET ladder = ?2 WHERE id = ?1", id, row.null(text) } end

local function last_end(id, sql)
  local found, err = gifd.db.row(sql, id, moment.now())
  if not found then return nil, err end
  if not found.last then return false end
  return found.last >= 9e15 and math.huge or found.last
end

--- Until when strangers may have the media, as the shares stand now: microseconds, math.huge, or false for not at all.
-- A share that may be visited only so often opens them to its visitors alone, by signed URLs.
function M.public_until(id)
  return last_end(id, [[
    SELECT max(coalesce(expires_at, 9e15)) AS last FROM shares
    WHERE asset_id = ?1 AND verdict = 'approved' AND visibility <> 'private' AND max_visits IS NULL
    AND (expires_at IS NULL OR expires_at > ?2)]])
end

--- The same for those whom an owner gave a signed URL: private and limited shares count too,
-- also when no visit is left: the last visitor has yet to fetch what the page shows.
function M.shared_until(id)
  return last_end(id, [[
    SELECT max(coalesce(expires_at, 9e15)) AS last FROM shares
    WHERE asset_id = ?1 AND verdict = 'approved' AND (expires_at IS NULL OR expires_at > ?2)]])
end

function M.has_share_of(id, account_id)
  local found, err = gifd.db.row("SELECT 1 AS one FROM shares WHERE asset_id = ?1 AND account_id = ?2 LIMIT 1", id,
    account_id)
  if found == nil then return nil, err end
  return found ~= false
end

--- Whose work its renders count as: the account of its first share, or nil.
function M.first_account(id)
  local found = gifd.db.row("SELECT account_id FROM shares WHERE asset_id = ?1 ORDER BY id LIMIT 1", id)
  return found and found.account_id or nil
end

--- The verdict while it is not approved, else the media state.
function M.state(asset)
  if asset.verdict ~= "approved" then return asset.verdict end
  return asset.media
end

--- Assets whose verdict is due to be sought again.
function M.to_judge(limit)
  local rows, err = gifd.db.rows([[
    SELECT id FROM assets WHERE verdict = 'pending' AND judge_after <= ?1 ORDER BY judge_after LIMIT ?2]],
    moment.now(), limit)
  if not rows then return nil, err end
  return rows
end

return M
