--- schema: what a table of data must look like, said once.
--
-- A node is made by a constructor from plain options ({ doc, default, min, ... }) and not changed afterwards.
-- `check(node, value)` validates all of a value at once, fills in defaults, and returns the finished value with a list
-- of faults { path, keys, message, nearest }. The same nodes describe config.lua, each plugin's part of it, manifests,
-- and the bodies of API requests. Pure: stands on nothing but Lua.
local mark = require "gifd.schema.mark"
local nearest = require "gifd.nearest"
local rule = require "gifd.schema.rule"
local scalar = require "gifd.schema.scalar"

local S = {}

local FAULTS_MAX = 200 -- beyond it they are counted only

local nodes = setmetatable({}, { __mode = "k" })
local general = { "doc", "default", "expects", "optional" }
local groups = { list = { "of", "single", "min", "max" }, map = { "of", "keys", "keys_expect", "max", "preset" },
  record = { "fields", "open", "rules" }, either = { "choices" } }
local option_types = { doc = "string", expects = "string", optional = "boolean", min = "number", max = "number",
  pattern = "string", env = "string", single = "boolean", keys = "string", keys_expect = "string", open = "boolean",
  fields = "table", choices = "table", values = "table", preset = "table", rules = "table" }

local wrong

--- True when one of the constructors made it, or could have: a plugin's nodes cross the border as copies.
function S.is_node(value)
  if type(value) ~= "table" then return false end
  if nodes[value] == nil then
    local kind = rawget(value, "kind")
    nodes[value] = false -- one that is within itself is none
    nodes[value] = (groups[kind] or scalar.kinds[kind]) ~= nil and wrong(kind, value) == nil
  end
  return nodes[value]
end

