--- model/rendition: derived bytes of an asset, by a name from the ladder.
local moment = require "gifd.moment"

local M = {}

local columns = "SELECT name, type, width, height, bytes, digest FROM renditions "

function M.of_asset(asset_id) return gifd.db.rows(columns .. "WHERE asset_id = ?1 ORDER BY name", asset_id) end

function M.find(asset_id, name) return gifd.db.row(columns .. "WHERE asset_id = ?1 AND name = ?2", asset_id, name) end

--- A statement for a batch; made again, it replaces.
function M.statement(asset_id, r)
  return { [[
    INSERT INTO renditions (asset_id, name, type, width, height, bytes, digest, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
    ON CONFLICT (asset_id, name) DO UPDATE SET type = excluded.type, width = excluded.width, height = excluded.height,
      bytes = excluded.bytes, digest = excluded.digest, updated_at = excluded.updated_at]],
    asset_id, r.name, r.type, r.width, r.height, r.bytes, r.digest, moment.now() }
end

return M
