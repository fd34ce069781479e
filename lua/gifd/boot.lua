--- boot: wires one generation: settings to plugins to routes, roles and commands. Does no work of its own.
local absent = require "gifd.plugin.absent"
local askers = require "gifd.flow.askers"
local audit = require "gifd.command.audit"
local check = require "gifd.command.check"
local counts = require "gifd.jobs.counts"
local cors = require "gifd.http.cors"
local dispatch = require "gifd.http.dispatch"
local docs = require "gifd.command.docs"
local evidence = require "gifd.flow.evidence"
local event_kinds = require "gifd.model.event_kinds"
local guard = require "gifd.http.guard"
local jobs_command = require "gifd.command.jobs"
local keys = require "gifd.command.keys"
local ladder = require "gifd.ladder"
local limits = require "gifd.limits"
local limits_command = require "gifd.command.limits"
local load_plugin = require "gifd.plugin.load"
local media = require "gifd.command.media"
local moderate = require "gifd.command.moderate"
local pages = require "gifd.http.pages"
local plugin_new = require "gifd.command.plugin_new"
local plugin_run = require "gifd.command.plugin_run"
local plugin_test = require "gifd.command.plugin_test"
local plugins_command = require "gifd.command.plugins"
local plugin_data = require "gifd.flow.plugin_data"
local plugin_jobs = require "gifd.flow.plugin_jobs"
local registry = require "gifd.plugin.registry"
local routes = require "gifd.http.routes"
local runner = require "gifd.jobs.runner"
local script = require "gifd.command.script"
local signin = require "gifd.command.signin"
local signing = require "gifd.flow.signing"
local spans = require "gifd.flow.spans"
local stats = require "gifd.command.stats"
local token = require "gifd.command.token"
local trace = require "gifd.command.trace"
local unfurl_command = require "gifd.command.unfurl"
local verify = require "gifd.command.verify"

--- All plugins, or one error that has a line for each of those that do not load.
local function load_all(settings, services)
  local plugins, wrong, without = {}, {}, gifd.server.without
  for i, plugin in ipairs(settings.plugins) do
    if plugin.lacking then plugins[i] = absent.plugin(plugin, plugin.lacking)
    elseif without[plugin.name] then plugins[i] = absent.plugin(plugin)
    else
      local ok, loaded = pcall(load_plugin, plugin, settings.plugin_budget, services)
      if ok then plugins[i] = loaded
      else wrong[#wrong + 1] = tostring(type(loaded) == "table" and loaded.message or loaded):gsub("%s*\n%s*", " ") end
    end
  end
  if wrong[2] then
    for i, text in ipairs(wrong) do wrong[i] = text:sub(1, math.floor(480 / #wrong)) end -- an error has a length
  end
  if wrong[1] then error(table.concat(wrong, "\n"), 0) end
  return plugins
end

--- What a worker does beside its requests.
local function worker(app)
  return function()
    local parts = { gifd.task.spawn(signing.watch), gifd.task.spawn(function() spans.run(app) end) }
    for _, part in ipairs(parts) do part:wait() end
  end
end

return function(settings)
  pages.load(function(name) return gifd.bundle.read("lua/gifd/web/" .. name) end)
  local app = { settings = settings }
  local services = { jobs = plugin_jobs(app), data = plugin_data(app) }
  app.services = services
  local plugins = load_all(settings, services)
  app.registry = registry(plugins)
  app.ladder = ladder.new(settings.renditions)
  app.routes = cors.routes(settings, limits.attach(routes(app.registry.routes),
    absent.limits(settings)))
  app.handle = dispatch(app)
  app.drain = settings.reload_drain
  app.refusals = guard.refusals(settings)
  app.clients, app.pages = evidence.classes, askers.pages
  app.intake = event_kinds.intake(settings, gifd.server.data_dir)
  app.roles = { runner = runner(app), worker = worker(app) }
  app.commands = { lua = script, ["plugin run"] = plugin_run(app),
                   ["plugin new"] = plugin_new(app), ["plugin test"] = plugin_test(app), token = token, keys = keys,
                   audit = audit, limits = limits_command,
                   jobs = jobs_command, moderate = moderate(app),
                   plugin = plugins_command(app), login = signin.login(settings), setup = signin.setup(settings),
                   settle = function() return counts.settle(askers) end,
                   check = check(plugins), verify = verify(app),
                   unfurl = unfurl_command(app), stats = stats, docs = docs(app), trace = trace }
  for _, name in ipairs { "probe", "ladder", "fit", "render" } do
    app.commands[name] = media.command(app, name)
  end
  for _, plugin in ipairs(plugins) do app.checks = app.checks or plugin.surface.check ~= nil end
  return app
end
