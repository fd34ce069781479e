--- schema: what a table of data must look like, said once.
--
-- A node is plain data: { kind, doc, default, ... }. `check(node, value)` validates all of a value at once, fills in
-- defaults, and returns the finished value with a list of faults { path, keys, message, nearest }. The same nodes
-- describe config.lua, each plugin's part of it, and the bodies of API requests. Pure: stands on nothing but Lua.
local nearest = require "gifd.nearest"
local network = require "gifd.network"

local S = {}
local checks = {}

local function node(kind, options, extra)
  local n = { kind = kind }
  for key, value in pairs(options or {}) do n[key] = value end
  for key, value in pairs(extra or {}) do n[key] = value end
  return n
end

for _, kind in ipairs { "string", "integer", "number", "boolean", "bytes", "duration", "address", "network", "url",
  "secret", "any" } do
  S[kind] = function(options) return node(kind, options) end
end

--- S.one_of { "a", "b", default = "a", doc = "..." }
function S.one_of(options) return node("one_of", options, { values = { unpack(options) } }) end
--- S.list { of = node, max = n, single = true? }; single: one table may stand for a list of it
function S.list(options) return node("list", options) end
--- S.map { of = node, keys = "pattern"? }
function S.map(options) return node("map", options) end
--- S.record { field = node, ... }; options as a second table (doc, open = true keeps unknown keys)
function S.record(fields, options) return node("record", options, { fields = fields }) end
--- The first alternative that has no fault wins; when none has, the faults of the last one are told.
function S.either(options) return node("either", options, { choices = { unpack(options) } }) end
--- Absent is fine, and stays nil.
function S.optional(of) return node(of.kind, of, { optional = true }) end

--- "limits.uploads[2]", 'plugins["moderation-keywords"]'
function S.path(keys)
  local out = {}
  for i, key in ipairs(keys) do
    if type(key) == "number" then out[i] = "[" .. key .. "]"
    elseif key:match("^[%a_][%w_]*$") then out[i] = (i > 1 and "." or "") .. key
    else out[i] = '["' .. key .. '"]' end
  end
  return table.concat(out)
end