local function allowed(kind)
  local out = {}
  for _, name in ipairs(general) do out[#out + 1] = name end
  for _, name in ipairs(groups[kind] or scalar.kinds[kind][1]) do out[#out + 1] = name end
  return out
end

--- Why the options make no node, or nil.
function wrong(kind, n)
  local names, known = allowed(kind), { kind = true }
  for _, name in ipairs(names) do known[name] = true end
  for key, value in pairs(n) do
    if not known[key] then
      local near = type(key) == "string" and nearest(key, names)
      return ("there is no option %q%s"):format(tostring(key), near and (", did you mean %s?"):format(near) or "")
    elseif option_types[key] and type(value) ~= option_types[key] then
      return ("%s must be a %s"):format(key, option_types[key])
    end
  end
  for _, key in ipairs { "pattern", "keys" } do
    if n[key] and not pcall(string.find, "", n[key]) then return key .. " is no pattern" end
  end
  if (kind == "list" or kind == "map") and not S.is_node(n.of) then return "of must be made with schema" end
  local inside = ({ record = "fields", either = "choices", one_of = "values" })[kind]
  if inside and (not n[inside] or kind ~= "record" and n[inside][1] == nil) then return "names nothing" end
  for name, field in pairs(n.fields or n.choices or {}) do
    if not S.is_node(field) then return ("%s must be made with schema"):format(tostring(name)) end
  end
  return n.rules and rule.wrong(n.rules, n.fields)
end

-- Only called as the last thing of a constructor, so that level 2 is who called that.
local function make(kind, options, extra)
  local n = { kind = kind }
  if options ~= nil and type(options) ~= "table" then error("schema." .. kind .. " takes a table of options", 2) end
  for key, value in pairs(options or {}) do if type(key) ~= "number" or not extra then n[key] = value end end
  for key, value in pairs(extra or {}) do n[key] = value end
  local why = wrong(kind, n)
  if why then error(("schema.%s: %s"):format(kind, why), 2) end
  nodes[n] = true
  if n.default ~= nil then
    local _, faults = S.check(n, n.default)
    if faults[1] then
      error(("schema.%s: default%s: %s"):format(kind, faults[1].path, faults[1].message), 2)
    end
  end
  return n
end

for kind in pairs(scalar.kinds) do
  S[kind] = function(options) return make(kind, options) end
end

local function listed(options) return type(options) == "table" and { unpack(options) } or {} end

--- S.one_of { "a", "b", default = "a", doc = "..." }
function S.one_of(options) return make("one_of", options, { values = listed(options) }) end
--- S.list { of = node, min, max, single = true? }; single: one table may stand for a list of it
function S.list(options) return make("list", options) end
--- S.map { of = node, keys = "pattern"?, max, preset? }; preset: entries that are there unless the value has them
function S.map(options) return make("map", options) end
--- S.record { field = node, ... }; options as a second table: doc, rules (schema/rule.lua), open = true keeps unknown
-- keys
function S.record(fields, options) return make("record", options, { fields = fields or {} }) end
--- The first alternative that has no fault wins; when none has, the faults of the last one are told.
function S.either(options) return make("either", options, { choices = listed(options) }) end
--- Absent is fine, and stays nil.
function S.optional(of)
  if not S.is_node(of) then error("schema.optional takes what schema made", 2) end
  local n = {}
  for key, value in pairs(of) do n[key] = value end
  n.optional, nodes[n] = true, true
  return n
end

local function shown(key)
  if #key > 80 then key = key:sub(1, 80) .. "..." end
  return (key:gsub('[%c"\\]', function(c) return c:match("%c") and ("\\%d"):format(c:byte()) or "\\" .. c end))
end

--- "limits.uploads[2]", 'plugins["moderation-words"]'
function S.path(keys)
  local out = {}
  for i, key in ipairs(keys) do
    if type(key) == "number" then out[i] = "[" .. key .. "]"
    elseif key:match("^[%a_][%w_]*$") and #key <= 80 then out[i] = (i > 1 and "." or "") .. key
    else out[i] = '["' .. shown(key) .. '"]' end
  end
  return table.concat(out)
end

local function below(keys, ...)
  local out = {}
  for i, k in ipairs(keys) do out[i] = k end
  for _, k in ipairs { ... } do out[#out + 1] = k end
  return out
end

local function fault(state, keys, message, near)
  local faults = state.faults
  if #faults >= FAULTS_MAX then
    faults.more = (faults.more or 0) + 1
    return nil
  end
  faults[#faults + 1] = { path = S.path(keys), keys = below(keys), message = message, nearest = near }
end

local checks = {}

--- What stands for an absent value, or nil when that is a fault or fine.
local function absent(state, n, keys)
  local from_env = n.kind == "secret" and n.env and state.env and state.env(n.env)
  if from_env then return from_env end
  if n.default ~= nil then return n.default end
  if n.kind == "record" and not n.optional then return {} end
  if not n.optional then
    fault(state, keys, "is required" .. (n.kind == "secret" and n.env and " (or set " .. n.env .. " in the environment)"
      or ""))
  end
end

local function check(state, n, value, keys)
  if value == nil then value = absent(state, n, keys) end
  if value == nil then return nil end
  if n.kind == "secret" and state.told and state.told[value] then value = state.told[value] end
  local what = mark.of(value)
  if what and what.broken then return fault(state, keys, what.broken) end
  if what and n.kind ~= "secret" and n.kind ~= "any" and n.kind ~= "either" then
    return fault(state, keys, "is no place for a secret: it would be shown")
  end
  if checks[n.kind] then return checks[n.kind](state, n, value, keys) end
  local finished, message, near = scalar.kinds[n.kind][2](n, value)
  if finished == nil then return fault(state, keys, message, near) end
  return finished
end

local function not_a(what, n) return n.expects or "must be " .. what end

function checks.list(state, n, value, keys)
  if type(value) ~= "table" then return fault(state, keys, not_a("a list", n)) end
  if n.single and value[1] == nil and next(value) ~= nil then return { check(state, n.of, value, keys) } end
  local count = 0
  for key in pairs(value) do
    if type(key) ~= "number" or key ~= math.floor(key) or key < 1 then
      return fault(state, keys, not_a("a list", n))
    end
    count = count + 1
  end
  if count ~= #value then return fault(state, keys, "has holes") end
  if n.max and count > n.max then
    return fault(state, keys, ("must have at most %d entries, has %d"):format(n.max, count))
  end
  if n.min and count < n.min then return fault(state, keys, ("must have at least %d entries"):format(n.min)) end
  local out = {}
  for i = 1, count do out[i] = check(state, n.of, value[i], below(keys, i)) end
  return out
end

function checks.map(state, n, value, keys)
  if type(value) ~= "table" then return fault(state, keys, not_a("a table", n)) end
  local out, count = {}, 0
  for key, item in pairs(value) do
    count = count + 1
    if type(key) ~= "string" or (n.keys and not key:match(n.keys)) then
      fault(state, below(keys, type(key) == "number" and key or tostring(key)), n.keys_expect or "is not a valid key")
    elseif not n.max or count <= n.max then
      out[key] = check(state, n.of, item, below(keys, key))
    end
  end
  if n.max and count > n.max then
    fault(state, keys, ("must have at most %d entries, has %d"):format(n.max, count))
  end
  for key, item in pairs(n.preset or {}) do
    if value[key] == nil then out[key] = check(state, n.of, item, below(keys, key)) end
  end
  return out
end

function checks.record(state, n, value, keys)
  if type(value) ~= "table" then return fault(state, keys, not_a("a table", n)) end
  local out, names, before = {}, {}, #state.faults
  for name in pairs(n.fields) do names[#names + 1] = name end
  table.sort(names)
  for key, item in pairs(value) do
    if not n.fields[key] and n.open then out[key] = item
    elseif not n.fields[key] then
      local text = type(key) == "string"
      local near = text and #state.faults < FAULTS_MAX and (nearest(key, names) or state.elsewhere
        and state.elsewhere(key)) or nil
      fault(state, below(keys, type(key) == "number" and key or tostring(key)),
        text and "unknown key" or "is a value without a name", near)
    end
  end
  for _, name in ipairs(names) do out[name] = check(state, n.fields[name], value[name], below(keys, name)) end
  if n.rules and #state.faults == before then
    rule.each_broken(n, out, function(inner, message) fault(state, below(keys, unpack(inner)), message) end)
  end
  return out
end

function checks.either(state, n, value, keys)
  for i, choice in ipairs(n.choices) do
    local trial = { faults = {}, env = state.env, told = state.told }
    local out = check(trial, choice, value, keys)
    if #trial.faults == 0 then return out end
    local what = mark.of(value)
    local said = what and what.broken or type(value) == "table" and not what and choice.kind == "record"
    if i == #n.choices and n.expects and not said then return fault(state, keys, n.expects) end
    if i == #n.choices then
      for _, f in ipairs(trial.faults) do fault(state, f.keys, f.message, f.nearest) end
    end
  end
end

--- check(node, value, options?) -> value, faults (sorted by path; .more: how many more there are)
-- options: keys: path to here; env(name) -> the mark of a secret in the environment, or nil; told: texts that may
-- stand for a secret -> its mark; elsewhere(key): the nearest word for an unknown key that has none among its siblings
function S.check(n, value, options)
  options = options or {}
  local state = { faults = {}, env = options.env, told = options.told, elsewhere = options.elsewhere }
  local out = check(state, n, value, options.keys or {})
  table.sort(state.faults, function(a, b) return a.path < b.path end)
  return out, state.faults
end

return S
