--- command/settle: what the supervisor runs last, when no process of the server is left: what shared memory still holds is
-- written into rows, so that a server that is asked to stop loses nothing.
local clicks = require "gifd.jobs.clicks"

return function()
  local done, err = clicks.once { last = {} }
  if done then return 0 end
  gifd.console.error("gifd: clicks were not written: " .. tostring(err.message or err.code) .. "\n")
  return 1
end
