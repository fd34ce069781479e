--- flow/job_events: what changes of a job, published for whoever listens (GET /api/v1/jobs/ID/events).
--
-- Nothing is published of a job that nobody has asked about: a listener marks it as watched before it looks, and each
-- change of the row says whether it is. An event is all that there is to say, so that any may be lost but the last.
local job_list = require "gifd.model.job_list"
local job_model = require "gifd.model.job"

local DATA_MOST, ERROR_MOST = 7000, 1000 -- a message of the bus is short
local PAUSE = 0.25 -- seconds between two rows of one job's progress

local M = {}

function M.topic(id) return "job:" .. id end

--- The message of the bus that is an event of a stream: `last` ends it. A result that is long is not in it.
function M.message(job)
  local shown, over = job_list.shown(job), job_list.over[job.state]
  if type(shown.error) == "string" then shown.error = shown.error:sub(1, ERROR_MOST) end
  local text = gifd.json.encode(shown)
  if #text > DATA_MOST then
    shown.result = nil
    text = gifd.json.encode(shown)
  end
  return { event = over and "end" or "state", data = text, last = over }
end

--- Publishes how the job stands now, if somebody listens.
function M.tell(id)
  local job = job_list.watched(id)
  if job then gifd.bus.publish(M.topic(id), M.message(job)) end
end

--- For gifd.media.render in a job of the product's own -> function(percent) that keeps its row current.
function M.progress(job)
  local told, at = 0, 0
  return function(percent)
    local whole, now = math.min(99, math.floor(percent)), gifd.time.now()
    if whole <= told or now - at < PAUSE then return end
    told, at = whole, now
    local running, watched = job_model.progress(job.id, nil, whole, nil, job.fence)
    if running and watched then M.tell(job.id) end
  end
end

return M
