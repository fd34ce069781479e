--- flow/spans: each process sends what it has recorded (core/script/spans.h) to the collector that the configuration
-- names: OTLP over HTTP as JSON (opentelemetry-proto, "OTLP/HTTP").
--
-- A batch that the collector cannot take now (429, 502, 503, 504, no answer) is sent again a few times, later each
-- time, or when it says; what it refuses otherwise is dropped. Meanwhile what comes waits in a queue that has an end.
-- Whatever the collector does costs one connection, one batch and at most PATIENCE seconds at a time.
local M = {}

local LOOK, BATCH, PATIENCE, ANSWER_MOST = 1, 512 * 1024, 10, 64 * 1024
local TRIES, FIRST_WAIT, LONGEST_WAIT = 5, 1, 30
local worth = { [429] = true, [502] = true, [503] = true, [504] = true }

local counters = {}
local function count(name, n, labels, key)
  key = name .. (key or "")
  counters[key] = counters[key] or gifd.metric.counter(name, labels)
  if counters[key] and n > 0 then counters[key]:add(n) end
end

local told = { begun = 0, kept = 0, dropped = 0 }

--- What C has counted since the last look.
local function publish()
  local now = gifd.trace.counts()
  count("gifd_traces_total", now.begun - told.begun)
  count("gifd_traces_kept_total", now.kept - told.kept)
  count("gifd_trace_spans_dropped_total", now.dropped - told.dropped, { why = "queue" }, "queue")
  told = now
end

local function attribute(key, value) return { key = key, value = { stringValue = value } } end

--- Everything of a request but the spans, around which it is put.
local function envelope(app)
  local resource = { attributes = gifd.json.array {
    attribute("service.name", app.settings.trace.service), attribute("service.version", gifd.server.version),
    attribute("service.instance.id", gifd.server.role .. "-" .. gifd.server.pid) } }
  return ('{"resourceSpans":[{"resource":%s,"scopeSpans":[{"scope":{"name":"gifd","version":%s},"spans":[')
    :format(gifd.json.encode(resource), gifd.json.encode(gifd.server.version)), "]}]}]}"
end

--- -> "done"; "again" and how many seconds the collector wants, if it says; or "lost", why
local function send(settings, body)
  local headers = { ["content-type"] = "application/json" }
  for name, value in pairs(settings.headers or {}) do headers[name:lower()] = value end
  local reply, err = gifd.trace.send { url = settings.endpoint, method = "POST", headers = headers, body = body,
    timeout = PATIENCE, max_bytes = ANSWER_MOST }
  if not reply then return err.code == "cancelled" and "stop" or "again", nil, err.code end
  if reply.status >= 200 and reply.status < 300 then
    local answer = gifd.json.decode(reply.body or "")
    local partly = type(answer) == "table" and type(answer.partialSuccess) == "table" and answer.partialSuccess
    return "done", partly and tonumber(partly.rejectedSpans) or 0
  end
  if worth[reply.status] then return "again", tonumber(reply.headers["retry-after"]), tostring(reply.status) end
  return "lost", nil, tostring(reply.status)
end

local function deliver(settings, body, n)
  local wait = FIRST_WAIT
  for try = 1, TRIES do
    local outcome, detail, why = send(settings, body)
    if outcome == "done" then
      local rejected = math.min(n, math.max(0, detail))
      count("gifd_trace_spans_exported_total", n - rejected)
      count("gifd_trace_spans_dropped_total", rejected, { why = "rejected" }, "rejected")
      return
    end
    if outcome == "stop" then return end
    if outcome == "lost" or try == TRIES then
      count("gifd_trace_spans_dropped_total", n, { why = "collector" }, "collector")
      gifd.log.warn("trace.export", { spans = n, why = why })
      return
    end
    if not gifd.time.sleep(math.min(LONGEST_WAIT, math.max(0.1, detail or wait))) then return end
    wait = wait * 2
  end
end

--- Until the generation drains.
function M.run(app)
  local settings = app.settings.trace
  local head, tail = envelope(app)
  repeat
    publish()
    while settings.endpoint do
      local spans, n = gifd.trace.take(BATCH)
      if n == 0 then break end
      deliver(settings, head .. spans .. tail, n)
    end
  until not gifd.time.sleep(LOOK)
end

return M
