--- plugin/absent: a plugin that is switched off, because it brought processes down (gifd.server.without).
--
-- It takes part in nothing, and whoever asks one of its routes is told: 503.
local M = {}

local methods = { "GET", "POST", "PUT", "PATCH", "DELETE" }

--- plugin of settings -> the same with a surface that none of its own code made
function M.plugin(plugin)
  local route = { auth = "public", run = function()
    return nil, gifd.err("busy", { message = "the plugin " .. plugin.name .. " is switched off" })
  end }
  local routes = {}
  for _, method in ipairs(methods) do
    routes[method .. " /"], routes[method .. " /{rest...}"] = route, route
  end
  return { name = plugin.name, version = plugin.version, uses = plugin.uses, config = plugin.config,
    surface = { routes = routes } }
end

--- limits of settings without those of routes that are not there now
function M.limits(wanted, without)
  local out = {}
  for name, policy in pairs(wanted) do
    if not without[name:match("^%u+ /p/([^/]+)") or ""] then out[name] = policy end
  end
  return out
end

return M
