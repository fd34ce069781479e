--- build/json_schema: the schema of config.lua as JSON Schema (draft 2020-12), for editors and for programs that write
-- configurations. It describes config.lua's table as JSON would say it; a secret is the table that `secret` takes.
local M = {}

local classes = { a = "A-Za-z", d = "0-9", l = "a-z", u = "A-Z", w = "A-Za-z0-9", x = "0-9A-Fa-f", s = "\\s" }
local complements = { S = "\\S", D = "\\D" }

--- A Lua pattern as an ECMA one, or nil when there is none.
local function regex(pattern)
  local out, at, inside = {}, 1, false
  while at <= #pattern do
    local c = pattern:sub(at, at)
    if c == "%" then
      at = at + 1
      local escaped = pattern:sub(at, at)
      if classes[escaped] then out[#out + 1] = inside and classes[escaped] or "[" .. classes[escaped] .. "]"
      elseif complements[escaped] then out[#out + 1] = complements[escaped]
      elseif escaped:match("%w") then return nil
      else out[#out + 1] = "\\" .. escaped end
    elseif c == "[" and not inside then
      inside, out[#out + 1] = true, "["
    elseif c == "]" then
      inside, out[#out + 1] = false, "]"
    elseif c == "-" and not inside then
      out[#out + 1] = "*?"
    else
      out[#out + 1] = c:match("[/{}|\\]") and "\\" .. c or c
    end
    at = at + 1
  end
  return table.concat(out)
end

local function array(list) return gifd.json.array(list) end

local kinds = {}
local function node_schema(n)
  local out = kinds[n.kind](n)
  out.description = n.doc
  if n.default ~= nil then
    out.default = type(n.default) == "table" and next(n.default) == nil and n.kind == "list" and array {} or n.default
  end
  return out
end

function kinds.string(n)
  return { type = "string", minLength = n.min, maxLength = n.max, pattern = n.pattern and regex(n.pattern) }
end
function kinds.integer(n) return { type = "integer", minimum = n.min, maximum = n.max } end
function kinds.number(n) return { type = "number", minimum = n.min, maximum = n.max } end
function kinds.boolean() return { type = "boolean" } end
function kinds.any() return {} end
function kinds.url() return { type = "string", pattern = "^https?://" } end
function kinds.glob() return { type = "string", minLength = 1, maxLength = 1000 } end
function kinds.address() return { type = "string", pattern = "^([0-9.]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]+$" } end
function kinds.network() return { type = "string", pattern = "^[0-9A-Fa-f:.]+(/[0-9]+)?$" } end
function kinds.one_of(n) return { enum = array { unpack(n.values) } } end

local function with_unit(kind, units)
  kinds[kind] = function(n)
    local number = { type = kind == "bytes" and "integer" or "number", minimum = n.min or 0, maximum = n.max }
    return { anyOf = array { number, { type = "string", pattern = "^[0-9]+(\\.[0-9]*)?\\s*(" .. units .. ")$" } } }
  end
end
with_unit("bytes", "B|KB|MB|GB|TB|KiB|MiB|GiB|TiB|")
with_unit("duration", "ms|s|m|h|d|w")

function kinds.secret()
  local text = { type = "string", minLength = 1 }
  return { type = "object", properties = { env = text, file = text, credential = text }, additionalProperties = false,
    minProperties = 1, maxProperties = 1 }
end

function kinds.list(n)
  local whole = { type = "array", items = node_schema(n.of), minItems = n.min, maxItems = n.max }
  return n.single and { anyOf = array { whole, node_schema(n.of) } } or whole
end

function kinds.map(n)
  return { type = "object", additionalProperties = node_schema(n.of), maxProperties = n.max,
    propertyNames = n.keys and regex(n.keys) and { pattern = regex(n.keys) } or nil }
end

function kinds.record(n)
  local out = { type = "object", properties = {}, additionalProperties = n.open or false, dependentRequired = nil }
  local required = {}
  for name, field in pairs(n.fields) do
    out.properties[name] = node_schema(field)
    local may_lack = field.optional or field.default ~= nil or field.kind == "record"
    if not may_lack and not (field.kind == "secret" and field.env) then required[#required + 1] = name end
  end
  table.sort(required)
  if required[1] then out.required = array(required) end
  for _, rule in ipairs(n.rules or {}) do
    if rule.needs and n.fields[rule[1]] and n.fields[rule.needs] then
      out.dependentRequired = out.dependentRequired or {}
      out.dependentRequired[rule[1]] = array { rule.needs }
    end
  end
  return out
end

function kinds.either(n)
  local choices = {}
  for i, choice in ipairs(n.choices) do choices[i] = node_schema(choice) end
  return { anyOf = array(choices) }
end

--- settings: the schema of config.lua; manifests: of plugins, by name
function M.of(settings, manifests)
  local out = node_schema(settings)
  local plugins = { type = "object", description = settings.fields.plugins.doc, properties = {},
    additionalProperties = false, default = gifd.json.decode("{}") }
  for name, manifest in pairs(manifests) do
    plugins.properties[name] = { anyOf = array { { type = "boolean" }, node_schema(manifest.node) },
      description = manifest.summary }
  end
  out.properties.plugins = plugins
  out["$schema"], out.title = "https://json-schema.org/draft/2020-12/schema", "config.lua of gifd"
  return out
end

return M
