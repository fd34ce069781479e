--- plugin/stats: how often each part of each plugin was called, how often that failed, and how long it took: of this
-- process.
local M = {}

local all = {}

--- seconds: how long the call lasted
function M.add(plugin, what, seconds, failed)
  local key = plugin .. " " .. what
  local row = all[key]
  if not row then
    row = { plugin = plugin, what = what, calls = 0, failures = 0, total = 0, max = 0 }
    all[key] = row
  end
  row.calls, row.total, row.last = row.calls + 1, row.total + seconds, seconds
  if failed then row.failures = row.failures + 1 end
  if seconds > row.max then row.max = seconds end
end

return M
