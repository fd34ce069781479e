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

-- Platform and verdict of a kind, and its reason (model/event_kinds).
local RULED = "((hit_rows.kind >> 16) & 65535) = j.reason AND (hit_rows.kind & 65520) <> j.bits"
local GIVEN = "(SELECT value ->> 'reason' AS reason, value ->> 'bits' AS bits FROM json_each(?1)) j"

--- What of counted rows is not as the rules say now: given is an array of { reason, bits } (platform and verdict as
-- they stand in a kind) -> { rows, n }, or nil, err
function M.outdated(given)
  local sql = "SELECT count(*) AS rows, COALESCE(sum(hit_rows.n), 0) AS n FROM hit_rows JOIN %s ON %s"
  return gifd.db.row(sql:format(GIVEN, RULED), gifd.json.encode(gifd.json.array(given)))
end

--- Gives them what the rules say.
function M.reclassify(given)
  local sql = "UPDATE hit_rows SET kind = (hit_rows.kind & ~65520) | j.bits FROM %s WHERE %s"
  return gifd.db.run(sql:format(GIVEN, RULED), gifd.json.encode(gifd.json.array(given)))
end

return M
