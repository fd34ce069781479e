--- plugin/environment: what a plugin's code can name. Built from nothing by allowlist; what is not here is absent.
--
-- Writing a global, and reading an unknown one, is an error; the tables of functions (string, gifd.text, ...) are each
-- plugin's own and may not be written either. There is no io, os, debug, ffi, jit, package, load, loadstring,
-- string.dump, coroutine, rawset, setfenv or newproxy, and the string metatable is hidden.
local S = require "gifd.schema"
local grants = require "gifd.plugin.grants"

local M = {}

local base = { "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type",
  "unpack" }
local strings = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub",
  "upper" }
local tables = { "concat", "insert", "maxn", "remove", "sort" }
local numbers = { "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp",
  "huge", "ldexp", "log", "log10", "max", "min", "modf", "pi", "pow", "rad", "random", "sin", "sinh", "sqrt", "tan",
  "tanh" }
local bits = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror", "rshift", "tobit", "tohex" }

--- For the `body` of routes: as in the manifest.
local schemas = { "string", "integer", "number", "boolean", "bytes", "duration", "one_of", "list", "map", "record",
  "either", "optional", "any", "url" }

local pick = grants.pick

--- All of it by name, for those who check code without running it (luacheck).
function M.names()
  local own = { unpack(base) }
  for _, name in ipairs { "xpcall", "setmetatable", "getmetatable", "require" } do own[#own + 1] = name end
  return { base = own, string = strings, table = tables, math = numbers, bit = bits, schema = schemas }
end

--- A table in which only what stands in it can be named; `what` opens the message. A read that finds something runs no
-- function. free: a name that may be written.
local function sealed(content, what, free)
  setmetatable(content, { __index = function(_, key)
    error(("%s %q does not exist"):format(what, tostring(key)), 2)
  end })
  return setmetatable({}, {
    __index = content,
    __newindex = function(t, key, value)
      if key ~= free then error(("%s %q may not be written"):format(what, tostring(key)), 2) end
      rawset(t, key, value)
    end,
    __metatable = false,
  })
end

--- The stock one calls its handler before the stack is unwound, where no hook can end it; here it runs afterwards.
local function handled(handler, ok, ...)
  if ok then return true, ... end
  local _, value = pcall(handler, (...))
  return false, value
end

local function protected(fn, handler, ...) return handled(handler, pcall(fn, ...)) end

local function set_metatable(t, mt)
  if type(mt) == "table" and rawget(mt, "__gc") ~= nil then error("__gc is not allowed", 2) end
  return setmetatable(t, mt)
end

local function get_metatable(t)
  if type(t) ~= "table" then return nil end
  return getmetatable(t)
end

--- The environment of one plugin; `require_fn(name)` loads a file of its own folder; services: as for
-- grants.give. For `gifd plugin run`: print, and a global that may be written.
function M.make(plugin, require_fn, services, print, free)
  local content = pick(_G, base)
  content.print = print
  content.string, content.table = sealed(pick(string, strings), "string"), sealed(pick(table, tables), "table")
  content.math, content.bit = sealed(pick(math, numbers), "math"), sealed(pick(bit, bits), "bit")
  content.xpcall, content.setmetatable, content.getmetatable = protected, set_metatable, get_metatable
  content.require, content.schema = require_fn, sealed(pick(S, schemas), "schema")
  local host = grants.give(plugin, services)
  for name, value in pairs(host) do
    if type(value) == "table" then host[name] = sealed(value, "gifd." .. name) end
  end
  content.gifd = sealed(host, "gifd: primitive")
  return sealed(content, "global", free)
end

return M