local function copy(keys, key)
  local out = {}
  for i, k in ipairs(keys) do out[i] = k end
  if key ~= nil then out[#out + 1] = key end
  return out
end

local function fault(state, keys, message, more)
  local f = { path = S.path(keys), keys = copy(keys), message = message, nearest = more and more.nearest }
  state.faults[#state.faults + 1] = f
end

local function check(state, n, value, keys)
  if value == nil then
    if n.kind == "secret" and n.env and state.env then value = state.env(n.env) end
    if value == nil and n.default ~= nil then value = n.default end
    if value == nil then
      if n.kind == "record" and not n.optional then value = {}
      else
        if not n.optional then
          fault(state, keys, "is required" .. (n.kind == "secret" and n.env and " (or set " .. n.env
            .. " in the environment)" or ""))
        end
        return nil
      end
    end
  end
  return checks[n.kind](state, n, value, keys)
end

local function expected(state, n, keys, what)
  fault(state, keys, n.expects or ("must be " .. what))
end

local function bounds(state, n, value, keys, unit)
  if n.min and value < n.min then fault(state, keys, ("must be at least %s%s"):format(n.min, unit or "")) return nil end
  if n.max and value > n.max then fault(state, keys, ("must be at most %s%s"):format(n.max, unit or "")) return nil end
  return value
end

local function is_text(value) return type(value) == "string" end

--- Code points of UTF-8: bytes that do not continue one.
local function text_length(text)
  local _, continuing = text:gsub("[\128-\191]", "")
  return #text - continuing
end

function checks.string(state, n, value, keys)
  if not is_text(value) then return expected(state, n, keys, "a text") end
  local length = text_length(value)
  if n.max and length > n.max then
    return fault(state, keys, ("must be at most %d characters, has %d"):format(n.max, length))
  end
  if n.min and length < n.min then return fault(state, keys, ("must be at least %d characters"):format(n.min)) end
  if n.pattern and not value:match(n.pattern) then return fault(state, keys, n.expects or "is malformed") end
  return value
end

function checks.secret(state, n, value, keys)
  if not is_text(value) or value == "" then return expected(state, n, keys, "a text that is not empty") end
  return value
end

function checks.any(_, _, value) return value end

function checks.integer(state, n, value, keys)
  if type(value) ~= "number" or value ~= math.floor(value) or math.abs(value) > 2 ^ 53 then
    return expected(state, n, keys, "a whole number")
  end
  return bounds(state, n, value, keys)
end

function checks.number(state, n, value, keys)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    return expected(state, n, keys, "a number")
  end
  return bounds(state, n, value, keys)
end

function checks.boolean(state, n, value, keys)
  if type(value) ~= "boolean" then return expected(state, n, keys, "true or false") end
  return value
end

local byte_units = { [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, TB = 1e12, KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30,
  TiB = 2 ^ 40 }
--- "10 MiB" or a number of bytes -> bytes
function checks.bytes(state, n, value, keys)
  if is_text(value) then
    local digits, unit = value:match("^(%d+%.?%d*)%s*(%a*)$")
    value = digits and byte_units[unit] and math.floor(tonumber(digits) * byte_units[unit])
  end
  if type(value) ~= "number" or value ~= math.floor(value) or value < 0 then
    return expected(state, n, keys, 'a size such as "10 MiB"')
  end
  return bounds(state, n, value, keys, " bytes")
end

local time_units = { ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }
--- "5m" or a number of seconds -> seconds
function checks.duration(state, n, value, keys)
  if is_text(value) then
    local digits, unit = value:match("^(%d+%.?%d*)%s*(%a+)$")
    value = digits and time_units[unit] and tonumber(digits) * time_units[unit]
  end
  if type(value) ~= "number" or value < 0 or value == math.huge then
    return expected(state, n, keys, 'a length of time such as "5m"')
  end
  return bounds(state, n, value, keys, " seconds")
end

function checks.one_of(state, n, value, keys)
  for _, allowed in ipairs(n.values) do if allowed == value then return value end end
  fault(state, keys, "must be one of " .. table.concat(n.values, ", "),
    { nearest = is_text(value) and nearest(value, n.values) or nil })
end

--- "127.0.0.1:8080", "[::1]:8080"; port 0 lets the system choose
function checks.address(state, n, value, keys)
  local host, port
  if is_text(value) then host, port = value:match("^([%d%.]+):(%d+)$") end
  if is_text(value) and not host then host, port = value:match("^%[([%x:%.]+)%]:(%d+)$") end
  local ok = host and tonumber(port) <= 65535
  if ok and not host:find(":", 1, true) then
    local parts = 0
    for part in host:gmatch("[^%.]+") do
      parts = parts + 1
      if not part:match("^%d%d?%d?$") or tonumber(part) > 255 then ok = false end
    end
    ok = ok and parts == 4
  end
  if not ok then return expected(state, n, keys, 'an address such as "127.0.0.1:8080" or "[::1]:8080"') end
  return value
end

--- "10.0.0.0/8", "::1"
function checks.network(state, _, value, keys)
  local why = network(value)
  if why then return fault(state, keys, why) end
  return value
end

function checks.url(state, n, value, keys)
  local rest = is_text(value) and value:match("^https?://([^%s%c<>\"\\]+)$")
  local host = rest and rest:match("^([^/?#]+)")
  if not host or host:find("@", 1, true) then
    return expected(state, n, keys, 'a URL such as "https://gifs.example.org"')
  end
  return value
end

function checks.list(state, n, value, keys)
  if type(value) ~= "table" then return expected(state, n, keys, "a list") end
  if n.single and value[1] == nil and next(value) ~= nil then return { check(state, n.of, value, keys) } end
  local count = 0
  for key in pairs(value) do
    if type(key) ~= "number" or key ~= math.floor(key) or key < 1 then return expected(state, n, keys, "a list") end
    count = count + 1
  end
  if count ~= #value then return fault(state, keys, "has holes") end
  if n.max and count > n.max then
    return fault(state, keys, ("must have at most %d entries, has %d"):format(n.max, count))
  end
  if n.min and count < n.min then return fault(state, keys, ("must have at least %d entries"):format(n.min)) end
  local out = {}
  for i = 1, count do out[i] = check(state, n.of, value[i], copy(keys, i)) end
  return out
end

function checks.map(state, n, value, keys)
  if type(value) ~= "table" then return expected(state, n, keys, "a table") end
  local out = {}
  for key, item in pairs(value) do
    if not is_text(key) or (n.keys and not key:match(n.keys)) then
      fault(state, copy(keys, tostring(key)), n.keys_expect or "is not a valid key")
    else
      out[key] = check(state, n.of, item, copy(keys, key))
    end
  end
  return out
end

function checks.record(state, n, value, keys)
  if type(value) ~= "table" then return expected(state, n, keys, "a table") end
  local out, names = {}, {}
  for name in pairs(n.fields) do names[#names + 1] = name end
  table.sort(names)
  for key, item in pairs(value) do
    if not n.fields[key] then
      if n.open then out[key] = item
      else
        fault(state, copy(keys, type(key) == "number" and key or tostring(key)), "unknown key",
              { nearest = is_text(key) and nearest(key, names) or nil })
      end
    end
  end
  for _, name in ipairs(names) do out[name] = check(state, n.fields[name], value[name], copy(keys, name)) end
  return out
end

function checks.either(state, n, value, keys)
  for i, choice in ipairs(n.choices) do
    local trial = { faults = {}, env = state.env }
    local out = check(trial, choice, value, keys)
    if #trial.faults == 0 then return out end
    if i == #n.choices then
      if n.expects then return fault(state, keys, n.expects) end
      for _, f in ipairs(trial.faults) do state.faults[#state.faults + 1] = f end
    end
  end
end

--- check(node, value, { keys = path to here, env = function(name) }?) -> value, faults (sorted by path)
function S.check(n, value, options)
  local state = { faults = {}, env = options and options.env }
  local out = check(state, n, value, options and options.keys or {})
  table.sort(state.faults, function(a, b) return a.path < b.path end)
  return out, state.faults
end

--- True when `value` looks like something one of the constructors made.
function S.is_node(value) return type(value) == "table" and checks[value.kind] ~= nil end

return S
