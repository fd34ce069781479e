--- jobs/queue: leases due jobs and runs them, a few at a time. One runner per server; a lease that its owner did not
-- end (kill -9) is taken up again by the next one at once, or when it runs out.
local job_model = require "gifd.model.job"
local ladder = require "gifd.jobs.ladder"

local IDLE = 1

local M = {}

local runs = { ladder = ladder.run }

local function run(app, job)
  local work = runs[job.name]
  if not work then
    gifd.log.error("job.unknown", { name = job.name, id = job.id })
    return gifd.db.batch { job_model.fail_statement(job, "no such kind of job") }
  end
  local outcome, err = work(app, job)
  if not outcome and err.code ~= "cancelled" then
    gifd.log.warn("job.lost", { name = job.name, id = job.id, error = tostring(err) })
  end
end

--- One of a few lanes: leases and runs until there is nothing due, then waits to be woken.
local function lane(app, owner)
  while true do
    local due, err = job_model.due()
    local job = false
    if due then job, err = job_model.lease(owner, app.settings.jobs.lease) end
    if err and err.code == "cancelled" then return end
    if err then gifd.log.warn("queue.lease", { code = err.code, error = tostring(err.message) }) end
    if job then
      run(app, job)
    else
      local woken, wait_err = gifd.jobs.wait(IDLE)
      if woken == nil and wait_err then return end
    end
  end
end

function M.run(app)
  local owner = ("runner-%d-%s"):format(gifd.server.pid, gifd.crypto.hex(gifd.crypto.random(4)))
  local done, err = job_model.reclaim(owner)
  if not done and err.code == "cancelled" then return end
  if not done then gifd.log.warn("queue.reclaim", { code = err.code, error = tostring(err.message) }) end
  local lanes = {}
  for i = 1, app.settings.jobs.running do lanes[i] = gifd.task.spawn(function() lane(app, owner) end) end
  for _, handle in ipairs(lanes) do handle:wait() end
end

return M
