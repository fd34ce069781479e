--- http/accept: which of several types a client would rather have (RFC 9110 section 12.5.1). Pure.
local M = {}

local RANGES = 32

--- Accept -> array of { type, subtype, q, parameters = how many besides q }
local function ranges(field)
  local out = {}
  for entry in field:gmatch("[^,]+") do
    local type, subtype, rest = entry:match("^%s*([%w!#$&^_.+*-]+)/([%w!#$&^_.+*-]+)%s*(.-)%s*$")
    if type and #out < RANGES then
      local q, parameters = 1, 0
      for name, value in rest:gmatch(";%s*([%w_-]+)%s*=%s*\"?([^;\"%s]*)") do
        if name:lower() == "q" then q = value:match("^[01]%.?%d?%d?%d?$") and math.min(1, tonumber(value)) or 0
        else parameters = parameters + 1 end
      end
      out[#out + 1] = { type = type:lower(), subtype = subtype:lower(), q = q, parameters = parameters }
    end
  end
  return out
end

--- How much a type is wanted, by the most specific range that fits; 0: not at all
local function quality(list, wanted)
  local type, subtype = wanted:match("^([^/]+)/(.+)$")
  local best, q = -1, 0
  for _, range in ipairs(list) do
    local rank = range.type == type and (range.subtype == subtype and 2 or range.subtype == "*" and 1)
      or range.type == "*" and range.subtype == "*" and 0
    if rank and range.parameters == 0 and rank > best then best, q = rank, range.q end
  end
  return q
end

--- The index of the type to send: the most wanted one, the earlier of equals. Without a wish, or without one that can
-- be met, the first.
function M.choose(field, types)
  if not field or field == "" then return 1 end
  local list, best, most = ranges(field), 1, 0
  for i, type in ipairs(types) do
    local q = quality(list, type)
    if q > most then best, most = i, q end
  end
  return best
end

return M
