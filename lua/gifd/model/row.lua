--- model/row: what every model does to rows: SQL NULL to nil, and JSON columns to values.
local M = {}

function M.clean(row)
  if not row then return row end
  for key, value in pairs(row) do if value == gifd.null then row[key] = nil end end
  return row
end

function M.decode(text)
  if text == nil or text == gifd.null then return nil end
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
