--- flow/metric_events: sums as they change, for whoever listens (GET /api/v1/metrics/stream).
local M = { topic = "metrics" }

local shown = { "views", "plays", "clicks", "ctr", "play_rate", "total_events", "by_platform", "by_verdict" }

--- numbers: of flow/metrics.all -> a message of the bus
function M.message(numbers)
  local out = {}
  for _, name in ipairs(shown) do out[name] = numbers[name] end
  return { event = "metrics", data = gifd.json.encode(out) }
end

return M
