--- testing/clock: the time of tests. It stands still but for what a test, or a plugin that sleeps, lets pass, and all
-- of the process lives in it: kv values expire by it, signatures and tokens end, jobs fall due.
local M = {}

local now

--- Time stands still at this: seconds since 1970, or text of RFC 3339; nil: at the system's own.
function M.set(at)
  if type(at) == "string" then at = gifd.try(gifd.time.parse(at)) end
  gifd.workbench.stop_clock()
  now = at or gifd.time.now()
  gifd.workbench.stop_clock(now)
end

--- Time goes on as it really is.
function M.release() gifd.workbench.stop_clock() end

function M.now() return now end

local units = { ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400 }

--- "90s", "2h", or seconds
function M.advance(by)
  if type(by) == "string" then
    local digits, unit = by:match("^(%d+%.?%d*)%s*(%a+)$")
    if not units[unit] then error(('"%s" is no length of time such as "90s"'):format(by), 2) end
    by = tonumber(digits) * units[unit]
  end
  M.set(now + by)
end

--- What plugins see instead of gifd.time's own.
function M.stand_in(time)
  time.now = M.now
  time.sleep = function(seconds)
    if type(seconds) ~= "number" or not (seconds >= 0 and seconds <= 86400) then
      error("gifd.time.sleep: argument 1 (seconds): must be from 0 to 86400", 2)
    end
    M.advance(seconds)
    return true
  end
end

return M
