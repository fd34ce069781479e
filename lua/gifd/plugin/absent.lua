--- plugin/absent: a plugin that is not loaded: it brought processes down (gifd.server.without), or it lacks a setting
-- that its manifest needs.
--
-- Whoever asks one of its routes is told why: 503. It takes part in nothing but this: where a judge of pixels was
-- configured and lacks something, assets are flagged, for nobody has looked at them.
local M = {}

local methods = { "GET", "POST", "PUT", "PATCH", "DELETE" }

local function blind(why)
  return function(_, subject)
    if subject.kind ~= "asset" then return nil end
    return nil, gifd.err("busy", { message = why, retryable = false })
  end
end

--- plugin of settings -> the same with a surface that none of its own code made; lacking: why, if that is it
function M.plugin(plugin, lacking)
  local why = lacking or "the plugin " .. plugin.name .. " is switched off"
  local route = { auth = "public", run = function() return nil, gifd.err("busy", { message = why }) end }
  local routes = {}
  for _, method in ipairs(methods) do
    routes[method .. " /"], routes[method .. " /{rest...}"] = route, route
  end
  local hooks = lacking and plugin.pixels and { judge = blind(lacking) } or nil
  return { name = plugin.name, version = plugin.version, uses = plugin.uses, config = plugin.config,
    lacking = lacking, surface = { routes = routes, hooks = hooks } }
end

--- limits of settings without those of routes that are not there now
function M.limits(settings)
  local gone, out = {}, {}
  for name in pairs(gifd.server.without) do gone[name] = true end
  for _, plugin in ipairs(settings.plugins) do if plugin.lacking then gone[plugin.name] = true end end
  for name, policy in pairs(settings.limits) do
    if not gone[name:match("^%u+ /p/([^/]+)") or ""] then out[name] = policy end
  end
  return out
end

return M
