--- model/listed: what is banned or allowed by its content: rows of `listed_hashes`.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- So many entries at most change in one statement: as JSON they are one value.
M.at_once = 20000

--- A statement for a batch: entries = array of { list, kind, hash, distance, category, reason, asset_id? }; change:
-- of M.change. What is there as it is said stays as it is; the rest is from this change.
function M.put_statement(entries, by, change)
  local list = {}
  for i, e in ipairs(entries) do
    list[i] = gifd.json.array { e.list, e.kind, e.hash, e.distance, e.category, e.reason, row.null(e.asset_id) }
  end
  return { [[
    INSERT INTO listed_hashes (list, kind, hash, distance, category, reason, asset_id, added_by, change, created_at)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, ?2, ?3, ?4
    FROM json_each(?1) WHERE true
    ON CONFLICT (hash, kind, list) DO UPDATE SET distance = excluded.distance, category = excluded.category,
      reason = excluded.reason, asset_id = coalesce(excluded.asset_id, asset_id), added_by = excluded.added_by,
      change = excluded.change
    WHERE (distance, category, reason) <> (excluded.distance, excluded.category, excluded.reason)]],
    row.list(list), by, change, moment.now() }
end

--- A number for a change, and a statement for its batch: what is there already is looked at again (jobs/listed).
function M.change() return moment.now() end

local function job_statement(payload)
  local now = moment.now()
  return { [[
    INSERT INTO jobs (name, lane, payload, state, priority, run_after, created_at, updated_at, trace)
    VALUES ('listed', 'plugin', ?1, 'pending', 1, ?2, ?2, ?2, ?3)]], gifd.json.encode(payload), now,
    row.null(gifd.trace.traceparent() or nil) }
end

function M.added_statement(change) return job_statement { change = change } end

--- gone: the rows that have gone, few.
function M.removed_statement(gone)
  local list = {}
  for i, e in ipairs(gone) do
    list[i] = { id = e.id, list = e.list, kind = e.kind, hash = e.hash, distance = e.distance }
  end
  return job_statement { removed = gifd.json.array(list) }
end

function M.delete_statement(ids)
  return { "DELETE FROM listed_hashes WHERE id IN (SELECT value FROM json_each(?1))", row.list(ids) }
end

function M.find(id) return gifd.db.row("SELECT * FROM listed_hashes WHERE id = ?1", id) end

--- The entries of one content, one for each list.
function M.exact(kind, hash)
  return gifd.db.rows("SELECT * FROM listed_hashes WHERE hash = ?1 AND kind = ?2", hash, kind)
end

--- Keys of the index -> { [key] = entry } of those that are still there.
function M.of_keys(keys)
  local rows, err = gifd.db.rows([[
    SELECT * FROM listed_hashes WHERE id IN (SELECT value FROM json_each(?1))]], row.list(keys))
  if not rows then return nil, err end
  local out = {}
  for _, found in ipairs(rows) do out[found.id] = found end
  return out
end

--- How many bits a picture may differ from that which forgives most; false when none is listed.
function M.widest()
  local found, err = gifd.db.row("SELECT max(distance) AS most FROM listed_hashes WHERE kind = 'pdq'")
  if not found then return nil, err end
  return found.most or false
end

--- For the index: as model/fact has it.
function M.since(mark, limit)
  local rows, err = gifd.db.rows([[
    SELECT id AS key, hash FROM listed_hashes WHERE kind = 'pdq' AND id > ?1 ORDER BY id LIMIT ?2]], mark, limit)
  if not rows then return nil, err end
  return rows, rows[1] and rows[#rows].key or mark
end

function M.extent()
  local found, err = gifd.db.row([[
    SELECT (SELECT count(*) FROM listed_hashes WHERE kind = 'pdq') AS rows,
      coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'listed_hashes'), 0) AS mark]])
  if not found then return nil, err end
  return found.rows, found.mark
end

--- filter = { list?, kind?, hash?, asset_id? }; after: id of the last one seen.
function M.list(filter, after, limit)
  return gifd.db.rows([[
    SELECT * FROM listed_hashes WHERE id > ?1 AND (?2 IS NULL OR list = ?2) AND (?3 IS NULL OR kind = ?3)
      AND (?4 IS NULL OR hash = ?4) AND (?5 IS NULL OR asset_id = ?5) ORDER BY id LIMIT ?6]],
    after, row.null(filter.list), row.null(filter.kind), row.null(filter.hash), row.null(filter.asset_id), limit)
end

--- What one change has made, with the asset that has such a digest -> rows { id, list, kind, hash, distance, asset? }
function M.of_change(change, after, limit)
  return gifd.db.rows([[
    SELECT l.id, l.list, l.kind, l.hash, l.distance, a.id AS asset FROM listed_hashes l
    LEFT JOIN assets a ON l.kind = 'sha256' AND a.digest = l.hash
    WHERE l.change = ?1 AND l.id > ?2 ORDER BY l.id LIMIT ?3]], change, after, limit)
end

return M
