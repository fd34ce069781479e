--- values: walks a schema: every key of it, a value of the wrong kind for each, and the Lua text of a configuration
-- whose lines are known.
local M = {}

--- Calls found(keys, node) for every key that a record of `node` names, tables before what is in them.
function M.each(node, found, keys)
  keys = keys or {}
  local names = {}
  for name in pairs(node.fields or {}) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local inner = {}
    for i, key in ipairs(keys) do inner[i] = key end
    inner[#inner + 1] = name
    found(inner, node.fields[name])
    M.each(node.fields[name], found, inner)
  end
end

--- Texts of values that no node of this kind takes.
function M.wrong(node)
  if node.kind == "any" then return {} end
  if node.fields or node.kind == "map" then return { "7", '"text"', "true", "function() end", "0/0" } end
  if node.kind == "list" then return { "7", '"text"', "true", "{ a = 1 }", "{ [2] = 1 }", "function() end" } end
  if node.kind == "boolean" then return { "7", '"true"', "{}", "1/0", "function() end" } end
  if node.kind == "either" then return { "{ nothing_like_it = 1 }", "0/0", "function() end" } end
  if node.kind == "secret" then return { '"literal"', "7", "true", "{}", '{ env = "HOME" }' } end
  local out = { "true", "{}", "{ 1 }", "1/0", "0/0", "function() end", 'secret { env = "PATH" }' }
  if node.kind ~= "string" then out[#out + 1] = '"\\0\\n!"' else out[#out + 1] = "7" end
  return out
end

--- The text of a configuration that has these { keys, value text }, each on a line of its own -> text, line of each
function M.text(entries)
  local out, lines = { "return {" }, {}
  for i, entry in ipairs(entries) do
    local keys = entry[1]
    for k = 1, #keys - 1 do out[#out + 1] = ("[%q] = {"):format(keys[k]) end
    out[#out + 1] = ("[%q] = %s"):format(keys[#keys], entry[2])
    lines[i] = #out
    out[#out + 1] = ("}"):rep(#keys - 1) .. ","
  end
  out[#out + 1] = "}"
  return table.concat(out, "\n"), lines
end

return M
