--- command/plugin_run: gifd plugin run FILE: one file as a plugin's code: its environment and its budgets, with print.
--
-- Afterwards the function that it returns is called, or else the global `run`, which it may write: as a job would be,
-- with a ctx.
local call = require "gifd.plugin.call"
local context = require "gifd.plugin.context"
local environment = require "gifd.plugin.environment"

local OK, FAILED = 0, 1

local function failed(err)
  gifd.console.error(("gifd plugin run: %s: %s\n"):format(err.code, err.message))
  return FAILED
end

local function print_line(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  gifd.console.write(table.concat(out, "\t") .. "\n")
end

local function no_files(name) error(("require: there is no file %q beside this one"):format(tostring(name)), 2) end

--- app = { settings, services } -> run(args)
return function(app)
  return function(args)
    local plugin = { name = "file", version = "0", uses = {}, config = {} }
    plugin.number = gifd.plugin.register(plugin.name, app.settings.plugin_budget)
    local env = environment.make(plugin, no_files, app.services, print_line, "run")
    local chunk, err = gifd.console.load(args[1], env)
    if not chunk then return failed(err) end
    gifd.plugin.interpret(chunk)
    local value
    value, err = call(plugin, "load", chunk)
    if value == nil and err then return failed(err) end
    local run = type(value) == "function" and value or rawget(env, "run")
    if type(run) ~= "function" then return OK end
    value, err = call(plugin, "run", run, context.make(plugin, {}))
    if value == nil and err then return failed(err) end
    return OK
  end
end
