--- plugin/load: runs a plugin's init.lua in its own environment and takes what it returns. Nothing is registered by
-- side effect.
local environment = require "gifd.plugin.environment"

local surface_keys = { hooks = true, routes = true, jobs = true, check = true }

local function fail(plugin, fmt, ...)
  error(("plugin %s: " .. fmt):format(plugin.name, ...), 0)
end

local function chunk(plugin, file, env)
  local path = "plugins/" .. plugin.name .. "/" .. file
  local run, err = gifd.bundle.load(path, env)
  if not run then fail(plugin, "%s: %s", file, tostring(err and err.message or err or "does not exist")) end
  return run
end

--- plugin = { name, version, uses, config } of settings -> the same with .surface
return function(plugin)
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
  env = environment.make(plugin, require_fn)
  local surface = chunk(plugin, "init.lua", env)()
  if type(surface) ~= "table" then fail(plugin, "init.lua must return a table, not a %s", type(surface)) end
  for key in pairs(surface) do
    if not surface_keys[key] then
      fail(plugin, "init.lua returns an unknown key %q (known: hooks, routes, jobs, check)", tostring(key))
    end
  end
  return { name = plugin.name, version = plugin.version, uses = plugin.uses, config = plugin.config, surface = surface }
end
