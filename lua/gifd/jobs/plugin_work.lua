--- jobs/plugin_work: one job of the queue that enters a plugin: a job of its own, or an event that it listens to.
--
-- A failure that may pass is tried again (jobs/retry) until its attempts or its deadline are used up. A run that ends
-- the process, attempt after attempt, has failed too. What draining interrupts is pending again for the next
-- generation, and no attempt is lost.
local call = require "gifd.plugin.call"
local context = require "gifd.plugin.context"
local contracts = require "gifd.plugin.contracts"
local cron = require "gifd.cron"
local events = require "gifd.flow.events"
local fault_model = require "gifd.model.fault"
local hooks = require "gifd.plugin.hooks"
local job_model = require "gifd.model.job"

local M = {}

--- "job refresh", "tell on_share" -> the entry of the registry, or nil
local function entry_of(app, job)
  local kind, name = job.name:match("^(%l+) (.*)$")
  if kind == "job" then return app.registry.jobs[job.plugin .. "/" .. name], kind end
  for _, entry in ipairs(app.registry.hooks[name] or {}) do
    if entry.plugin.name == job.plugin then return entry, kind end
  end
end

--- The next time of a cron expression, or nil.
local function next_of(entry) return entry and entry.cron and cron.next(entry.cron, gifd.time.now()) end

local function about(job, deadline)
  return { request_id = "job-" .. job.id, deadline = deadline, job = { id = tostring(job.id), attempt = job.attempts } }
end

--- -> the job's result as JSON text, or nil, err
local function work(entry, job)
  local ctx = context.make(entry.plugin, about(job, gifd.time.now() + entry.timeout))
  local what = "job " .. entry.name
  local value, err = call.within(entry.timeout, entry.plugin, what, entry.run, ctx, job.payload)
  if value == nil and err then return nil, err end
  local text, wrong = contracts.text(value)
  if not text then return nil, contracts.fault(entry.plugin, what, entry.run, "what " .. wrong) end
  return text
end

local function tell(entry, job)
  local function ctx_of(plugin, deadline) return context.make(plugin, about(job, deadline)) end
  local done, err = hooks.tell_one(entry, ctx_of, events.told(job.payload))
  if not done then return nil, err end
  return "null"
end

function M.attempts(app, job)
  local entry = entry_of(app, job)
  return entry and entry.attempts or app.settings.jobs.attempts
end

function M.run(app, job)
  local entry, kind = entry_of(app, job)
  if not entry then
    return gifd.db.batch { job_model.park_statement(job, ("plugin %s with its %s is not loaded"):format(job.plugin,
      job.name)) }
  end
  local result, err
  if kind == "job" then result, err = work(entry, job) else result, err = tell(entry, job) end
  if not result or not job.every then return result, err end
  return gifd.db.batch { job_model.reschedule_statement(job, result, nil, next_of(entry)) }
end

--- A failure for good. That of a listener is seen on what the event is about.
function M.failed(app, job, err)
  local message = tostring(err.message or err.code)
  if job.every then return gifd.db.batch { job_model.reschedule_statement(job, nil, message,
    next_of(entry_of(app, job))) } end
  local calls, event, entry = { job_model.fail_statement(job, message) }, job.payload, entry_of(app, job)
  if entry and entry.hook then
    local fault = { hook = entry.hook, plugin = entry.plugin.name, version = entry.plugin.version, err = err }
    local more = event.code and fault_model.share_statements(event.code, fault)
      or fault_model.asset_statements(event.asset_id, fault)
    for _, statement in ipairs(more) do calls[#calls + 1] = statement end
  end
  return gifd.db.batch(calls)
end

return M
