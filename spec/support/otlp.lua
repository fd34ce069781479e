-- otlp: a collector on 127.0.0.1 for specs: it takes OTLP/HTTP traces as JSON (opentelemetry-proto, "OTLP/HTTP" and
-- trace.proto), checks their shape, and keeps their spans. stand.lua says how it is spoken to.
--
--   local c = otlp.start()              -- c.endpoint; c:spans() -> array of spans, as they came, each with `resource`
--   c:set "down"                        -- what it does from now on:
--
-- "" takes all; down (503 with Retry-After: 1); refuse (400); hang; huge (an answer that has no end); garbage (no
-- HTTP); partly (one span is rejected); away (a redirect). c:count "wrong": requests of another shape; their reasons
-- are in c:log(). c:count "batch": those that were taken.
local cjson = require "cjson"
local socket = require "socket"
local stand = require "stand"

local M = {}

local keys = { traceId = "string", spanId = "string", parentSpanId = "string", name = "string", kind = "number",
  startTimeUnixNano = "string", endTimeUnixNano = "string", attributes = "table", events = "table", links = "table",
  status = "table", traceState = "string", flags = "number", droppedAttributesCount = "number",
  droppedEventsCount = "number", droppedLinksCount = "number" }
local values = { stringValue = "string", boolValue = "boolean", intValue = "string", doubleValue = "number",
  arrayValue = "table", kvlistValue = "table", bytesValue = "string" }

local function check(ok, what) if not ok then error(what, 0) end end

local function check_attributes(list)
  check(type(list) == "table", "attributes are an array")
  for _, a in ipairs(list) do
    check(type(a.key) == "string" and a.key ~= "" and type(a.value) == "table", "an attribute has key and value")
    local kind, value = next(a.value)
    check(values[kind] and type(value) == values[kind] and next(a.value, kind) == nil, "value of " .. a.key)
    check(kind ~= "intValue" or value:match "^-?%d+$", "an int is a decimal text")
  end
end

local function is_id(text, n) return #text == n and text:match "^[0-9a-f]+$" and text:match "[1-9a-f]" end

local function is_time(text) return text:match "^%d+$" and #text == 19 end

local function check_span(s)
  for key, value in pairs(s) do check(type(value) == keys[key], "span." .. key .. " is of another type, or unknown") end
  check(is_id(s.traceId, 32) and is_id(s.spanId, 16), "ids are lower case hex, not zero")
  check(s.parentSpanId == nil or is_id(s.parentSpanId, 16), "parentSpanId")
  check(s.name and s.name ~= "" and s.kind >= 1 and s.kind <= 5, "name and kind")
  check(is_time(s.startTimeUnixNano) and is_time(s.endTimeUnixNano), "times")
  check(s.endTimeUnixNano >= s.startTimeUnixNano, "it ends after it began")
  check_attributes(s.attributes or {})
  for _, e in ipairs(s.events or {}) do
    check(is_time(e.timeUnixNano) and type(e.name) == "string", "an event has a time and a name")
    check_attributes(e.attributes or {})
  end
  check(s.status == nil or s.status.code == nil or s.status.code >= 0 and s.status.code <= 2, "status.code")
end

--- -> array of spans; throws what is wrong
local function read(request)
  check(request.method == "POST" and request.target == "/v1/traces", "POST /v1/traces")
  check((request.headers["content-type"] or ""):match "^application/json", "Content-Type")
  local ok, body = pcall(cjson.decode, request.body)
  check(ok and type(body.resourceSpans) == "table" and #body.resourceSpans > 0, "resourceSpans")
  local out = {}
  for _, r in ipairs(body.resourceSpans) do
    check_attributes(r.resource.attributes)
    local resource = {}
    for _, a in ipairs(r.resource.attributes) do resource[a.key] = a.value.stringValue end
    check(resource["service.name"], "service.name")
    for _, scope in ipairs(r.scopeSpans) do
      check(type(scope.scope.name) == "string", "scope.name")
      for _, s in ipairs(scope.spans) do
        check_span(s)
        s.resource, s.headers = resource, request.headers
        out[#out + 1] = s
      end
    end
  end
  return out
end

local json = "Content-Type: application/json\r\n"

local function answer(request)
  local mode = request.mode()
  if mode == "hang" then socket.sleep(60) end
  if mode == "garbage" then return request.send(("\0\255 no HTTP at all\r\n"):rep(1000)) and nil end
  if mode == "huge" then
    request.send "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"
    while request.send((" "):rep(65536)) do end
    return nil
  end
  local ok, spans = pcall(read, request)
  if not ok then
    request.said("wrong")
    request.said("because " .. tostring(spans))
    return 400, json, '{"code":3,"message":"shape"}'
  end
  if mode == "down" then
    request.said "refused"
    return 503, json .. "Retry-After: 1\r\n", "{}"
  end
  if mode == "refuse" then return 400, json, '{"code":3,"message":"no"}' end
  if mode == "away" then return 307, "Location: http://127.0.0.1:9/v1/traces\r\n", "" end
  for _, s in ipairs(spans) do request.said("span " .. cjson.encode(s)) end
  request.said "batch"
  if mode == "partly" then return 200, json, '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"one"}}' end
  return 200, json, "{}"
end

function M.start()
  local s = stand.start(answer)
  s.endpoint = s.url .. "/v1/traces"
  function s.spans(self)
    local out = {}
    for line in self:log():gmatch "[^\n]+" do
      if line:match "^span " then out[#out + 1] = cjson.decode(line:sub(6)) end
    end
    return out
  end
  return s
end

return M
