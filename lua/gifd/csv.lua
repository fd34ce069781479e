--- csv: lines of RFC 4180 that a spreadsheet takes for text. Pure.
local M = {}

--- A spreadsheet takes what begins like a formula for one: a quote before it says no.
local function cell(value)
  if value == nil or value == gifd.null then return "" end
  local text = type(value) == "table" and gifd.json.encode(value) or tostring(value)
  if text:find("^[%s%c]*[=+%-@|%%]") or text:find("^[\t\r\n]") then text = "'" .. text end
  if text:find('[",%c]') or text:find("^ ") or text:find(" $") or text:find("'", 1, true) == 1 then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

--- Values by name and the names in order, or values by number -> one line
function M.line(values, names)
  local out = {}
  for i = 1, names and #names or #values do out[i] = cell(values[names and names[i] or i]) end
  return table.concat(out, ",") .. "\r\n"
end

return M
