--- plugin/environment: what a plugin's code can name. Built from nothing by allowlist; what is not here is absent.
--
-- Writing a global, and reading an unknown one, is an error. There is no io, os, debug, ffi, jit, package, load,
-- loadstring, string.dump, raw coroutine, rawset or setfenv, and the string metatable is locked.
local M = {}

--- What a manifest's `uses` may ask for, beyond what every plugin has.
M.capabilities = { "blob.read", "crypto", "crypto.sign" }

local base = { "assert", "error", "ipairs", "next", "pairs", "pcall", "select", "tonumber", "tostring", "type",
  "unpack", "xpcall" }
local strings = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub",
  "upper" }
local tables = { "concat", "insert", "maxn", "remove", "sort" }
local cryptography = { "sha256", "hmac", "equal", "random", "code", "hex", "base64url", "unbase64url", "verify_url" }
local primitives = { text = true, json = true, log = true, err = true, try = true, catch = true, null = true }

local function pick(from, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = from[name] end
  return out
end

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

local function granted(plugin)
  local host, uses = {}, plugin.uses
  for name in pairs(primitives) do host[name] = copy(gifd[name]) end
  host.time = pick(gifd.time, { "now", "rfc3339", "parse", "http_date", "sleep" })
  -- Two plugins' limiters share no key, whatever they are called.
  host.limit = { limiter = function(options) return gifd.limit.limiter(options, "plugin " .. plugin.name) end }
  for _, use in ipairs(uses) do
    if use == "blob.read" then host.blob = pick(gifd.blob, { "read", "stat" })
    elseif use == "crypto" or use == "crypto.sign" then
      host.crypto = host.crypto or pick(gifd.crypto, cryptography)
      if use == "crypto.sign" then host.crypto.sign_url = gifd.crypto.sign_url end
    end
  end
  return sealed(host, "gifd: primitive")
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
  content.gifd = granted(plugin)
  return sealed(content, "global")
end

return M
