--- jobs/ladder: one job of the queue: the renditions of one asset; which failures are worth another attempt.
local job_model = require "gifd.model.job"
local renditions = require "gifd.flow.renditions"

local M = {}

local function backoff(attempts) return math.min(300, 2 ^ attempts) end

--- -> "done", "later" or "failed"; nil, err when not even that could be written (the lease runs out then)
function M.run(app, job, ctx_of)
  local done, err = gifd.catch(renditions.climb, app, job, ctx_of)
  if done then return "done" end
  if err.code == "conflict" then return "done" end -- somebody else has the lease
  if err.code == "cancelled" then return nil, err end
  gifd.log.warn("ladder.failed", { asset = job.payload.asset_id, attempt = job.attempts, code = err.code,
    error = tostring(err.message) })
  if err.retryable and job.attempts < app.settings.jobs.attempts then
    local later, write_err = job_model.retry(job, backoff(job.attempts), tostring(err.message or err.code))
    if not later then return nil, write_err end
    return "later"
  end
  local given_up, write_err = renditions.give_up(app, job, err)
  if not given_up then return nil, write_err end
  return "failed"
end

return M
