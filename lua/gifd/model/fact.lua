--- model/fact: what an asset looks like: rows of asset_facts, and of asset_hashes, which the index of hashes copies.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- Statements for a batch. look: of gifd.media.look; made already, they stay as they are.
function M.statements(asset_id, look)
  local now = moment.now()
  local out = {}
  for i, h in ipairs(look.hashes) do
    out[i] = { [[
      INSERT INTO asset_hashes (asset_id, at_ms, quality, hash)
      SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM asset_facts WHERE asset_id = ?1)]],
      asset_id, math.floor(h.at * 1000 + 0.5), h.quality, h.hash }
  end
  out[#out + 1] = { [[
    INSERT INTO asset_facts (asset_id, colors, placeholder, created_at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (asset_id) DO NOTHING]], asset_id, row.list(look.colors), row.null(look.placeholder), now }
  return out
end

--- -> { { hash, at, quality }, ... }; false while it is not known; or nil, err
function M.hashes(asset_id)
  local known, err = gifd.db.row("SELECT 1 AS one FROM asset_facts WHERE asset_id = ?1", asset_id)
  if not known then return known, err end
  return gifd.db.rows("SELECT hash, at_ms / 1000.0 AS at, quality FROM asset_hashes WHERE asset_id = ?1 ORDER BY id",
    asset_id)
end

--- Assets whose facts are missing though their renditions are made, from place `after` on, a page of them looked at ->
-- ids, where to go on (false at the end); or nil, err
function M.missing(after)
  local page = 200
  local rows, err = gifd.db.rows([[
    SELECT a.rowid_ AS place, CASE WHEN f.asset_id IS NULL AND a.media = 'ready' THEN a.id END AS id
    FROM assets a LEFT JOIN asset_facts f ON f.asset_id = a.id
    WHERE a.rowid_ > ?1 ORDER BY a.rowid_ LIMIT ?2]], after, page)
  if not rows then return nil, err end
  local ids = {}
  for _, r in ipairs(rows) do if r.id then ids[#ids + 1] = r.id end end
  return ids, #rows == page and rows[page].place or false
end

--- Hashes after the mark, as the index takes them: { { key, hash }, ... }, the new mark; or nil, err
function M.since(mark, limit)
  local rows, err = gifd.db.rows([[
    SELECT h.id, a.rowid_ AS key, h.hash FROM asset_hashes h JOIN assets a ON a.id = h.asset_id
    WHERE h.id > ?1 ORDER BY h.id LIMIT ?2]], mark, limit)
  if not rows then return nil, err end
  return rows, rows[1] and rows[#rows].id or mark
end

--- -> how many rows there are, the highest mark that was ever given
function M.extent()
  local found, err = gifd.db.row([[
    SELECT (SELECT count(*) FROM asset_hashes) AS rows,
      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'asset_hashes'), 0) AS mark]])
  if not found then return nil, err end
  return found.rows, found.mark
end

--- Keys of the index -> { [key] = asset id } of those that are still there.
function M.assets(keys)
  local rows, err = gifd.db.rows([[
    SELECT rowid_ AS key, id FROM assets WHERE rowid_ IN (SELECT value FROM json_each(?1))]], row.list(keys))
  if not rows then return nil, err end
  local out = {}
  for _, r in ipairs(rows) do out[r.key] = r.id end
  return out
end

return M
