--- jobs/rollup: about once a second, what was told and counted is added up; what is too old goes.
--
-- Files of processes that died are closed first, so that they are added up to their end. What leads is found out again
-- after a pause of twenty times as long as it takes.
local event_model = require "gifd.model.event"
local kinds = require "gifd.model.event_kinds"
local metric_events = require "gifd.flow.metric_events"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"

local EVERY, SEAL_EVERY, EXPIRE_EVERY, BOARDS_LEAST, BOARDS_MOST, SHARE = 1, 10, 600, 1, 60, 20

--- Rows of a round from which on the next one comes sooner: questions read what is not added up yet.
local MANY, SOONEST = 10000, 0.1

local M = {}

local meters = {}

--- What a round did: others see by it that rounds are made, and how long they take.
local function measure(began, folded)
  if not meters.folded then
    meters.folded = gifd.metric.counter("gifd_events_folded_total")
    meters.seconds = gifd.metric.histogram("gifd_rollup_fold_seconds")
    meters.behind = gifd.metric.gauge("gifd_rollup_behind")
    meters.at = gifd.metric.gauge("gifd_rollup_timestamp_seconds")
  end
  if not meters.at then return end
  local now = gifd.time.now()
  meters.folded:add(folded.rows)
  meters.seconds:observe(math.max(0, now - began))
  meters.behind:set(folded.more and 1 or 0)
  meters.at:set(now)
end

local function warn(what, err)
  if err.code ~= "cancelled" then
    gifd.log.warn("rollup." .. what, { code = err.code, error = tostring(err.message) })
  end
end

--- state = { sealed, expired, boards (times of the last), pause (between boards) }
function M.once(app, state)
  local now = gifd.time.now()
  if now - state.sealed >= SEAL_EVERY then
    local sealed, err = gifd.rollup.seal()
    if not sealed then warn("seal", err) end
    state.sealed = now
  end
  local boards = now - state.boards >= state.pause
  local began = gifd.time.now()
  local folded, err = gifd.rollup.fold(kinds.counted, boards)
  if not folded then return nil, err end
  measure(began, folded)
  if folded.rows > 0 then
    local numbers = metrics.all()
    if numbers then gifd.bus.publish(metric_events.topic, metric_events.message(numbers)) end
  end
  if boards then
    state.boards = gifd.time.now()
    state.pause = math.max(BOARDS_LEAST, math.min(BOARDS_MOST, SHARE * (state.boards - began)))
  end
  if now - state.expired >= EXPIRE_EVERY then
    local before = moment.now() - app.settings.retention.events * 1e6
    local done, expire_err = gifd.rollup.expire(before)
    if done then done, expire_err = event_model.expire_askers(before) end
    if not done then warn("expire", expire_err) end
    state.expired = now
  end
  return folded
end

--- Files that are closed and added up get their index, beside the rounds: each takes seconds.
local function index()
  while gifd.time.sleep(SEAL_EVERY) do
    local made, err
    repeat made, err = gifd.rollup.index() until not made or made.result == 0
    if err then warn("index", err) end
  end
end

function M.run(app)
  local indexing = gifd.task.spawn(index)
  local state = { sealed = 0, expired = gifd.time.now(), boards = 0, pause = 0 }
  while true do
    local folded, err = M.once(app, state)
    if not folded then warn("fold", err) end
    local rows = folded and folded.rows or 0
    local pause = rows > MANY and math.max(SOONEST, EVERY * MANY / rows) or EVERY
    if not (folded and folded.more) and not gifd.time.sleep(pause) then break end
  end
  indexing:wait()
end

return M
