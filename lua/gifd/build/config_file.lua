--- build/config_file: config.lua as a table of data: evaluated where only env, secret and file can be called, within a
-- budget of time and memory (core/script/bind_build.c), and then looked through for what is no data.
--
-- What could not be had or is no data becomes a mark at its place (schema/mark.lua), so that the schema tells it with
-- path and line, together with all other faults.
local lines = require "gifd.lines"
local mark = require "gifd.schema.mark"
local nearest = require "gifd.nearest"

local build = gifd.build

local VALUES_MAX, DEPTH_MAX, TEXT_MAX, KEY_MAX = 100000, 16, 2 ^ 20, 1000

local M = {}

local function secret_of(from, name)
  if type(name) ~= "string" or name == "" then return mark.broken(("secret: %s must be a text"):format(from)) end
  local length, stamp, whole = build.secret(from, name)
  if not length then return mark.broken(("secret: %s"):format(stamp.message)) end
  return mark.secret(from, whole, length, stamp ~= "" and stamp or nil)
end

--- secret "PATH", secret { env = "NAME" }, secret { file = "PATH" }, secret { credential = "NAME" }
local function secret(what)
  if type(what) == "string" then return secret_of("file", what) end
  local from, name = next(type(what) == "table" and what or {})
  if (from ~= "env" and from ~= "file" and from ~= "credential") or next(what, from) ~= nil then
    return mark.broken('secret takes one of { env = "NAME" }, { file = "PATH" }, { credential = "NAME" }')
  end
  return secret_of(from, name)
end

-- The three things that config.lua may call; told: texts that env and file gave -> the mark of the same secret.
local function environment(told)
  local content = { secret = secret }
  function content.env(name, default)
    if type(name) ~= "string" then error("env takes the name of a variable, and what holds when there is none", 2) end
    local value = build.env(name)
    if value == nil then return default end
    told[value] = mark.secret("env", name, #value)
    return value
  end
  function content.file(path)
    if type(path) ~= "string" then error("file takes a path", 2) end
    local value, err = build.file(path)
    if not value then return mark.broken("file: " .. tostring(err.message)) end
    told[value] = secret_of("file", path)
    return value
  end
  return setmetatable({}, { __metatable = false, __index = function(_, name)
    if content[name] then return content[name] end
    local near = type(name) == "string" and nearest(name, { "env", "secret", "file" })
    error(("there is no %s here: config.lua can call env, secret and file only%s"):format(tostring(name),
      near and ", did you mean " .. near .. "?" or ""), 2)
  end })
end

local plain

local function wrong_key(key)
  if type(key) == "number" then return nil end
  if type(key) ~= "string" then return ("has a key that is a %s"):format(mark.of(key) and "secret" or type(key)) end
  if #key > KEY_MAX then return ("has a key of %d bytes"):format(#key) end
end

local function plain_table(value, state, depth)
  if state.open[value] then return mark.broken("contains itself") end
  if depth == DEPTH_MAX then return mark.broken(("is nested more than %d deep"):format(DEPTH_MAX)) end
  state.open[value] = true
  local out = {}
  for key, item in pairs(value) do
    local why = wrong_key(key)
    if why then
      state.open[value] = nil
      return mark.broken(why)
    end
    state.count = state.count + 1
    if state.count > VALUES_MAX then break end
    out[key] = plain(item, state, depth + 1)
  end
  state.open[value] = nil
  return out
end

--- The same value, with a mark for each thing in it that is no data.
function plain(value, state, depth)
  local kind = type(value)
  if kind == "table" then return mark.of(value) and value or plain_table(value, state, depth) end
  if kind == "number" and (value ~= value or value == math.huge or value == -math.huge) then
    return mark.broken(value ~= value and "is not a number (NaN)" or "is infinite")
  end
  if kind == "string" and #value > TEXT_MAX then return mark.broken(("is a text of %d bytes"):format(#value)) end
  if kind == "function" then return mark.broken("is a function, and config.lua is data") end
  return value
end

local function articled(kind)
  if kind == "nil" then return "nothing" end
  return (kind:match("^[aeiou]") and "an " or "a ") .. kind
end

--- faults: gets what is wrong with the file as a whole -> nil then; else { value, file, line_of, told }. Without a
-- file: the configuration of a server that has none, and no line_of.
function M.read(faults)
  local text, name = build.config()
  if not text then
    return { value = { plugins = { ["moderation-words"] = true } }, file = "the defaults", told = {} }
  end
  local told = {}
  local value, err = build.run(text, name, environment(told))
  if err then
    faults:add(name, err.line, nil, err.message)
    return nil
  end
  local line_of = lines.of(text)
  if type(value) ~= "table" or mark.of(value) then
    local what = mark.of(value) and "a secret" or articled(type(value))
    faults:add(name, line_of {}, nil, ("must return a table of data, and returns %s"):format(what))
    return nil
  end
  local state = { open = {}, count = 0 }
  value = plain(value, state, 0)
  local whole = mark.of(value)
  if state.count > VALUES_MAX then whole = { broken = ("has more than %d values"):format(VALUES_MAX) } end
  if whole then
    faults:add(name, line_of {}, nil, whole.broken)
    return nil
  end
  return { value = value, file = name, line_of = line_of, told = told }
end

return M
