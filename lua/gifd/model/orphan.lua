--- model/orphan: assets that nobody shares any more, and blobs that no row names.
--
--   the last share was deleted, expired or is used up --mark--> unshared_at --remove, a grace later--> no row is left
--                                     a new share, or a change of one --> NULL
--
-- A mark only says since when to wait. What decides is the transaction that removes: it looks at the shares itself, so
-- a share that was made a moment ago wins, whichever process made it. Shares that are over go with their asset.
-- An asset that was rejected or quarantined stays: its row is how the bytes are known again.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local PAGE = 200

local M = {}

--- Of a share s, at the time ?1: it has expired or is used up.
local over = "coalesce(s.expires_at <= ?1 OR s.visits_left = 0, 0)"
local shared = "EXISTS (SELECT 1 FROM shares s WHERE s.asset_id = a.id AND NOT " .. over .. ")"
local removable = "media IN ('ready', 'failed') AND verdict NOT IN ('rejected', 'quarantined')"

local function change(to, where, ids, now)
  if #ids == 0 then return true end
  return gifd.db.run(("UPDATE assets AS a SET unshared_at = %s WHERE id IN (SELECT value FROM json_each(?2)) AND %s")
    :format(to, where), now, row.list(ids))
end

--- Brings the marks of a few assets up to date, from place `after` on (0 to begin) -> where to go on, or false at the
-- end
function M.mark(after)
  local now = moment.now()
  local rows, err = gifd.db.rows(([[
    SELECT rowid_ AS place, id, unshared_at IS NOT NULL AS marked, %s AS shared FROM assets a
    WHERE rowid_ > ?2 ORDER BY rowid_ LIMIT %d]]):format(shared, PAGE), now, after)
  if not rows then return nil, err end
  local lost, found = {}, {}
  for _, r in ipairs(rows) do
    if r.marked == r.shared then
      local list = r.shared == 1 and found or lost
      list[#list + 1] = r.id
    end
  end
  local done, mark_err = change("?1", "unshared_at IS NULL AND NOT " .. shared, lost, now)
  if done then done, mark_err = change("NULL", shared, found, now) end
  if not done then return nil, mark_err end
  return #rows == PAGE and rows[PAGE].place or false
end

--- A statement for the batch that makes or changes a share: its asset is wanted.
function M.wanted_statement(digest_or_id)
  return { "UPDATE assets SET unshared_at = NULL WHERE (digest = ?1 OR id = ?1) AND unshared_at IS NOT NULL",
    digest_or_id }
end

--- Assets that have had no share since `before`: array of { id, place }
function M.due(before, limit)
  return gifd.db.rows(([[
    SELECT id, rowid_ AS place FROM assets WHERE unshared_at <= ?1 AND %s ORDER BY unshared_at LIMIT ?2]])
    :format(removable), before, limit)
end

--- Its shares, all of which are over, but for a race that remove() decides: array of { code, account_id }
function M.shares(id, limit)
  return gifd.db.rows("SELECT code, account_id FROM shares WHERE asset_id = ?1 ORDER BY id LIMIT ?2", id, limit)
end

--- Everything that rows say of an asset, with `further` statements -> true, or false when it is wanted again.
function M.remove(id, before, further)
  local now = moment.now()
  local calls = {
    { "INSERT INTO purges (asset_id, code, created_at) SELECT asset_id, code, ?2 FROM shares WHERE asset_id = ?1",
      id, now },
    { [[DELETE FROM hook_faults WHERE kind = 'asset' AND subject = ?1 OR kind = 'share'
          AND subject IN (SELECT CAST(id AS TEXT) FROM shares WHERE asset_id = ?1)]], id },
    { "DELETE FROM shares AS s WHERE asset_id = ?2 AND " .. over, now, id },
    -- else the same bytes would never be rendered again
    { "DELETE FROM jobs WHERE unique_key IN ('ladder:' || ?1, 'renditions:' || ?1)", id },
    { "UPDATE assets_gone SET highest = max(highest, coalesce((SELECT rowid_ FROM assets WHERE id = ?1), 0))", id },
    { ("DELETE FROM assets WHERE id = ?1 AND unshared_at <= ?2 AND %s "
      .. "AND NOT EXISTS (SELECT 1 FROM shares WHERE asset_id = ?1)"):format(removable), id, before, expect = 1 },
    unpack(further),
  }
  local done, err = gifd.db.batch(calls)
  if done then return true end
  if err.code == "conflict" then return false end
  return nil, err
end

--- Those of the digests that no row names.
function M.unnamed(digests)
  local rows, err = gifd.db.rows([[
    SELECT value AS digest FROM json_each(?1)
    WHERE NOT EXISTS (SELECT 1 FROM assets WHERE digest = value AND purged_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM renditions WHERE digest = value)]], row.list(digests))
  if not rows then return nil, err end
  local out = {}
  for i, r in ipairs(rows) do out[i] = r.digest end
  return out
end

return M
