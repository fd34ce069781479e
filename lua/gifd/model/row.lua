--- model/row: what every model does to rows: JSON columns to values, and back.
local M = {}

function M.decode(text)
  if text == nil then return nil end
  return gifd.json.decode(text)
end

--- A list as JSON text; an empty one too.
function M.list(values) return gifd.json.encode(gifd.json.array(values or {})) end

--- nil as something a batch can hold.
function M.null(value)
  if value == nil then return gifd.null end
  return value
end

return M
