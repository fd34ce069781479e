--- jobs/attempt: one attempt of one leased job, and what follows from it.
--
-- A kind of job is { run(app, job, ctx_of), failed?(app, job, err), attempts?(app, job) }. run returns JSON text, the
-- result, which is still to be written; anything else that is true when it has written the outcome together with what
-- it made; or nil, err. `failed` writes a failure for good, with what else that means.
local context = require "gifd.plugin.context"
local job_events = require "gifd.flow.job_events"
local job_model = require "gifd.model.job"
local judge = require "gifd.jobs.judge"
local ladder = require "gifd.jobs.ladder"
local relisted = require "gifd.flow.relisted"
local moment = require "gifd.moment"
local plugin_work = require "gifd.jobs.plugin_work"
local recipe = require "gifd.jobs.recipe"
local rescan = require "gifd.flow.rescan"
local retry = require "gifd.jobs.retry"

local M = {}

local kinds = { ladder = ladder.ladder, renditions = ladder.renditions, judge = judge, recipe = recipe,
  rescan = rescan, listed = relisted }

local function hook_ctx(plugin, deadline) return context.make(plugin, { deadline = deadline }) end

local function limit(app, job, kind)
  return kind.attempts and kind.attempts(app, job) or app.settings.jobs.attempts
end

local function run(app, job, kind)
  if job.doomed then return nil, gifd.err("conflict", { needs = true, message = job.doomed }) end
  local attempts = limit(app, job, kind)
  if job.attempts > attempts then
    return nil, gifd.err("internal", { message = ("the process ended while this ran, %d times"):format(attempts) })
  end
  return gifd.catch(kind.run, app, job, hook_ctx)
end

local function fail(app, job, kind, err)
  if job.poison then
    err = gifd.err(err.code, { message = ("poison: it ended %d media processes: %s"):format(job.crashes,
      tostring(err.message)) })
  end
  if kind.failed then return gifd.catch(kind.failed, app, job, err) end
  return gifd.db.batch { job_model.fail_statement(job, tostring(err.message or err.code)) }
end

local function after_failure(app, job, kind, err)
  if err.code == retry.crash then job.crashes = (job.crashes or 0) + 1 end
  local verdict, seconds = retry.verdict(job, err, limit(app, job, kind), retry.chance())
  if verdict == "again" and job.give_up_at and moment.now() + seconds * 1e6 > job.give_up_at then verdict = "failed" end
  gifd.log.warn("job.failed", { plugin = job.plugin, job = job.name, id = job.id, attempt = job.attempts,
    code = err.code, error = tostring(err.message), crashes = job.crashes ~= 0 and job.crashes or nil, next = verdict })
  if verdict == "again" then
    local later, write_err = job_model.retry(job, seconds, tostring(err.message or err.code))
    if not later then return nil, write_err end
    return "retried"
  end
  job.poison = verdict == "poison"
  local done, write_err = fail(app, job, kind, err)
  if not done then return nil, write_err end
  return "failed"
end

--- Nobody's fault, or nothing that can be written down: the lease runs out, or is somebody else's already.
local function lost(job, err)
  if err.code == "cancelled" then return nil end
  if err.code == "conflict" then gifd.log.info("job.superseded", { name = job.name, id = job.id })
  else gifd.log.warn("job.lost", { name = job.name, id = job.id, error = tostring(err.message) }) end
end

local function settled(app, job)
  local kind = job.plugin and plugin_work or kinds[job.name]
  local done, err
  if kind then done, err = run(app, job, kind)
  else done, err = nil, gifd.err("invalid", { message = "no such kind of job" }) end
  if type(done) == "string" then return nil, "completed", done end
  if done then return nil, "written" end
  if err.code == "cancelled" or err.code == "conflict" and not err.needs then return nil, lost(job, err) end
  local outcome, write_err = after_failure(app, job, kind or {}, err)
  if outcome then return err, outcome end
  return err, lost(job, write_err)
end

--- -> "completed", result (text, to be written by the caller); "written", "retried" or "failed"; or nil: not ours
function M.run(app, job)
  if job.watched then job_events.tell(job.id) end
  local span = gifd.trace.begin(("job %s"):format(job.name):sub(1, 90), job.trace)
  span:tag { ["gifd.job.id"] = job.id, ["gifd.job.attempt"] = job.attempts, ["gifd.plugin"] = job.plugin }
  local err, outcome, result = settled(app, job)
  span:finish(err)
  return outcome, result
end

return M
