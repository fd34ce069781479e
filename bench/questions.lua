-- questions: how long answers about events take, whatever there is: gifd lua --data DIR bench/questions.lua [COUNT]
-- Rows: build/trail_bench 10000 1000 fast DIR/events (10 million), in a directory that a server has made.
local kinds = require "gifd.model.event_kinds"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"

local count, subjects = tonumber(arg and arg[1] or 500), 100000

local rows, began = 0, gifd.time.now()
repeat
  local folded = assert(gifd.rollup.fold(kinds.counted, false))
  rows = rows + folded.rows
until not folded.more
if rows > 0 then
  local seconds = gifd.time.now() - began
  print(("folded %d rows: %.0f a second"):format(rows, rows / seconds))
end
began = gifd.time.now()
assert(gifd.rollup.fold(kinds.counted, true))
print(("what leads: found out in %.0f ms"):format((gifd.time.now() - began) * 1000))

local function measure(name, ask)
  local times = {}
  for i = 1, count do
    local at = gifd.time.now()
    assert(ask(i))
    times[i] = (gifd.time.now() - at) * 1000
  end
  table.sort(times)
  print(("%-28s p50 %6.2f ms   p99 %6.2f ms"):format(name, times[math.ceil(count / 2)], times[math.ceil(count * 0.99)]))
end

local function asset() return { rowid_ = math.random(subjects), id = "x" } end
local now = moment.now()
measure("metrics of an asset", function() return metrics.asset(asset()) end)
measure("metrics of all", function() return metrics.all() end)
measure("top by clicks", function() return metrics.top("clicks", 100) end)
measure("30 days of an asset by day", function()
  return metrics.series({ asset = asset() }, "day", now - 30 * 86400e6, now)
end)
measure("30 days of an asset by hour", function()
  return metrics.series({ asset = asset() }, "hour", now - 30 * 86400e6, now)
end)
measure("30 days of all by hour", function() return metrics.series({}, "hour", now - 30 * 86400e6, now) end)
measure("48 hours of an asset by minute", function()
  return metrics.series({ asset = asset() }, "minute", now - 47 * 3600e6, now)
end)
