--- plugin/registry: what all loaded plugins offer together; refuses what collides. Built once per generation, then only
-- read.
local S = require "gifd.schema"
local contracts = require "gifd.plugin.contracts"
local cron = require "gifd.cron"
local nearest = require "gifd.nearest"

local methods = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }

local function fail(fmt, ...) error(fmt:format(...), 0) end

local function names_of(value)
  if value == nil then return {} end
  return type(value) == "table" and value or { value }
end

--- The options of one entry of a surface, checked; a bare function stands for { run = function }.
local function options(plugin, kind, name, value)
  local entry = type(value) == "function" and { run = value } or value
  if type(entry) ~= "table" or type(entry.run) ~= "function" then
    fail("plugin %s: %s %q must be a function or { run = function }", plugin.name, kind, name)
  end
  local checked, faults = S.check(contracts.options[kind], entry)
  local first = faults[1]
  if first then
    fail("%s: plugin %s: %s %q: %s %s%s", gifd.bundle.where(entry.run) or "init.lua", plugin.name, kind, name,
      first.path, first.message, first.nearest and (" (did you mean %s?)"):format(first.nearest) or "")
  end
  return checked
end

local function add_hook(found, plugin, name, value)
  local hook = contracts.hook(name)
  if not hook then
    local near = nearest(name, contracts.hook_names)
    fail("plugin %s: there is no hook %q%s", plugin.name, name, near and (" (did you mean " .. near .. "?)") or "")
  end
  local entry = options(plugin, "hook", name, value)
  if entry.slow and hook.kind ~= "vote" then fail("plugin %s: hook %q cannot be slow", plugin.name, name) end
  if entry.timeout and not entry.slow and entry.timeout > 60 then
    fail("plugin %s: hook %q: timeout must be at most 60 seconds, unless it is slow", plugin.name, name)
  end
  local list = found[name] or {}
  if hook.kind == "claim" and list[1] then
    fail("plugins %s and %s both claim %q", list[1].plugin.name, plugin.name, name)
  end
  list[#list + 1] = { plugin = plugin, hook = name, kind = hook.kind, run = entry.run, after = names_of(entry.after),
    before = names_of(entry.before), slow = entry.slow, timeout = entry.timeout }
  found[name] = list
end

--- The circle that keeps every entry of `left` waiting, as text: "a after b after a".
local function circle(left, follows)
  local path, seen, at = {}, {}, left[1].plugin.name
  while not seen[at] do
    path[#path + 1], seen[at] = at, #path + 1
    for _, other in ipairs(left) do
      local name = other.plugin.name
      if name ~= at and follows[at][name] then at = name break end
    end
  end
  path[#path + 1] = at
  return table.concat(path, " after ", seen[at])
end

--- Orders by relation: repeatedly takes the first entry that nothing left must precede.
local function ordered(name, list, exists)
  local follows = {}
  for _, entry in ipairs(list) do follows[entry.plugin.name] = {} end
  for _, entry in ipairs(list) do
    local own = entry.plugin.name
    for _, other in ipairs(entry.after) do
      if not exists[other] then fail("plugin %s: hook %q comes after %q, which is not loaded", own, name, other) end
      if other == own then fail("plugin %s: hook %q comes after itself", own, name) end
      follows[own][other] = true
    end
    for _, other in ipairs(entry.before) do
      if not exists[other] then fail("plugin %s: hook %q comes before %q, which is not loaded", own, name, other) end
      if other == own then fail("plugin %s: hook %q comes before itself", own, name) end
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
    if not at then fail("hook %q: the order goes in a circle: %s", name, circle(left, follows)) end
    out[#out + 1] = table.remove(left, at)
  end
  return out
end

local function add_route(routes, plugin, key, route)
  local method, path = tostring(key):match("^(%u+) (/%S*)$")
  if not method or not methods[method] then
    fail("plugin %s: route %q must look like \"GET /path\"", plugin.name, tostring(key))
  end
  local checked = options(plugin, "route", key, route)
  if checked.body ~= nil and not S.is_node(checked.body) then
    fail("plugin %s: route %q: body must be made with schema, as in schema.record { ... }", plugin.name, key)
  end
  local mount = "/p/" .. plugin.name
  local function put(pattern)
    routes[#routes + 1] = { method = method, pattern = pattern, name = key, auth = checked.auth, limit = checked.limit,
      body_max = checked.body_max, body = checked.body, run = checked.run, plugin = plugin }
  end
  put(mount .. path)
  if path == "/" then put(mount) end
end

local function add_job(jobs, plugin, name, value)
  if type(name) ~= "string" or not name:match("^[a-z][a-z0-9_-]*$") or #name > 64 then
    fail("plugin %s: job %q: a job's name is of a-z, 0-9, _ and -", plugin.name, tostring(name))
  end
  local job = options(plugin, "job", name, value)
  if type(job.every) == "string" then
    local expression, wrong = cron.parse(job.every)
    if not expression then
      fail("%s: plugin %s: job %q: every %s", gifd.bundle.where(job.run) or "init.lua", plugin.name, name, wrong)
    end
    job.cron, job.every = expression, 60
  end
  job.plugin, job.name, job.id = plugin, name, plugin.name .. "/" .. name
  jobs[job.id] = job
end

local function sorted(map)
  local names = {}
  for name in pairs(map or {}) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function part(plugin, name)
  local value = plugin.surface[name]
  if value ~= nil and type(value) ~= "table" then fail("plugin %s: %s must be a table", plugin.name, name) end
  return value or {}
end

--- plugins: array of what load.lua returned -> { hooks = { name = ordered entries }, routes = array,
-- jobs = { ["PLUGIN/NAME"] = job }, plugins = array }
return function(plugins)
  local found, routes, jobs, exists, seen = {}, {}, {}, {}, {}
  for _, plugin in ipairs(plugins) do exists[plugin.name] = true end
  for _, plugin in ipairs(plugins) do
    for _, name in ipairs(sorted(part(plugin, "hooks"))) do
      add_hook(found, plugin, name, plugin.surface.hooks[name])
    end
    for _, key in ipairs(sorted(part(plugin, "routes"))) do
      add_route(routes, plugin, key, plugin.surface.routes[key])
    end
    for _, name in ipairs(sorted(part(plugin, "jobs"))) do add_job(jobs, plugin, name, plugin.surface.jobs[name]) end
    if plugin.surface.check ~= nil and type(plugin.surface.check) ~= "function" then
      fail("plugin %s: check must be a function", plugin.name)
    end
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
  return { hooks = found, routes = routes, jobs = jobs, plugins = plugins }
end
