--- moment: times as rows keep them, integer microseconds since 1970.
local M = {}

function M.now() return math.floor(gifd.time.now() * 1e6 + 0.5) end
function M.from_seconds(seconds) return math.floor(seconds * 1e6 + 0.5) end
function M.seconds(us) return us / 1e6 end

--- RFC 3339 with microseconds, or null.
function M.text(us)
  if us == nil or us == gifd.null then return gifd.null end
  return gifd.time.rfc3339(us / 1e6, 6)
end

return M
