--- exposition: series of numbers as Prometheus text 0.0.4 and OpenMetrics 1.0. Pure.
--
-- Counters are whole numbers here and base units there: NAME_microseconds_total becomes NAME_seconds_total.
local M = {}

M.types = {
  prometheus = "text/plain; version=0.0.4; charset=utf-8",
  openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

--- What each of the product's own is; those of plugins say whose they are.
local help = {
  gifd_http_requests_total = "Requests that were answered, by route and status.",
  gifd_http_request_duration_seconds = "From a request's head to its reply, by route; cache: hit, miss or none.",
  gifd_loop_lag_seconds = "How late each process's event loop came to a timer.",
  gifd_connections = "Open connections of each worker.",
  gifd_process_cpu_seconds = "Processor time used by each process since it started.",
  gifd_process_resident_memory_bytes = "Memory of each process that is in RAM.",
  gifd_process_open_fds = "Open descriptors of each process.",
  gifd_process_start_time_seconds = "When each process started, since 1970.",
  gifd_build_info = "1, with the version that runs.",
  gifd_generation = "Number of the configuration that serves.",
  gifd_workers = "Processes that answer requests.",
  gifd_media_up = "1 while the media process is there.",
  gifd_disk_free_bytes = "Free bytes where the data is.",
  gifd_jobs_total = "Attempts at jobs, by how they ended.",
  gifd_jobs_slots = "Jobs that may run at a time, by lane.",
  gifd_jobs_active = "Jobs that run.",
  gifd_jobs_waiting = "Jobs that are due, by priority.",
  gifd_jobs_parked = "Jobs that ended too many media processes.",
  gifd_jobs_oldest_waiting_seconds = "For how long the oldest job that is due has waited.",
  gifd_plugin_calls_total = "Calls of parts of plugins.",
  gifd_plugin_failures_total = "Calls of parts of plugins that failed.",
  gifd_plugin_seconds_total = "Time that calls of parts of plugins took.",
  gifd_plugin_last_seconds = "How long the last call of a part of a plugin took.",
  gifd_plugin_max_seconds = "How long the longest call of a part of a plugin took.",
  gifd_log_lines_total = "Lines of the log, by level.",
  gifd_log_dropped_total = "Lines of the log that nobody read in time.",
  gifd_log_left_out_total = "Lines of the log that were like too many others in their second.",
  gifd_traces_total = "Traces that were begun.",
  gifd_traces_kept_total = "Traces that were kept.",
  gifd_traces_active = "Traces under way.",
  gifd_trace_spans_exported_total = "Spans that the collector took.",
  gifd_trace_spans_dropped_total = "Spans that were given up, and why.",
  gifd_tls_handshakes_total = "TLS handshakes, by outcome and version.",
  gifd_tls_expiry_timestamp_seconds = "When a certificate ends, since 1970.",
  gifd_events_folded_total = "Events that were added up.",
  gifd_judge_out = "1 while a judge cannot be reached.",
}

local renamed = { judge_out = "gifd_judge_out" }

local function escaped(text) return (text:gsub("\\", "\\\\"):gsub("\n", "\\n"):gsub('"', '\\"')) end

local function number(n)
  if n ~= n then return "NaN" end
  if n == math.huge then return "+Inf" end
  if n == -math.huge then return "-Inf" end
  if n == math.floor(n) and math.abs(n) < 1e15 then return ("%d"):format(n) end
  return ("%.10g"):format(n)
end

local function label_text(labels, more)
  local names, out = {}, {}
  for name in pairs(labels) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = ('%s="%s"'):format(name, escaped(tostring(labels[name]))) end
  out[#out + 1] = more
  return out[1] and "{" .. table.concat(out, ",") .. "}" or ""
end

local function histogram(out, name, series)
  local below = 0
  for _, bucket in ipairs(series.buckets) do
    below = below + bucket.n
    if bucket.le ~= math.huge then
      out[#out + 1] = ("%s_bucket%s %d"):format(name, label_text(series.labels, ('le="%s"'):format(number(bucket.le))),
        below)
    end
  end
  out[#out + 1] = ('%s_bucket%s %d'):format(name, label_text(series.labels, 'le="+Inf"'), series.count)
  out[#out + 1] = ("%s_sum%s %s"):format(name, label_text(series.labels), number(series.sum))
  out[#out + 1] = ("%s_count%s %d"):format(name, label_text(series.labels), series.count)
end

--- Name as it is told, and what its values are multiplied by.
local function told(series)
  local name, scale = renamed[series.name] or series.name, 1
  if name:find("_microseconds_total$") then name, scale = name:gsub("_microseconds_total$", "_seconds_total"), 1e-6 end
  if series.kind == "counter" and not name:find("_total$") then name = name .. "_total" end
  return name, scale
end

--- Families in the order of their names -> { name, kind, list = { { series, scale } } }
local function families(list)
  local by_name, names = {}, {}
  for _, series in ipairs(list) do
    local name, scale = told(series)
    if not by_name[name] then
      by_name[name] = { name = name, kind = series.kind, list = {} }
      names[#names + 1] = name
    end
    if by_name[name].kind == series.kind then
      table.insert(by_name[name].list, { series = series, scale = scale })
    end
  end
  table.sort(names)
  local out = {}
  for i, name in ipairs(names) do out[i] = by_name[name] end
  return out
end

local function explained(name)
  if help[name] then return help[name] end
  local plugin = name:match("^plugin_(%w+)_")
  return plugin and "Of the plugin " .. plugin .. "." or "Of a plugin."
end

--- list: of gifd.metric.list; open: OpenMetrics
function M.text(list, open)
  local out = {}
  for _, family in ipairs(families(list)) do
    local name = family.name
    local called = open and family.kind == "counter" and name:gsub("_total$", "") or name
    out[#out + 1] = ("# HELP %s %s"):format(called, explained(name))
    out[#out + 1] = ("# TYPE %s %s"):format(called, family.kind)
    for _, one in ipairs(family.list) do
      if family.kind == "histogram" then histogram(out, name, one.series)
      else
        out[#out + 1] = name .. label_text(one.series.labels) .. " " .. number(one.series.value * one.scale)
      end
    end
  end
  if open then out[#out + 1] = "# EOF" end
  return table.concat(out, "\n") .. "\n"
end

return M
