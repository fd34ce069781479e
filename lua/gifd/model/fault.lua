--- model/fault: what hooks failed to do for an asset or a share. Only the last few of each are kept.
local moment = require "gifd.moment"

local M = {}

local KEPT = 20

local insert = [[INSERT INTO hook_faults (kind, subject, hook, plugin, version, code, detail, created_at) ]]

local function values(fault) return fault.hook, fault.plugin, fault.version, fault.err.code,
  tostring(fault.err.message or fault.err.code):sub(1, 1000), moment.now() end

--- Statements for a batch. fault = { hook, plugin, version, err }; of a share by its code, which may be one that the
-- batch makes.
function M.share_statements(code, fault)
  return {
    { insert .. "SELECT 'share', CAST(id AS TEXT), ?2, ?3, ?4, ?5, ?6, ?7 FROM shares WHERE code = ?1", code,
      values(fault) },
    { [[DELETE FROM hook_faults WHERE id IN (
          SELECT id FROM hook_faults WHERE kind = 'share'
            AND subject = (SELECT CAST(id AS TEXT) FROM shares WHERE code = ?1) ORDER BY id DESC LIMIT -1 OFFSET ?2)]],
      code, KEPT },
  }
end

function M.asset_statements(id, fault)
  return {
    { insert .. "SELECT 'asset', id, ?2, ?3, ?4, ?5, ?6, ?7 FROM assets WHERE id = ?1", id, values(fault) },
    { [[DELETE FROM hook_faults WHERE id IN (
          SELECT id FROM hook_faults WHERE kind = 'asset' AND subject = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)]],
      id, KEPT },
  }
end

function M.delete_statement(share_id)
  return { "DELETE FROM hook_faults WHERE kind = 'share' AND subject = ?1", tostring(share_id) }
end

--- The newest first, failed judges among them: array of { hook, plugin, version, code, detail, created_at }
function M.of(kind, id)
  return gifd.db.rows([[
    SELECT * FROM (
      SELECT hook, plugin, version, code, detail, created_at FROM hook_faults WHERE kind = ?1 AND subject = ?2
      UNION ALL
      SELECT 'judge', judge, version, coalesce(category, 'script'), coalesce(reasons ->> 0, ''), created_at
      FROM verdicts WHERE kind = ?1 AND subject = ?2 AND decision = 'failed')
    ORDER BY created_at DESC LIMIT ?3]], kind, tostring(id), KEPT)
end

return M
