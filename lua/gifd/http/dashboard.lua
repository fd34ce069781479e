--- http/dashboard: what an operator's page shows at a glance: how much was logged, counted and traced, of all processes
-- since the shared memory was made.
local M = {}

local function label(series, name) return series.labels and series.labels[name] end

--- To nine digits: times may be of microseconds.
local function rounded(n) return n and tonumber(("%.9g"):format(n)) or 0 end

local EXACT, BOUND = 1000, 0.125 -- core/base/metric.h

local function of_histogram(series)
  local mean = series.count > 0 and rounded(series.sum / series.count) or 0
  return { count = series.count, sum = rounded(series.sum), mean = mean,
    p50 = rounded(series.p50), p95 = rounded(series.p95), p99 = rounded(series.p99),
    error_bound = series.count > EXACT and BOUND or 0 }
end

local function finite(n) return n == n and n ~= math.huge and n ~= -math.huge and n or 0 end

function M.show(app)
  local logs = { total = 0, by_level = {}, dropped = 0, left_out = 0 }
  local metrics = { counters = {}, gauges = {}, histograms = {} }
  local traces = { total = 0, active = 0, kept = 0, exported = 0, dropped = 0 }
  local single = { gifd_traces_total = "total", gifd_traces_kept_total = "kept", gifd_traces_active = "active",
    gifd_trace_spans_exported_total = "exported", gifd_trace_spans_dropped_total = "dropped" }
  for _, level in ipairs { "debug", "info", "warn", "error", "critical" } do logs.by_level[level] = 0 end
  for _, series in ipairs(gifd.metric.list(nil, true)) do
    local name, value = series.name, series.value and finite(series.value)
    if series.kind == "histogram" then metrics.histograms[series.series] = of_histogram(series)
    else metrics[series.kind .. "s"][series.series] = value end
    if single[name] then traces[single[name]] = traces[single[name]] + value end
    if name == "gifd_log_dropped_total" then logs.dropped = value end
    if name == "gifd_log_left_out_total" then logs.left_out = value end
    if name == "gifd_log_lines_total" and label(series, "level") then
      logs.by_level[label(series, "level")] = value
      logs.total = logs.total + value
    end
  end
  return { status = 200, headers = { ["Cache-Control"] = "no-store" }, json = { service = app.settings.trace.service,
    timestamp = gifd.time.rfc3339(gifd.time.now()), logs = logs, metrics = metrics, traces = traces } }
end

return M
