--- flow/plugin_jobs: gifd.jobs as a plugin has it: durable work of its own, which the runner does (jobs/plugin_work).
local contracts = require "gifd.plugin.contracts"
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"
local nearest = require "gifd.nearest"

local WAITING_MOST, YEAR = 10000, 366 * 86400

local function job_of(app, plugin, name)
  local jobs = app.registry and app.registry.jobs
  if not jobs then error("gifd.jobs: not while a file is loaded", 3) end
  local job = type(name) == "string" and jobs[plugin.name .. "/" .. name]
  if job then return job end
  local own = {}
  for _, other in pairs(jobs) do if other.plugin.name == plugin.name then own[#own + 1] = other.name end end
  local near = type(name) == "string" and nearest(name, own)
  error(("gifd.jobs: this plugin has no job %q%s"):format(tostring(name), near and ", did you mean " .. near .. "?"
    or ""), 3)
end

local function number_option(options, name, min, max)
  local value = options[name]
  if value == nil then return end
  if type(value) ~= "number" or not (value >= min and value <= max) then
    error(("gifd.jobs.enqueue: %s must be a number from %g to %g"):format(name, min, max), 3)
  end
end

local known = { key = true, delay = true, priority = true }

local function check_options(options)
  if type(options) ~= "table" then error("gifd.jobs.enqueue: options must be a table", 3) end
  for name in pairs(options) do
    if not known[name] then error(("gifd.jobs.enqueue: unknown option %q"):format(tostring(name)), 3) end
  end
  local key = options.key
  if key ~= nil and (type(key) ~= "string" or #key < 1 or #key > 200) then
    error("gifd.jobs.enqueue: key must be text of 1 to 200 bytes", 3)
  end
  number_option(options, "delay", 0, YEAR)
  number_option(options, "priority", -100, 100)
end

local function id_of(id, what)
  local number = type(id) == "string" and id:match("^%d+$") and tonumber(id)
  if not number then error(("gifd.jobs.%s: id must be what enqueue returned"):format(what), 3) end
  return number
end

local function shown(job)
  return { id = tostring(job.id), name = job.name:match("^job (.*)$"), state = job.state, attempts = job.attempts,
    progress = job.progress, result = job.result, error = job.error, created_at = moment.seconds(job.created_at),
    run_at = moment.seconds(job.run_after) }
end

--- app (filled in by boot) -> function(plugin) -> the plugin's gifd.jobs
return function(app)
  return function(plugin)
    local M = {}

    --- -> id, and whether it was made now: false when one with this key is not over yet; or nil, err
    function M.enqueue(name, payload, options)
      local job = job_of(app, plugin, name)
      options = options or {}
      check_options(options)
      local text, wrong = contracts.text(payload)
      if not text and wrong:find("KiB", 1, true) then
        return nil, gifd.err("too_large", { message = "the payload " .. wrong })
      end
      if not text then error("gifd.jobs.enqueue: payload " .. wrong, 2) end
      local id, made = job_model.enqueue({ plugin = plugin.name, name = name, payload = text, key = options.key,
        delay = options.delay, priority = options.priority, deadline = job.deadline }, WAITING_MOST)
      if not id then return nil, made end
      if made then gifd.jobs.wake() end
      return tostring(id), made
    end

    --- -> { id, name, state, attempts, progress, result, error, created_at, run_at }, false, or nil, err
    function M.get(id)
      local job, err = job_model.find(id_of(id, "get"), plugin.name)
      if not job then return job, err end
      return shown(job)
    end

    --- -> true when it was not over yet
    function M.cancel(id) return job_model.cancel(id_of(id, "cancel"), plugin.name) end

    --- Of a job that runs; id: ctx.job.id -> true, or nil, err: "cancelled" says that nobody wants its result
    function M.progress(id, value)
      local text, wrong = contracts.text(value)
      if not text then error("gifd.jobs.progress: the value " .. wrong, 2) end
      local running, err = job_model.progress(id_of(id, "progress"), plugin.name, text)
      if running == nil then return nil, err end
      if running then return true end
      return nil, gifd.err("cancelled", { message = "the job is not to go on" })
    end

    return M
  end
end
