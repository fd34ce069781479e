--- model/job_stats: numbers about jobs: what was done since the shared memory was made, by counters; and how things
-- stand, by rows.
local moment = require "gifd.moment"

local TOTAL, SLOTS, RECENT = "gifd_jobs_total", "gifd_jobs_slots", 1000

local M = {}

local counters = {}
local outcomes = { completed = "completed", written = "completed", failed = "failed", retried = "retried" }

--- outcome: of jobs/attempt
function M.add(outcome)
  local name = outcomes[outcome]
  counters[name] = counters[name] or gifd.metric.counter(TOTAL, { outcome = name })
  if counters[name] then counters[name]:add(1) end
end

--- How many jobs of each lane may run at a time.
function M.slots(media, plugin)
  for lane, count in pairs { media = media, plugin = plugin } do
    local gauge = gifd.metric.gauge(SLOTS, { lane = lane })
    if gauge then gauge:set(count) end
  end
end

local function counted()
  local out = { completed = 0, failed = 0, retried = 0, slots = 0, media = 0 }
  for _, series in ipairs(gifd.metric.list("gifd_jobs_")) do
    if series.name == TOTAL then out[series.labels.outcome] = series.value end
    if series.name == SLOTS then out.slots = out.slots + series.value end
    if series.name == SLOTS and series.labels.lane == "media" then out.media = series.value end
  end
  return out
end

--- Mean and 95th percentile, in seconds, of the last ones that were over, from lease to end.
local function durations()
  local rows, err = gifd.db.rows([[SELECT (ended_at - started_at) / 1e6 AS seconds FROM (
      SELECT started_at, ended_at, state FROM jobs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?1)
    WHERE state <> 'cancelled' AND started_at IS NOT NULL ORDER BY 1]], RECENT)
  if not rows then return nil, err end
  local sum = 0
  for _, found in ipairs(rows) do sum = sum + found.seconds end
  if #rows == 0 then return { mean = 0, p95 = 0 } end
  return { mean = sum / #rows, p95 = rows[math.ceil(#rows * 0.95)].seconds }
end

--- -> { active, idle, media = { active, places, waiting }, waiting = { critical, high, normal, low }, delayed, blocked,
-- parked, processed, failed, retried, average_seconds, p95_seconds, oldest_waiting_seconds }, or nil, err
function M.read(priority_names)
  local now = moment.now()
  local waiting, err = gifd.db.rows([[SELECT priority, count(*) AS n, min(run_after) AS oldest FROM jobs
    WHERE state = 'pending' AND waits = 0 AND run_after <= ?1 AND lane IN ('media', 'plugin') GROUP BY priority]], now)
  if not waiting then return nil, err end
  local found, count_err = gifd.db.row([[SELECT
    (SELECT count(*) FROM jobs WHERE state = 'running') AS active,
    (SELECT count(*) FROM jobs WHERE state = 'running' AND lane = 'media') AS media_active,
    (SELECT count(*) FROM jobs WHERE state = 'pending' AND waits = 0 AND run_after <= ?1 AND lane = 'media')
      AS media_waiting,
    (SELECT count(*) FROM jobs WHERE state = 'parked') AS parked,
    (SELECT count(*) FROM jobs WHERE state = 'pending' AND waits > 0) AS blocked,
    (SELECT count(*) FROM jobs WHERE state = 'pending' AND waits = 0 AND run_after > ?1) AS delayed]], now)
  if not found then return nil, count_err end
  local times, times_err = durations()
  if not times then return nil, times_err end
  local totals, oldest, by_name = counted(), now, {}
  for _, name in pairs(priority_names) do by_name[name] = 0 end
  for _, r in ipairs(waiting) do
    by_name[priority_names[r.priority]] = r.n
    oldest = math.min(oldest, r.oldest)
  end
  return { active = found.active, idle = math.max(0, totals.slots - found.active), waiting = by_name,
    media = { active = found.media_active, places = totals.media, waiting = found.media_waiting },
    delayed = found.delayed, blocked = found.blocked, parked = found.parked,
    processed = totals.completed + totals.failed, failed = totals.failed, retried = totals.retried,
    average_seconds = times.mean, p95_seconds = times.p95, oldest_waiting_seconds = (now - oldest) / 1e6 }
end

return M
