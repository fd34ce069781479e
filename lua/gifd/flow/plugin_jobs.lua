--- flow/plugin_jobs: gifd.jobs as a plugin has it: durable work of its own, which the runner does (jobs/plugin_work).
local contracts = require "gifd.plugin.contracts"
local job_events = require "gifd.flow.job_events"
local job_list = require "gifd.model.job_list"
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"
local nearest = require "gifd.nearest"
local row = require "gifd.model.row"

local WAITING_MOST, MESSAGE_MOST, YEAR = 10000, 500, 366 * 86400

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

local known = { key = true, delay = true, priority = true, after = true, after_asset = true }
local AFTER_MOST = 64

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
  if options.priority ~= nil and not job_model.priorities[options.priority] then
    error("gifd.jobs.enqueue: priority must be critical, high, normal or low", 3)
  end
end

local function id_of(id, what)
  local number = type(id) == "string" and id:match("^%d+$") and tonumber(id)
  if not number then error(("gifd.jobs.%s: id must be what enqueue returned"):format(what), 3) end
  return number
end

local function shown(job)
  local result = row.decode(job.result)
  if result == gifd.null then result = nil end
  return { id = tostring(job.id), name = job.name:match("^job (.*)$"), state = job.state, attempts = job.attempts,
    progress = job.percent, message = job.message, result = result, error = job.error,
    created_at = moment.seconds(job.created_at), run_at = moment.seconds(job.run_after) }
end

--- The jobs that options name -> ids, or nil; or nil, err when one is not there
local function needs(options, plugin)
  local after, ids = options.after or {}, {}
  if type(after) ~= "table" or #after > AFTER_MOST then
    error(("gifd.jobs.enqueue: after must be a list of at most %d ids"):format(AFTER_MOST), 3)
  end
  for i, id in ipairs(after) do ids[i] = id_of(id, "enqueue: after") end
  if #ids > 0 then
    local there, err = job_model.exist(ids, plugin.name)
    if there == nil then return nil, err end
    if not there then return nil, gifd.err("not_found", { message = "one of the jobs in `after` is not there" }) end
  end
  if options.after_asset ~= nil then
    local ladder, err = job_model.ladder_of(tostring(options.after_asset))
    if ladder == nil then return nil, err end
    if ladder then ids[#ids + 1] = ladder end
  end
  if #ids == 0 then return nil end
  return ids
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
      local after, missing = needs(options, plugin)
      if missing then return nil, missing end
      local id, made = job_model.enqueue({ plugin = plugin.name, lane = "plugin", name = "job " .. name, payload = text,
        key = options.key and ("plugin:%s:%s:%s"):format(plugin.name, name, options.key), delay = options.delay,
        priority = job_model.priorities[options.priority], deadline = job.deadline, after = after }, WAITING_MOST)
      if not id then return nil, made end
      if made then gifd.jobs.wake() end
      return tostring(id), made
    end

    --- -> { id, name, state, attempts, progress, message, result, error, created_at, run_at }, false, or nil, err
    function M.get(id)
      local job, err = job_list.find_of(id_of(id, "get"), plugin.name)
      if not job then return job, err end
      return shown(job)
    end

    --- -> true when it was not over yet
    function M.cancel(id)
      local number = id_of(id, "cancel")
      local done, err = job_list.cancel(number, plugin.name)
      if done then
        gifd.jobs.wake()
        job_events.tell(number)
      end
      return done, err
    end

    --- Of a job that runs; id: ctx.job.id; percent: 0 to 100 -> true, or nil, err: "cancelled" says that nobody wants
    -- its result
    function M.progress(id, percent, message)
      local number = id_of(id, "progress")
      if type(percent) ~= "number" or not (percent >= 0 and percent <= 100) then
        error("gifd.jobs.progress: percent must be a number from 0 to 100", 2)
      end
      if message ~= nil and (type(message) ~= "string" or #message > MESSAGE_MOST) then
        error(("gifd.jobs.progress: message must be text of at most %d bytes"):format(MESSAGE_MOST), 2)
      end
      local running, watched = job_model.progress(number, plugin.name, math.floor(percent + 0.5), message)
      if running == nil then return nil, watched end
      if watched then job_events.tell(number) end
      if running then return true end
      return nil, gifd.err("cancelled", { message = "the job is not to go on" })
    end

    return M
  end
end
