--- plugin/environment: what a plugin's code can name. Built from nothing by allowlist; what is not here is absent.
--
-- Writing a global, and reading an unknown one, is an error. There is no io, os, debug, ffi, jit, package, load,
-- loadstring, string.dump, raw coroutine, rawset or setfenv, and the string metatable is locked.
local grants = require "gifd.plugin.grants"

local M = {}

local base = { "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type",
  "unpack", "xpcall" }
local strings = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub",
  "upper" }
local tables = { "concat", "insert", "maxn", "remove", "sort" }

local pick = grants.pick

local function copy(from)
  if type(from) ~= "table" then return from end
  local out = {}
  for key, value in pairs(from) do out[key] = value end
  return out
end

--- A table in which only what stands in it can be named; `what` opens the message.
local function sealed(content, what)
  return setmetatable({}, {
    __index = function(_, key)
      local value = content[key]
      if value == nil then error(("%s %q does not exist"):format(what, tostring(key)), 2) end
      return value
    end,
    __newindex = function(_, key) error(("%s %q may not be written"):format(what, tostring(key)), 2) end,
    __metatable = false,
  })
end

--- The environment of one plugin; `require_fn(name)` loads a file of its own folder.
function M.make(plugin, require_fn)
  local lock = getmetatable("")
  if type(lock) == "table" then lock.__metatable = false end
  local content = pick(_G, base)
  content.string, content.table, content.math, content.bit = pick(string, strings), pick(table, tables), copy(math),
    copy(bit)
  content.math.randomseed = nil
  content.setmetatable = function(t, mt)
    if type(mt) == "table" and rawget(mt, "__gc") then error("__gc is not allowed", 2) end
    return setmetatable(t, mt)
  end
  content.getmetatable = function(t)
    if type(t) ~= "table" then return nil end
    return getmetatable(t)
  end
  content.require = require_fn
  content.gifd = sealed(grants.give(plugin), "gifd: primitive")
  return sealed(content, "global")
end

return M
