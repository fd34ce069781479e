--- plugin/rest: a part of a plugin that keeps running over its budget is left alone for a while.
--
-- Each overrun holds a process up for as long as a slice may last. Three in a minute are an accident that repeats
-- itself: that part (a route, a hook, a job) is not called any more until the minute is over, so that others wait for
-- it for less than a hundredth of the time. The rest of the plugin goes on; a reload forgets it.
local M = {}

local MOST, WINDOW = 3, 60

local overruns = {} -- plugin -> what -> times, the oldest first

--- When the part may be called again, in seconds from now; nil: at once.
function M.left(plugin, what)
  local times = overruns[plugin] and overruns[plugin][what]
  if not times or #times < MOST then return nil end
  local left = times[1] + WINDOW - gifd.time.now()
  if left > 0 then return left end
  table.remove(times, 1)
end

function M.note(plugin, what)
  local parts = overruns[plugin] or {}
  local times = parts[what] or {}
  overruns[plugin], parts[what] = parts, times
  times[#times + 1] = gifd.time.now()
  if #times > MOST then table.remove(times, 1) end
end

return M
