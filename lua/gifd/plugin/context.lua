--- plugin/context: what a hook, route or job of a plugin is told about the call it is in.
return function(plugin, about)
  local function logger(level)
    return function(event, fields)
      local out = { plugin = plugin.name }
      for key, value in pairs(fields or {}) do out[key] = value end
      gifd.log[level]("plugin." .. tostring(event), out)
    end
  end
  return {
    config = plugin.config, request_id = about.request_id, account = about.account, deadline = about.deadline,
    log = { debug = logger("debug"), info = logger("info"), warn = logger("warn"), error = logger("error") },
  }
end
