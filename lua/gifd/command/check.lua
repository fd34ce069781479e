--- command/check: runs each plugin's own check before its generation goes live. One line before and one after each:
--
--   begin NAME
--   ok NAME | refused NAME MESSAGE
--
-- Whoever reads them (core/app/builder_check.c) knows which one hangs.
local call = require "gifd.plugin.call"
local context = require "gifd.plugin.context"

local function run(plugin)
  local ok, err = call(plugin, "check", plugin.surface.check, context.make(plugin, {}))
  if ok then return "ok " .. plugin.name end
  local why = err and tostring(err.message or err) or "its check returned neither true nor an error"
  return ("refused %s %s"):format(plugin.name, (why:gsub("[\r\n]+", " ")))
end

--- plugins: array of loaded ones -> the command
return function(plugins)
  return function()
    for _, plugin in ipairs(plugins) do
      if plugin.surface.check then
        gifd.console.write("begin " .. plugin.name .. "\n")
        gifd.console.write(run(plugin) .. "\n")
      end
    end
    return 0
  end
end
