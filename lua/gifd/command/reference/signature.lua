--- command/reference/signature: the words of a signature (core/script/signature.h) as a table.
--
--   "limiter:check(key: string, cost?: integer) -> allowed: boolean | nil, err -- charges when it allows"
--
-- -> { class = "Limiter"?, name = "check", params = { { name, type, optional } }, returns = the same, fails = true when
-- it may return nil, err; doc }
local M = {}

local open, close = { ["("] = true, ["{"] = true, ["["] = true, ["<"] = true },
  { [")"] = true, ["}"] = true, ["]"] = true, [">"] = true }

--- Parts of text between commas that stand in no bracket and no quotes.
local function split(text)
  local out, depth, quoted, from = {}, 0, false, 1
  for i = 1, #text do
    local c = text:sub(i, i)
    if c == '"' then quoted = not quoted
    elseif not quoted and open[c] then depth = depth + 1
    elseif not quoted and close[c] then depth = depth - 1
    elseif not quoted and depth == 0 and c == "," then
      out[#out + 1] = text:sub(from, i - 1)
      from = i + 1
    end
  end
  if text:match("%S") then out[#out + 1] = text:sub(from) end
  for i, part in ipairs(out) do out[i] = part:match("^%s*(.-)%s*$") end
  return out
end

--- "cost?: integer" -> { name, type, optional }; a type alone has no name
local function item(text)
  local name, mark, type_ = text:match("^([%a_%.%[][%w_%.%]]*)(%??): (.*)$")
  if not name then return { type = text } end
  return { name = name, type = type_, optional = mark == "?" }
end
M.item = item

function M.items(text)
  local out = split(text)
  for i, part in ipairs(out) do out[i] = item(part) end
  return out
end

--- Up to the bracket that closes the one at `at`.
local function closed(text, at)
  local depth = 0
  for i = at, #text do
    local c = text:sub(i, i)
    if open[c] then depth = depth + 1 elseif close[c] then depth = depth - 1 end
    if depth == 0 then return i end
  end
end

function M.parse(text)
  local head, doc = text:match("^(.-) %-%- (.*)$")
  head = head or text
  local at = head:find("(", 1, true)
  if not at then return { name = item(head).name, value = item(head).type, doc = doc or "" } end
  local to = closed(head, at)
  local class, name = head:sub(1, at - 1):match("^([%w_]+):([%w_]+)$")
  local out = { class = class and class:sub(1, 1):upper() .. class:sub(2), name = name or head:sub(1, at - 1),
    params = M.items(head:sub(at + 1, to - 1)), doc = doc or "" }
  local returns = head:sub(to + 1):match("^ %-> (.*)$") or ""
  local sure = returns:match("^(.*) | nil, err$")
  out.fails, out.returns = sure ~= nil, M.items(sure or returns)
  return out
end

--- Back to one line for people: "get(key: string)"
function M.call(form, prefix)
  local params = {}
  for i, p in ipairs(form.params) do
    params[i] = ("%s%s: %s"):format(p.name, p.optional and "?" or "", p.type)
  end
  return ("%s%s(%s)"):format(prefix, form.name, table.concat(params, ", "))
end

function M.results(form)
  local out = {}
  for i, r in ipairs(form.returns) do
    out[i] = r.name and ("%s%s: %s"):format(r.name, r.optional and "?" or "", r.type) or r.type
  end
  return table.concat(out, ", ")
end

return M
