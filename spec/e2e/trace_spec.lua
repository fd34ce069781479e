-- What an operator sees of a request or a job, from the caller's traceparent to what it asked others: in a collector,
-- live in a terminal, and in numbers. A collector that is down, slow or hostile harms nothing.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local otlp = require "otlp"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local stand = require "stand"

local code = [[
local function run(ctx, req)
  gifd.kv.set("last", req.path)
  local span = gifd.trace.start("mine", { colour = "blue", n = 7 })
  local child = span:child "inner"
  child:log("thought", { about = "it\n" })
  child:finish(req.query.fail and "gone wrong" or nil)
  span:finish()
  gifd.fetch { url = "http://127.0.0.1:%d/hello?secret=1" }
  gifd.jobs.enqueue("later", {})
  if req.query.boom then error "boom" end
  return { json = gifd.trace.current() }
end
return { routes = { ["GET /"] = { auth = "public", run = run },
    ["GET /slow"] = { auth = "public", run = function() gifd.time.sleep(0.3) return { body = "" } end },
    ["GET /plain"] = { auth = "public", run = function() return { body = "" } end } },
  jobs = { later = { run = function() gifd.log.info("later.ran") return true end } } }
]]

local function by_name(spans)
  local out = {}
  for _, s in ipairs(spans) do out[s.name] = s end
  return out
end

local function attributes(span)
  local out = {}
  for _, a in ipairs(span.attributes) do out[a.key] = a.value.stringValue or a.value.intValue end
  return out
end

