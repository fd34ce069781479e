--- network: is a text an IP address, or a range of them such as "10.0.0.0/8"? As strict as core/base/cidr.c, which
-- reads it again: no leading zeros, no zone, no bits behind the prefix. Pure.
local function v4(text)
  local out = {}
  for part in (text .. "."):gmatch("([^%.]*)%.") do
    if not part:match("^%d%d?%d?$") or part:match("^0%d") or tonumber(part) > 255 then return nil end
    out[#out + 1] = tonumber(part)
  end
  return #out == 4 and out or nil
end

local function groups(text)
  local out = {}
  if text == "" then return out end
  for part in (text .. ":"):gmatch("([^:]*):") do
    if not part:match("^%x%x?%x?%x?$") then return nil end
    out[#out + 1] = tonumber(part, 16)
  end
  return out
end

local function v6(text)
  local head, tail = text:match("^(.*:)([%d%.]+%.[%d%.]+)$")
  if head then
    local q = v4(tail)
    if not q then return nil end
    text = head .. ("%x:%x"):format(q[1] * 256 + q[2], q[3] * 256 + q[4])
  end
  local left, right = text:match("^(.-)::(.*)$")
  if not left then
    local all = groups(text)
    return all and #all == 8 and all or nil
  end
  local out, rest = groups(left), groups(right)
  if not out or not rest or #out + #rest > 7 then return nil end
  for _ = 1, 8 - #out - #rest do out[#out + 1] = 0 end
  for _, group in ipairs(rest) do out[#out + 1] = group end
  return out
end

--- -> what is wrong with it, or nil
return function(text)
  local expected = 'must be an IP address or a range of them such as "10.0.0.0/8" or "2001:db8::/32"'
  if type(text) ~= "string" then return expected end
  local address, prefix = text:match("^([^/]*)/(.*)$")
  address = address or text
  local narrow = not address:find(":", 1, true)
  local parts, width = (narrow and v4 or v6)(address), narrow and 8 or 16
  if not parts then return expected end
  if not prefix then return nil end
  if not prefix:match("^%d%d?%d?$") or prefix:match("^0%d") or tonumber(prefix) > #parts * width then
    return ("must have a number from 0 to %d behind the slash"):format(#parts * width)
  end
  for i, part in ipairs(parts) do
    local fixed = math.max(0, math.min(width, tonumber(prefix) - (i - 1) * width))
    if part % 2 ^ (width - fixed) ~= 0 then return "has bits behind its prefix" end
  end
end
