--- plugin/registry: what all loaded plugins offer together; refuses what collides. Built once per generation, then only
-- read.
local S = require "gifd.schema"
local hooks = require "gifd.plugin.hooks"
local limits = require "gifd.limits"
local nearest = require "gifd.nearest"

local methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }
local route_keys = { auth = true, limit = true, body = true, body_max = true, run = true }
local hook_keys = { run = true, after = true, before = true, slow = true }

local function fail(fmt, ...) error(fmt:format(...), 0) end

local function names_of(value)
  if value == nil then return {} end
  return type(value) == "table" and value or { value }
end

local function add_hook(found, plugin, name, value)
  local kind = hooks.kind(name)
  if not kind then
    local near = nearest(name, hooks.names)
    fail("plugin %s: there is no hook %q%s", plugin.name, name, near and (" (did you mean " .. near .. "?)") or "")
  end
  local entry = type(value) == "function" and { run = value } or value
  if type(entry) ~= "table" or type(entry.run) ~= "function" then
    fail("plugin %s: hook %q must be a function or { run = function }", plugin.name, name)
  end
  for key in pairs(entry) do
    if not hook_keys[key] then fail("plugin %s: hook %q has an unknown key %q", plugin.name, name, tostring(key)) end
  end
  local list = found[name] or {}
  if kind == "claim" and list[1] then
    fail("plugins %s and %s both claim %q", list[1].plugin.name, plugin.name, name)
  end
  list[#list + 1] = { plugin = plugin, hook = name, run = entry.run, after = names_of(entry.after),
    before = names_of(entry.before), slow = entry.slow }
  found[name] = list
end

--- Orders by relation: repeatedly takes the first entry that nothing left must precede.
local function ordered(name, list, exists)
  local follows = {}
  for _, entry in ipairs(list) do follows[entry.plugin.name] = follows[entry.plugin.name] or {} end
  for _, entry in ipairs(list) do
    local own = entry.plugin.name
    for _, other in ipairs(entry.after) do
      if not exists[other] then fail("plugin %s: hook %q comes after %q, which is not loaded", own, name, other) end
      follows[own][other] = true
    end
    for _, other in ipairs(entry.before) do
      if not exists[other] then fail("plugin %s: hook %q comes before %q, which is not loaded", own, name, other) end
      if follows[other] then follows[other][own] = true end
    end
  end
  local out, left = {}, {}
  for i, entry in ipairs(list) do left[i] = entry end
  while #left > 0 do
    local at
    for i, entry in ipairs(left) do
      local free = true
      for _, other in ipairs(left) do
        if other ~= entry and follows[entry.plugin.name][other.plugin.name] then free = false end
      end
      if free then at = i break end
    end
    if not at then fail("hook %q: the order of %s goes in a circle", name, left[1].plugin.name) end
    out[#out + 1] = table.remove(left, at)
  end
  return out
end

local function add_route(routes, plugin, key, route)
  local method, path = tostring(key):match("^(%u+) (/%S*)$")
  if not method or not methods[method] then
    fail("plugin %s: route %q must look like \"GET /path\"", plugin.name, tostring(key))
  end
  if type(route) ~= "table" or type(route.run) ~= "function" then
    fail("plugin %s: route %q must have run = function", plugin.name, key)
  end
  if type(route.auth) ~= "string" or not route.auth:match("^[a-z][a-z:_-]*$") then
    fail("plugin %s: route %q must say auth = \"public\", \"user\" or a permission", plugin.name, key)
  end
  for field in pairs(route) do
    if not route_keys[field] then
      fail("plugin %s: route %q has an unknown key %q", plugin.name, key, tostring(field))
    end
  end
  local body_max = route.body_max or 2 ^ 20
  if type(body_max) ~= "number" or body_max < 0 or body_max > 64 * 2 ^ 20 then
    fail("plugin %s: route %q: body_max must be at most 64 MiB", plugin.name, key)
  end
  local limit = route.limit
  if limit ~= nil then
    local faults
    limit, faults = S.check(limits.policies, limit, { keys = { "limit" } })
    if faults[1] then fail("plugin %s: route %q: %s %s", plugin.name, key, faults[1].path, faults[1].message) end
  end
  local mount = "/p/" .. plugin.name
  local function put(pattern)
    routes[#routes + 1] = { method = method, pattern = pattern, path = path, auth = route.auth, limit = limit,
      body_max = body_max,
                            body = route.body, run = route.run, plugin = plugin }
  end
  put(mount .. path)
  if path == "/" then put(mount) end
end

--- plugins: array of what load.lua returned -> { hooks = { name = ordered entries }, routes = array, plugins = array }
return function(plugins)
  local found, routes, exists, seen = {}, {}, {}, {}
  for _, plugin in ipairs(plugins) do exists[plugin.name] = true end
  for _, plugin in ipairs(plugins) do
    for name, value in pairs(plugin.surface.hooks or {}) do add_hook(found, plugin, name, value) end
    for key, route in pairs(plugin.surface.routes or {}) do add_route(routes, plugin, key, route) end
  end
  for name, list in pairs(found) do found[name] = ordered(name, list, exists) end
  for _, route in ipairs(routes) do
    local id = route.method .. " " .. route.pattern:gsub("{[^}]*}", "{}")
    if seen[id] then
      fail("plugin %s: the route %s %s is there twice", route.plugin.name, route.method, route.pattern)
    end
    seen[id] = true
  end
  table.sort(routes, function(a, b) return a.pattern .. a.method < b.pattern .. b.method end)
  return { hooks = found, routes = routes, plugins = plugins }
end
