--- fake_gifd: just enough of the gifd.* primitives for specs of pure host Lua under LuaJIT. Rows, blobs and media are
-- not here: what needs them runs against the real program (spec/e2e).
local cjson = require "cjson"

local M = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;", ["`"] = "&#96;" }
local err_mt = { __tostring = function(e) return e.code .. ": " .. tostring(e.message) end }

local function words(list)
  local matcher = {}
  function matcher.find(_, text)
    local out, folded = {}, text:lower()
    for _, word in ipairs(list) do
      local at = 1
      while true do
        local from, to = folded:find(word:lower(), at, true)
        if not from then break end
        local before, after = folded:sub(from - 1, from - 1), folded:sub(to + 1, to + 1)
        if (from == 1 or not before:match("%w")) and not after:match("%w") then
          out[#out + 1] = { word = word, from = from, to = to }
        end
        at = from + 1
      end
    end
    table.sort(out, function(a, b) return a.from < b.from end)
    return out
  end
  return matcher
end

--- Installs a global `gifd` (busted puts it back between files); returns it for a spec to replace parts.
function M.install()
  local gifd = { null = cjson.null }
  function gifd.err(code, more)
    local e = { code = code }
    for key, value in pairs(more or {}) do e[key] = value end
    return setmetatable(e, err_mt)
  end
  function gifd.catch(f, ...)
    local out = { pcall(f, ...) }
    if out[1] then return unpack(out, 2, table.maxn(out)) end
    if type(out[2]) == "table" and out[2].code then return nil, out[2] end
    return nil, gifd.err("script", { message = tostring(out[2]) })
  end
  gifd.plugin = { call = function(_, _, fn, ...) return gifd.catch(fn, ...) end, redact = function(t) return t end }
  function gifd.try(value, err, ...)
    if value == nil then error(err, 0) end
    return value, err, ...
  end
  function gifd.all(...)
    local out = {}
    for i, f in ipairs { ... } do out[i] = f() end
    return unpack(out)
  end
  gifd.json = { encode = cjson.encode, decode = function(text)
    local ok, value = pcall(cjson.decode, text)
    if ok then return value end
    return nil, gifd.err("invalid", { message = value })
  end, array = function(t) return setmetatable(t, cjson.array_mt) end, is_array = function(t) return #t > 0 end }
  gifd.text = { words = words, trim = function(s) return s:match("^%s*(.-)%s*$") end,
    valid_utf8 = function() return true end,
    uri = function(s) return (s:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)) end,
    escape_html = function(s)
      return (s:gsub("[&<>\"'`]", entities):gsub("[%z\1-\8\11\12\14-\31\127]", "\239\191\189"))
    end }
  gifd.time = { now = os.time, sleep = function() return true end,
    deadline = function(_, f) return f() end,
    rfc3339 = function(s) return os.date("!%Y-%m-%dT%H:%M:%SZ", s) end }
  gifd.log = {}
  for _, level in ipairs { "debug", "info", "warn", "error", "critical" } do gifd.log[level] = function() end end
  local number = { add = function() end, set = function() end, raise = function() end }
  gifd.metric = { counter = function() return number end, gauge = function() return number end }
  local span = { tag = function() end, finish = function() end }
  gifd.trace = { followed = function() return false end, traceparent = function() return false end,
    begin = function() return span end }
  gifd.any = function(f) return f() end
  gifd.bundle = { where = function(f)
    local info = debug.getinfo(f, "S")
    return info.source:match("^@?(.*)$") .. ":" .. info.linedefined
  end }
  gifd.crypto, gifd.blob, gifd.tally, gifd.jobs = {}, {}, {}, {}
  gifd.server = { role = "worker", pid = 1, version = "0", urls = { "http://127.0.0.1:8080" } }
  _G.gifd = gifd
  return gifd
end

return M
