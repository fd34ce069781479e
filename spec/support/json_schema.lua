--- json_schema: as much of JSON Schema (draft 2020-12) as gifd writes: is a document a schema, is a value what it says.
local cjson = require "cjson"

local M = {}

local keywords = { ["$schema"] = "string", title = "string", description = "string", type = "string", enum = "table",
  anyOf = "table", properties = "table", additionalProperties = "any", propertyNames = "table", required = "table",
  dependentRequired = "table", items = "table", minItems = "number", maxItems = "number", minLength = "number",
  maxLength = "number", minimum = "number", maximum = "number", minProperties = "number", maxProperties = "number",
  pattern = "string", default = "any" }
local types = { object = true, array = true, string = true, number = true, integer = true, boolean = true }

--- Why it is no schema, with the place, or nil.
function M.wrong(schema, place)
  place = place or "#"
  if type(schema) == "boolean" then return nil end
  if type(schema) ~= "table" then return place .. " is no schema" end
  for word, value in pairs(schema) do
    local kind = keywords[word]
    if not kind then return place .. ": unknown keyword " .. tostring(word) end
    if kind ~= "any" and type(value) ~= kind then return place .. "/" .. word .. " is a " .. type(value) end
  end
  if schema.type and not types[schema.type] then return place .. ": unknown type " .. schema.type end
  local inner = { items = schema.items, names = schema.propertyNames }
  if type(schema.additionalProperties) == "table" then inner.rest = schema.additionalProperties end
  for i, one in ipairs(schema.anyOf or {}) do inner["anyOf " .. i] = one end
  for name, one in pairs(schema.properties or {}) do inner[name] = one end
  for name, one in pairs(inner) do
    local why = M.wrong(one, place .. "/" .. name)
    if why then return why end
  end
end

local function is(kind, value)
  if kind == "object" then return type(value) == "table" and (next(value) == nil or value[1] == nil) end
  if kind == "array" then return type(value) == "table" and (next(value) == nil or value[1] ~= nil) end
  if kind == "integer" then return type(value) == "number" and value == math.floor(value) end
  return type(value) == kind
end

local function fits_table(schema, value)
  local count = 0
  for name, item in pairs(value) do
    count = count + 1
    local inner = schema.properties and schema.properties[name]
    if inner == nil then inner = type(name) == "number" and schema.items or schema.additionalProperties end
    if inner == false or type(inner) == "table" and not M.fits(inner, item) then return false end
  end
  for _, name in ipairs(schema.required or {}) do if value[name] == nil then return false end end
  return count >= (schema.minProperties or schema.minItems or 0)
    and count <= (schema.maxProperties or schema.maxItems or math.huge)
end

--- Is the value what the schema says? Patterns are not looked at.
function M.fits(schema, value)
  if schema.type and not is(schema.type, value) then return false end
  if schema.enum then
    local found = false
    for _, one in ipairs(schema.enum) do found = found or one == value end
    if not found then return false end
  end
  if schema.anyOf then
    local found = false
    for _, one in ipairs(schema.anyOf) do found = found or M.fits(one, value) end
    if not found then return false end
  end
  if type(value) == "number" then
    return value >= (schema.minimum or -math.huge) and value <= (schema.maximum or math.huge)
  end
  return type(value) ~= "table" or fits_table(schema, value)
end

function M.decode(text) return cjson.decode(text) end

return M
