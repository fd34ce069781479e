--- plugin/grants: which primitives a plugin gets: those that all have, and those that its manifest's `uses` asks for.
--
-- A capability is a word ("blob.read") or, when its row says `of`, a word with an argument ("fetch:api.example.org").
-- give(host, plugin, argument, services) adds to the plugin's own `gifd`; it never hands out a table that two plugins
-- share.
local contracts = require "gifd.plugin.contracts"
local trace = require "gifd.plugin.trace"

local M = {}

local function pick(from, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = from[name] end
  return out
end
M.pick = pick

local function copy(from)
  if type(from) ~= "table" then return from end
  local out = {}
  for key, value in pairs(from) do out[key] = value end
  return out
end

--- Names in gifd that every plugin has as they are.
local open = { "text", "json", "err", "try", "catch", "null", "all", "any" }

--- Names that every plugin has in a form of its own.
local own = {
  log = function() return pick(gifd.log, { "debug", "info", "warn", "error", "critical" }) end,
  time = function() return pick(gifd.time, { "now", "rfc3339", "parse", "http_date", "sleep", "deadline" }) end,
  -- Two plugins' limiters share no key, whatever they are called.
  limit = function(plugin)
    return { limiter = function(options) return gifd.limit.limiter(options, "plugin " .. plugin.name) end }
  end,
  -- Only what the plugin's own routes have kept can be taken back; without a tag all of it.
  cache = function(plugin)
    return { purge = function(tag)
      if tag ~= nil and (type(tag) ~= "string" or #tag < 1 or #tag > 64) then
        error("gifd.cache.purge: a tag has 1 to 64 bytes", 2)
      end
      return gifd.cache.purge(contracts.tag(plugin, tag or ""))
    end }
  end,
  jobs = function(plugin, services) return services.jobs(plugin) end,
}

--- What belongs to a trace; which one is the host's to say.
function own.trace() return pick(gifd.trace, { "current", "start", "traceparent" }) end

--- A plugin's metrics are named after it, and their number has a maximum of its own.
function own.metric(plugin)
  local group = "plugin_" .. plugin.name:gsub("%W", "_") .. "_"
  local function named(make)
    return function(name, labels)
      if type(name) ~= "string" then error("a metric's name must be a string", 2) end
      return make(group .. name, labels, group)
    end
  end
  return { counter = named(gifd.metric.counter), gauge = named(gifd.metric.gauge),
    histogram = named(gifd.metric.histogram) }
end

--- Topics of a plugin are its own: no other hears them, and it hears no other's.
local function give_bus(host, plugin)
  local space = "plugin:" .. plugin.name .. ":"
  local function within(fn)
    return function(topic, ...)
      if type(topic) ~= "string" then error("a topic must be a string", 2) end
      return fn(space .. topic, ...)
    end
  end
  host.bus = { publish = within(gifd.bus.publish), subscribe = within(gifd.bus.subscribe) }
end

local function rows(value)
  local count = type(value) == "table" and #value or 0
  return count > 0 and ("%d %s"):format(count, count == 1 and "row" or "rows") or nil
end

--- Functions of `from` with the plugin's name filled in: they work on its own database.
local function owned(from, plugin, space)
  local out = {}
  for name, fn in pairs(from) do
    local function what(first) return ("%s.%s %s"):format(space, name, type(first) == "string" and first or "") end
    out[name] = trace.watched(plugin.name, "query", function(...) return fn(plugin.name, ...) end, what, rows)
  end
  return out
end

local cryptography = { "sha256", "hmac", "equal", "random", "code", "hex", "base64", "base64url", "unbase64url",
  "verify_url", "jwt_sign", "jwt_verify", "ed25519_verify", "password_hash", "password_verify" }

local function give_crypto(host) host.crypto = host.crypto or pick(gifd.crypto, cryptography) end

--- A part of the product's data; what acts as the system outdoes what acts for the caller, whichever comes first.
local function data(namespace, service, any)
  return { give = function(host, plugin, _, services)
    local into = host[namespace] or {}
    for name, fn in pairs(services.data[service](plugin, any)) do
      if any or into[name] == nil then into[name] = fn end
    end
    host[namespace] = into
  end }
end

local function split(use)
  local word, argument = use:match("^([^:]*):(.*)$")
  return word or use, argument
end

--- HOST, *.HOST or either with :PORT, as core/fetch/url.c matches them; or {SETTING}: the host of that url.
local function is_host(text)
  if text:match("^{[%l%d_]+}$") then return true end
  local host, port = text:match("^([^:]*):(%d+)$")
  host = (host or text):gsub("^%*%.", "")
  if port and (port:match("^0") or tonumber(port) > 65535) then return false end
  return #host <= 253 and host:match("^[%l%d_-][%l%d%._-]*$") ~= nil and not host:find("..", 1, true)
    and not host:match("%.$")
end

--- "GET https://example.org/path"
local function asked(options)
  local of = type(options) == "table" and options or { url = options }
  return ("%s %s"):format(tostring(of.method or "GET"), (tostring(of.url):gsub("[?#].*$", ""):gsub("//[^/]*@", "//")))
end

--- The hosts that a plugin may ask: those of its manifest, and those of its settings that the manifest names.
function M.hosts(plugin)
  local hosts = {}
  for _, use in ipairs(plugin.uses) do
    local word, argument = split(use)
    if word == "fetch" then
      local setting = argument:match("^{(.*)}$")
      local url = setting and (plugin.config or {})[setting]
      if setting then argument = url and url:lower():match("^https?://([^/?#@]+)") end
      hosts[#hosts + 1] = argument
    end
  end
  return hosts
end

--- A plugin's fetch asks these and no others, at every hop.
local function give_fetch(host, plugin)
  local hosts = M.hosts(plugin)
  if not hosts[1] then hosts[1] = "invalid" end -- a setting is not there: nobody (RFC 2606)
  host.fetch = trace.watched(plugin.name, "fetch", function(options) return gifd.fetch(options, hosts) end, asked,
    function(reply) return type(reply) == "table" and tostring(reply.status) or nil end)
end

--- Capability -> { give = f, of = f(argument) -> whether it is well-formed, nil for a bare word }
local capabilities = {
  ["assets.read"] = data("assets", "assets_read", false),
  ["assets.read.any"] = data("assets", "assets_read", true),
  ["shares.read"] = data("shares", "shares_read", false),
  ["shares.read.any"] = data("shares", "shares_read", true),
  ["shares.write"] = data("shares", "shares_write", false),
  ["shares.write.any"] = data("shares", "shares_write", true),
  ["shares.count"] = { give = function() end }, -- http/plugin_route looks for it
  ["blob.read"] = { give = function(host) host.blob = pick(gifd.blob, { "read", "stat" }) end },
  bus = { give = give_bus },
  ["media.near"] = data("media", "media_near", true),
  crypto = { give = give_crypto },
  db = { give = function(host, plugin) host.db = owned(gifd.own, plugin, "db") end },
  kv = { give = function(host, plugin) host.kv = owned(gifd.kv, plugin, "kv") end },
  ["crypto.sign"] = { give = function(host)
    give_crypto(host)
    host.crypto.sign_url = gifd.crypto.sign_url
  end },
  fetch = { give = give_fetch, of = is_host },
}

--- The capability words, sorted; those with an argument end in ":".
function M.words()
  local out = {}
  for word, row in pairs(capabilities) do out[#out + 1] = row.of and word .. ":" or word end
  table.sort(out)
  return out
end

--- -> true, or false, why
function M.known(use)
  local word, argument = split(use)
  local row = capabilities[word]
  if not row or (argument ~= nil) ~= (row.of ~= nil) then return false, ("unknown capability %q"):format(use) end
  if row.of and not row.of(argument) then
    return false, ("capability %q: %q is malformed"):format(word, argument)
  end
  return true
end

--- plugin = { name, uses, ... } -> the content of its `gifd`. services = { jobs, data }: lent by higher floors;
-- stand_in: puts what a test has in its place.
function M.give(plugin, services)
  local host = {}
  for _, name in ipairs(open) do host[name] = copy(gifd[name]) end
  for name, make in pairs(own) do host[name] = make(plugin, services) end
  for _, use in ipairs(plugin.uses) do
    local word, argument = split(use)
    capabilities[word].give(host, plugin, argument, services)
  end
  if services.stand_in then services.stand_in(host) end
  return host
end

return M
