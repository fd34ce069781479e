--- model/fresh: the database as it was on its first day, for tests of plugins.
local M = {}

--- Forgets every row but those of the audit log, which stay; those last that others refer to -> true, or nil, err
function M.clear()
  local tables, err = gifd.db.rows([[SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN ('schema_migrations', 'audit')
    ORDER BY rowid DESC]])
  if not tables then return nil, err end
  local calls = {}
  for i, found in ipairs(tables) do calls[i] = { ('DELETE FROM "%s"'):format(found.name) } end
  calls[#calls + 1] = { "INSERT INTO assets_gone VALUES (0)" }
  return gifd.db.batch(calls)
end

return M
