--- model/catalogue: the database as a whole.
local M = {}

--- Can rows be read? -> true, or nil, err
function M.readable()
  local row, err = gifd.db.row("SELECT 1 AS one")
  if not row then return nil, err end
  return true
end

return M
