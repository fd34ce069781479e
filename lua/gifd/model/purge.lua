--- model/purge: what caches are still to be told. A row is written with the change itself, and goes when all were told.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- A statement for a batch. code: of the share that changes, or nil
function M.statement(asset_id, code)
  return { "INSERT INTO purges (asset_id, code, created_at) VALUES (?1, ?2, ?3)", asset_id, row.null(code),
    moment.now() }
end

--- Oldest first: array of { id, asset_id, code? }
function M.pending(limit)
  local rows, err = gifd.db.rows("SELECT id, asset_id, code FROM purges ORDER BY id LIMIT ?1", limit)
  if not rows then return nil, err end
  return rows
end

function M.forget(rows)
  local ids = {}
  for i, found in ipairs(rows) do ids[i] = found.id end
  return gifd.db.run("DELETE FROM purges WHERE id IN (SELECT value FROM json_each(?1))", row.list(ids))
end

return M