describe("traces", function()
  local s, dir, collector, other

  setup(function()
    dir = assert(posix.mkdtemp("/tmp/gifd-trace-XXXXXX"))
    other = stand.start(function(request)
      request.said("traceparent " .. tostring(request.headers.traceparent))
      return 200, "", "hello"
    end)
    assert(os.execute(("mkdir -p '%s/plugins/tracer'"):format(dir)))
    server.put(dir .. "/plugins/tracer/plugin.lua", ([[return { name = "tracer", api = 1, version = "1.0.0",
      summary = "Does a little of everything", uses = { "kv", "fetch:127.0.0.1:%d" } }]]):format(other.port))
    server.put(dir .. "/plugins/tracer/init.lua", code:format(other.port))
  end)
  teardown(function()
    other:stop()
    os.execute("rm -rf '" .. dir .. "'")
  end)
  before_each(function() collector = otlp.start() end)
  after_each(function()
    if s then s:stop() end
    s = nil
    collector:stop()
  end)

  local function start(trace, workers)
    s = server.start { workers = workers or 1, plugins = { dir .. "/plugins" }, config = ([[return {
      plugins = { tracer = true }, fetch = { allow = { "127.0.0.0/8" } }, trace = { endpoint = "%s", %s } }]])
      :format(collector.endpoint, trace) }
  end

  local function wait_for_span(name, trace_id)
    return server.wait_until("span " .. name, function()
      for _, span in ipairs(collector:spans()) do
        if span.name == name and (not trace_id or span.traceId == trace_id) then return span end
      end
    end)
  end

  it("reach from the caller over hooks, queries and fetches to the job, as OTLP wants them", function()
    start [[ratio = 0, headers = { ["X-Key"] = secret { file = "/proc/sys/kernel/ostype" } }]]
    local id = "4bf92f3577b34da6a3ce929d0e0e4736"
    local reply = s:request { "GET", "/p/tracer/?q=hidden",
      headers = { traceparent = "00-" .. id .. "-00f067aa0ba902b7-01" } }
    assert.equal(id, reply.json.trace_id)
    local job = wait_for_span("job job later", id)
    local root = wait_for_span("GET /p/tracer/", id)
    local spans = by_name(collector:spans())
    assert.same({ "00f067aa0ba902b7", 2 }, { root.parentSpanId, root.kind })
    local a = attributes(root)
    assert.same({ "GET", "/p/tracer/", "200" },
      { a["http.request.method"], a["url.path"], a["http.response.status_code"] })
    local plugin, mine, inner = spans["GET /"], spans.mine, spans.inner
    assert.same({ root.spanId, plugin.spanId, mine.spanId },
      { plugin.parentSpanId, mine.parentSpanId, inner.parentSpanId })
    assert.same({ "blue", "7", "thought" },
      { attributes(mine).colour, attributes(mine).n, inner.events[1].name })
    local fetch = spans["GET 127.0.0.1"]
    assert.same({ plugin.spanId, 3, "200" },
      { fetch.parentSpanId, fetch.kind, attributes(fetch)["http.response.status_code"] })
    assert.equal(1, other:count("traceparent 00-" .. id .. "-" .. fetch.spanId .. "-01"))
    assert.equal(5, job.kind)
    assert.is_truthy(job.parentSpanId)
    assert.same({ "gifd", "Linux" }, { root.resource["service.name"], root.headers["x-key"] })
    assert.equal(0, collector:count "wrong", collector:log())
    assert.is_nil(collector:log():find("hidden", 1, true))
    assert.is_nil(collector:log():find("secret=1", 1, true))
    server.wait_until("the job's line", function()
      return s:errors():find("event=later.ran trace_id=" .. id .. " plugin=tracer", 1, true)
    end)
  end)

  it("are new when a caller's traceparent is none", function()
    start "ratio = 1"
    for _, bad in ipairs { "garbage", "00-" .. ("0"):rep(32) .. "-00f067aa0ba902b7-01", ("x"):rep(1000),
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" } do
      local reply = s:request { "GET", "/p/tracer/", headers = { traceparent = bad } }
      assert.matches("^%x+$", reply.json.trace_id)
      assert.is_not.equal("4bf92f3577b34da6a3ce929d0e0e4736", reply.json.trace_id:lower())
      assert.is_nil(wait_for_span("GET /p/tracer/", reply.json.trace_id).parentSpanId)
    end
  end)

  it("are kept when something failed or was slow, and else by the ratio", function()
    start [[ratio = 0, slow = "0.2s"]]
    for _ = 1, 20 do s:request { "GET", "/p/tracer/plain" } end
    s:request { "GET", "/p/tracer/slow" }
    assert.equal(500, s:request({ "GET", "/p/tracer/?boom=1" }).status)
    local counted = 'gifd_http_requests_total{method="GET",route="/p/tracer/",status="500"} 1'
    assert.is_truthy(s:request({ "GET", "/metrics" }).body:find(counted, 1, true))
    wait_for_span "GET /p/tracer/slow"
    local failed = wait_for_span "GET /p/tracer/"
    assert.equal(2, failed.status.code)
    assert.is_nil(by_name(collector:spans())["GET /p/tracer/plain"])
  end)

  it("have the reading and the keeping of events that no Lua sees", function()
    start "ratio = 0"
    local id, asset = ("ab"):rep(16), s:upload(pictures.gif(), s:token "upload").json.asset.id
    local traced = { traceparent = "00-" .. id .. "-00f067aa0ba902b7-01" }
    local reply = s:request { "POST", "/api/v1/events", headers = traced,
      json = { events = { { type = "view", asset_id = asset }, { type = "view", asset_id = "nobody" } } } }
    assert.equal(202, reply.status, reply.body)
    local root, keep = wait_for_span("POST /api/v1/events", id), wait_for_span("events.keep", id)
    local read, a = wait_for_span("events.read", id), attributes(root)
    assert.same({ "00f067aa0ba902b7", root.spanId, root.spanId },
      { root.parentSpanId, keep.parentSpanId, read.parentSpanId })
    assert.same({ "202", "1", "1" },
      { a["http.response.status_code"], a["gifd.events.accepted"], a["gifd.events.rejected"] })
    traced.traceparent = traced.traceparent:gsub("ab", "cd")
    assert.equal(404, s:request({ "POST", "/api/v1/events", headers = traced,
      json = { type = "view", asset_id = "nobody" } }).status)
    assert.equal("404", attributes(wait_for_span("POST /api/v1/events", ("cd"):rep(16)))["http.response.status_code"])
  end)

  it("follow an upload into the media process", function()
    start "ratio = 1"
    local reply = s:upload(pictures.gif(), s:token "upload,trusted")
    assert.equal(201, reply.status)
    local upload = wait_for_span "POST /api/v1/assets"
    assert.equal(upload.traceId, wait_for_span("job ladder").traceId)
    server.wait_until("media work and rows", function()
      local n = {}
      for _, span in ipairs(collector:spans()) do
        if span.traceId == upload.traceId then n[span.name:match "^gifd%.%l+" or ""] = true end
      end
      return n["gifd.media"] and n["gifd.db"]
    end)
    assert.equal(0, collector:count "wrong", collector:log())
  end)

  it("wait for a collector that is down, and are given up for one that refuses", function()
    start "ratio = 1"
    collector:set "down"
    s:request { "GET", "/p/tracer/plain" }
    server.wait_until("a try", function() return collector:count "refused" > 0 end)
    collector:set ""
    wait_for_span "GET /p/tracer/plain"
    collector:set "refuse"
    s:request { "GET", "/p/tracer/slow" }
    server.wait_until("the loss", function() return s:errors():find("event=trace.export", 1, true) end)
    collector:set "partly"
    s:request { "GET", "/p/tracer/" }
    wait_for_span "GET /p/tracer/"
  end)

  it("harm nothing when the collector hangs, floods, talks nonsense or sends elsewhere", function()
    start "ratio = 1"
    for _, mode in ipairs { "hang", "huge", "garbage", "away" } do
      collector:set(mode)
      for _ = 1, 50 do assert.equal(200, s:request({ "GET", "/p/tracer/plain" }).status) end
    end
  end)

  it("are told live to who follows, and counted on the dashboard", function()
    start "ratio = 0"
    local out = dir .. "/tail"
    os.execute(("timeout 30 %s trace tail --data %s --route /tracer/slow > %s 2> %s.err &"):format(server.binary,
      s.data, out, out))
    server.wait_until("a line", function()
      s:request { "GET", "/p/tracer/plain" }
      s:request { "GET", "/p/tracer/slow" }
      return (server.read_file(out) or ""):find("GET /p/tracer/slow", 1, true)
    end)
    assert.matches("^%d%d:%d%d:%d%d  %d%d%d%.%d ms  GET /p/tracer/slow 200  /p/tracer/slow  %(%x+%)\n",
      server.read_file(out))
    assert.is_nil(server.read_file(out):find("plain", 1, true))
    assert.equal(401, s:request({ "GET", "/api/v1/admin/dashboard" }).status)
    local shown
    server.wait_until("the count", function()
      shown = s:request({ "GET", "/api/v1/admin/dashboard", token = s:token "admin" }).json
      return shown.traces.total > 0
    end)
    assert.equal("gifd", shown.service)
    assert.is_true(shown.logs.total > 0 and shown.logs.by_level.info > 0)
    assert.is_table(shown.metrics.counters)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT.*Z$", shown.timestamp)
    assert.is_string(cjson.encode(shown))
    for name, h in pairs(shown.metrics.histograms) do
      assert.is_true(h.p50 <= h.p95 and h.p95 <= h.p99, name)
      assert.equal(h.count > 1000 and 0.125 or 0, h.error_bound, name)
      if h.count == 1 then assert.same({ h.sum, h.sum }, { h.p50, h.p99 }, name) end
    end
  end)
end)
