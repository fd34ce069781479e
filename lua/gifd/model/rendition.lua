--- model/rendition: derived bytes of an asset, by file (NAME.EXT): what is there, what was asked for, what cannot be.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local columns = "SELECT name, type, width, height, bytes, digest FROM renditions "

function M.of_asset(asset_id) return gifd.db.rows(columns .. "WHERE asset_id = ?1 ORDER BY name", asset_id) end

function M.find(asset_id, file) return gifd.db.row(columns .. "WHERE asset_id = ?1 AND name = ?2", asset_id, file) end

--- One of a name that is on no ladder, with or without its extension.
function M.find_named(asset_id, word)
  return gifd.db.row(columns .. "WHERE asset_id = ?1 AND (name = ?2 OR name GLOB ?2 || '.*')", asset_id, word)
end

--- With how they were made: array of { name, type, ..., recipe (JSON), made_by }, for whoever makes them again.
function M.provenance(asset_id)
  return gifd.db.rows([[SELECT name, type, width, height, bytes, digest, recipe, made_by FROM renditions
    WHERE asset_id = ?1 ORDER BY name]], asset_id)
end

--- r: recipe and made_by are nil for the original's own bytes. Made again, it replaces.
function M.statements(asset_id, r)
  return { [[
    INSERT INTO renditions (asset_id, name, type, width, height, bytes, digest, recipe, made_by, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
    ON CONFLICT (asset_id, name) DO UPDATE SET type = excluded.type, width = excluded.width, height = excluded.height,
      bytes = excluded.bytes, digest = excluded.digest, recipe = excluded.recipe, made_by = excluded.made_by,
      updated_at = excluded.updated_at]],
    asset_id, r.name, r.type, r.width, r.height, r.bytes, r.digest, row.null(r.recipe), row.null(r.made_by),
    moment.now() },
    M.forget_statement(asset_id, r.name),
    { "DELETE FROM renditions_refused WHERE asset_id = ?1 AND name = ?2", asset_id, r.name }
end

--- It cannot be, and why.
function M.refuse_statements(asset_id, file, err, made_by)
  return { [[
    INSERT INTO renditions_refused (asset_id, name, code, reason, made_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (asset_id, name) DO UPDATE SET code = excluded.code, reason = excluded.reason,
      made_by = excluded.made_by, created_at = excluded.created_at]],
    asset_id, file, err.code, tostring(err.message or err.code), row.null(made_by), moment.now() },
    M.forget_statement(asset_id, file)
end

--- -> { code, reason } or false
function M.refused(asset_id, file)
  return gifd.db.row("SELECT code, reason FROM renditions_refused WHERE asset_id = ?1 AND name = ?2", asset_id, file)
end

--- -> { file = { code, reason } }
function M.all_refused(asset_id)
  local rows, err = gifd.db.rows("SELECT name, code, reason FROM renditions_refused WHERE asset_id = ?1", asset_id)
  if not rows then return nil, err end
  local out = {}
  for _, r in ipairs(rows) do out[r.name] = r end
  return out
end

--- A statement for a batch; asked again, the higher priority counts.
function M.ask_statement(asset_id, file, priority, pixels)
  return { [[
    INSERT INTO renditions_asked (asset_id, name, priority, pixels, asked_at)
    SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM renditions WHERE asset_id = ?1 AND name = ?2)
    ON CONFLICT (asset_id, name) DO UPDATE SET priority = max(priority, excluded.priority)]],
    asset_id, file, priority, math.min(pixels, 2 ^ 53), moment.now() }
end

--- Those of the highest priority, the smallest first: array of { name, priority, pixels }
function M.asked(asset_id)
  return gifd.db.rows([[
    SELECT name, priority, pixels FROM renditions_asked a WHERE asset_id = ?1
      AND priority = (SELECT max(priority) FROM renditions_asked WHERE asset_id = ?1)
    ORDER BY pixels, name]], asset_id)
end

function M.forget_statement(asset_id, file)
  return { "DELETE FROM renditions_asked WHERE asset_id = ?1 AND name = ?2", asset_id, file }
end

--- Pixels of work that wait in all.
function M.waiting()
  local found, err = gifd.db.row("SELECT coalesce(sum(pixels), 0) AS pixels FROM renditions_asked")
  return found and found.pixels, err
end

return M
