--- flow/job_events: what changes of a job, published for whoever listens (GET /api/v1/jobs/ID/events).
--
-- Nothing is published of a job that nobody has asked about: a listener marks it as watched before it looks, and each
-- change of the row says whether it is. An event is all that there is to say, so that any may be lost but the last.
local job_list = require "gifd.model.job_list"

local M = {}

function M.topic(id) return "job:" .. id end

--- The message of the bus that is an event of a stream: `last` ends it.
function M.message(job)
  return { event = job_list.over[job.state] and "end" or "state", data = gifd.json.encode(job_list.shown(job)),
    last = job_list.over[job.state] or nil }
end

--- Publishes how the job stands now, if somebody listens.
function M.tell(id)
  local job = job_list.watched(id)
  if job then gifd.bus.publish(M.topic(id), M.message(job)) end
end

return M
