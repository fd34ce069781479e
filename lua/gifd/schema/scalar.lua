--- schema/scalar: the kinds of single values: which options a node of the kind may have, and what it makes of a value.
--
-- check(node, value) -> the finished value, or nil, what is wrong, nearest right word. Pure.
local mark = require "gifd.schema.mark"
local nearest = require "gifd.nearest"
local network = require "gifd.network"

local M = {}

local function is_text(value) return type(value) == "string" end

local byte_units = { [""] = 1, B = 1, KB = 1e3, MB = 1e6, GB = 1e9, TB = 1e12, KiB = 2 ^ 10, MiB = 2 ^ 20, GiB = 2 ^ 30,
  TiB = 2 ^ 40 }
local time_units = { ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400, w = 604800 }

local function largest(value, units)
  for _, unit in ipairs(units) do
    if value >= unit[2] and value % unit[2] == 0 then return ("%d%s"):format(value / unit[2], unit[1]) end
  end
end

--- 10485760 -> "10 MiB", 300 -> "5m"; other kinds as they are
function M.show(kind, value)
  if type(value) ~= "number" then return tostring(value) end
  if kind == "bytes" then
    return largest(value, { { " TiB", 2 ^ 40 }, { " GiB", 2 ^ 30 }, { " MiB", 2 ^ 20 }, { " KiB", 2 ^ 10 } })
      or ("%d byte%s"):format(value, value == 1 and "" or "s")
  end
  if kind == "duration" then
    return largest(value, { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } }) or ("%.14gs"):format(value)
  end
  return ("%.15g"):format(value)
end

local function expected(n, what) return nil, n.expects or "must be " .. what end

local function bounded(n, value)
  if n.min and value < n.min then return nil, "must be at least " .. M.show(n.kind, n.min) end
  if n.max and value > n.max then return nil, "must be at most " .. M.show(n.kind, n.max) end
  return value
end

local function finite(value) return type(value) == "number" and value == value and math.abs(value) ~= math.huge end

--- Code points of UTF-8: bytes that do not continue one.
local function text_length(text)
  local _, continuing = text:gsub("[\128-\191]", "")
  return #text - continuing
end

local function check_string(n, value)
  if not is_text(value) then return expected(n, "a text") end
  local length = text_length(value)
  if n.max and length > n.max then return nil, ("must be at most %d characters, has %d"):format(n.max, length) end
  if n.min and length < n.min then return nil, ("must be at least %d characters"):format(n.min) end
  if n.pattern and not value:match(n.pattern) then return nil, n.expects or "is malformed" end
  return value
end

local how = 'secret { env = "NAME" }, secret { file = "PATH" } or secret { credential = "NAME" }'

local function check_secret(n, value)
  local what = mark.of(value)
  if not what then
    return nil, is_text(value) and "a secret may not stand in the file itself: write " .. how .. " instead of the text"
      or "must be a secret: " .. how
  end
  local least = n.min or 4
  if what.length < least then return nil, ("is too short for a secret: at least %d bytes"):format(least) end
  return value
end

local function check_integer(n, value)
  if not finite(value) or value ~= math.floor(value) or math.abs(value) > 2 ^ 53 then
    return expected(n, "a whole number")
  end
  return bounded(n, value)
end

local function check_number(n, value)
  if not finite(value) then return expected(n, "a number") end
  return bounded(n, value)
end

--- "10 MiB" or a number of bytes -> bytes
local function check_bytes(n, value)
  if is_text(value) then
    local digits, unit = value:match("^(%d+%.?%d*)%s*(%a*)$")
    value = digits and byte_units[unit] and math.floor(tonumber(digits) * byte_units[unit])
  end
  if not finite(value) or value ~= math.floor(value) or value < 0 then return expected(n, 'a size such as "10 MiB"') end
  return bounded(n, value)
end

--- "5m" or a number of seconds -> seconds
local function check_duration(n, value)
  if is_text(value) then
    local digits, unit = value:match("^(%d+%.?%d*)%s*(%a+)$")
    value = digits and time_units[unit] and tonumber(digits) * time_units[unit]
  end
  if not finite(value) or value < 0 then return expected(n, 'a length of time such as "5m"') end
  return bounded(n, value)
end

--- "127.0.0.1:8080", "[::1]:8080"; port 0 lets the system choose
local function check_address(n, value)
  local host, port
  if is_text(value) then host, port = value:match("^([%d%.]+):(%d+)$") end
  if is_text(value) and not host then host, port = value:match("^%[([%x:%.]+)%]:(%d+)$") end
  if not host or tonumber(port) > 65535 or host:find("/", 1, true) or network(host) then
    return expected(n, 'an address such as "127.0.0.1:8080" or "[::1]:8080"')
  end
  return value
end

local function check_url(n, value)
  local rest = is_text(value) and value:match("^https?://([^%s%c<>\"\\]+)$")
  local host = rest and rest:match("^([^/?#]+)")
  if not host or host:find("@", 1, true) then return expected(n, 'a URL such as "https://gifs.example.org"') end
  return value
end

--- "*.gif": * stands for anything but "/", ** for anything, ? for one character -> the Lua pattern that says the same
local function check_glob(n, value)
  if not is_text(value) or value == "" or #value > 1000 or value:find("%c") or value:find("***", 1, true) then
    return expected(n, 'a text with * and ? such as "*.gif"')
  end
  local out = value:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*%*", "\1"):gsub("%*", "[^/]*"):gsub("%?", "[^/]")
  return "^" .. out:gsub("\1", ".*") .. "$"
end

local function check_one_of(n, value)
  for _, allowed in ipairs(n.values) do if allowed == value then return value end end
  return nil, n.expects or "must be one of " .. table.concat(n.values, ", "),
    is_text(value) and nearest(value, n.values) or nil
end

--- Kind -> { options that it has besides those of all kinds, check }
M.kinds = {
  string = { { "min", "max", "pattern" }, check_string },
  secret = { { "env", "min" }, check_secret },
  any = { {}, function(_, value) return value end },
  integer = { { "min", "max" }, check_integer },
  number = { { "min", "max" }, check_number },
  boolean = { {}, function(n, value)
    if type(value) ~= "boolean" then return expected(n, "true or false") end
    return value
  end },
  bytes = { { "min", "max" }, check_bytes },
  duration = { { "min", "max" }, check_duration },
  address = { {}, check_address },
  network = { {}, function(_, value)
    local why = network(value)
    if why then return nil, why end
    return value
  end },
  url = { {}, check_url },
  glob = { {}, check_glob },
  one_of = { { "values" }, check_one_of },
}

return M
