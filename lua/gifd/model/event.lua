--- model/event: what the catalogue knows of events: names for their numbers, and what it counts itself.
local M = {}

local function map(rows)
  local out = {}
  for _, row in ipairs(rows) do out[row.key] = row.name end
  return out
end

--- Ids of assets by rowid_ -> { [rowid_] = id }
function M.assets(keys)
  local rows, err = gifd.db.rows(
    "SELECT rowid_ AS key, id AS name FROM assets WHERE rowid_ IN (SELECT value FROM json_each(?1))",
    gifd.json.encode(gifd.json.array(keys)))
  if not rows then return nil, err end
  return map(rows)
end

--- What rows of events name -> { assets = { [rowid_] = id }, shares = { [id] = code } }
function M.names(rows)
  local subjects, parts = {}, {}
  for i, row in ipairs(rows) do subjects[i], parts[i] = row.subject, row.part end
  local assets, err = M.assets(subjects)
  if not assets then return nil, err end
  local shares, shares_err = gifd.db.rows(
    "SELECT id AS key, code AS name FROM shares WHERE id IN (SELECT value FROM json_each(?1))",
    gifd.json.encode(gifd.json.array(parts)))
  if not shares then return nil, shares_err end
  return { assets = assets, shares = map(shares) }
end

--- Texts of askers by ids -> { [id] = text }
function M.askers(ids)
  local rows, err = gifd.db.rows(
    "SELECT id AS key, text AS name FROM askers WHERE id IN (SELECT value FROM json_each(?1))",
    gifd.json.encode(gifd.json.array(ids)))
  if not rows then return nil, err end
  return map(rows)
end

--- Ids of askers by texts -> { [text] = id }
function M.asker_ids(texts)
  local rows, err = gifd.db.rows(
    "SELECT text AS key, id AS name FROM askers WHERE text IN (SELECT value FROM json_each(?1))",
    gifd.json.encode(gifd.json.array(texts)))
  if not rows then return nil, err end
  return map(rows)
end

--- Plays behind a row of hit_rows -> array of { part (share's id), text (of the asker) }
function M.plays(last)
  return gifd.db.rows([[SELECT h.part, k.text FROM hit_rows h JOIN askers k ON k.id = h.kind >> 32
    WHERE h.id > ?1 AND h.kind & 15 = 2 ORDER BY h.id LIMIT 10000]], last)
end

--- A statement that forgets them all.
function M.forget_askers() return { "DELETE FROM askers" } end

--- Forgets askers that were seen last before `at`: their rows have gone.
function M.expire_askers(at) return gifd.db.run("DELETE FROM askers WHERE seen < ?1 - 172800000000", at) end

return M
