--- plugin/load: runs a plugin's init.lua in its own environment and takes what it returns. Nothing is registered by
-- side effect.
local call = require "gifd.plugin.call"
local environment = require "gifd.plugin.environment"

local surface_keys = { hooks = true, routes = true, jobs = true, check = true }

local function fail(plugin, fmt, ...)
  error(("plugin %s: " .. fmt):format(plugin.name, ...), 0)
end

local function chunk(plugin, file, env)
  local path = "plugins/" .. plugin.name .. "/" .. file
  local run, err = (plugin.open or gifd.bundle.load)(path, env)
  if not run then error(file .. ": " .. tostring(err and err.message or err or "does not exist"), 0) end
  return plugin.trusted and run or gifd.plugin.interpret(run)
end

--- plugin = { name, version, uses, config, trusted } of settings (a test: open, as gifd.bundle.load; number), budget =
-- { slice, call, memory } -> { name, version, uses, config, pixels, surface, number }: number is C's, for call.
-- services: as for grants.give
return function(plugin, budget, services)
  local self = { name = plugin.name, version = plugin.version, uses = plugin.uses, config = plugin.config,
    pixels = plugin.pixels, number = plugin.number or gifd.plugin.register(plugin.name, budget) }
  local loaded, env = {}, nil
  local function require_fn(name)
    if type(name) ~= "string" or not name:match("^[%w_]+[%w_%.]*$") or name:find("..", 1, true) then
      error("require takes the name of a file in the plugin's folder", 2)
    end
    if loaded[name] == nil then
      local value = chunk(plugin, name:gsub("%.", "/") .. ".lua", env)()
      loaded[name] = value == nil and true or value
    end
    return loaded[name]
  end
  env = environment.make(plugin, require_fn, services)
  local surface, err = call(self, "load", function() return chunk(plugin, "init.lua", env)() end)
  if err then fail(plugin, "%s", err.message) end
  if type(surface) ~= "table" then fail(plugin, "init.lua must return a table, not a %s", type(surface)) end
  for key in pairs(surface) do
    if not surface_keys[key] then
      fail(plugin, "init.lua returns an unknown key %q (known: hooks, routes, jobs, check)", tostring(key))
    end
  end
  self.surface, self.require = surface, require_fn
  return self
end
