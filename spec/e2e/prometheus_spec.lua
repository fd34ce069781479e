-- GET /metrics: what is counted, in a form that Prometheus takes.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local exposition = require "exposition"
local pictures = require "pictures"
local server = require "server"
local stand = require "stand"

local function read(reply, form)
  assert.equal(200, reply.status, reply.body)
  return exposition.read(reply.body, form or "prometheus")
end

describe("/metrics", function()
  local s, admin
  setup(function()
    s = server.start { workers = 2 }
    admin = s:token "admin"
    s:upload(pictures.gif(), admin)
    for _ = 1, 5 do s:request { "GET", "/healthz" } end
    s:request { "GET", "/api/v1/shares/nosuchone" }
  end)
  teardown(function() s:stop() end)

  it("counts requests by route and status, and how long they took", function()
    local reply = s:request { "GET", "/metrics" }
    assert.matches("^text/plain; version=0.0.4", reply.headers["content-type"])
    local values, families = read(reply)
    assert.equal(5, values['gifd_http_requests_total{method="GET",route="/healthz",status="200"}'])
    assert.equal(1, values['gifd_http_requests_total{method="GET",route="/api/v1/shares/{code}",status="404"}'])
    assert.equal("histogram", families.gifd_http_request_duration_seconds.type)
    local labels = 'cache="none",method="GET",route="/healthz",status="2xx"'
    assert.equal(5, values["gifd_http_request_duration_seconds_count{" .. labels .. "}"])
    assert.equal(5, values["gifd_http_request_duration_seconds_bucket{" .. labels .. ',le="+Inf"}'])
    assert.is_true(values["gifd_http_request_duration_seconds_sum{" .. labels .. "}"] > 0)
    assert.equal(1, values['gifd_build_info{version="' .. s:request({ "GET", "/readyz" }).json.version .. '"}'])
    assert.is_true(values["gifd_disk_free_bytes"] > 0)
    server.wait_until("processes to say how they are", function()
      values = read(s:request { "GET", "/metrics" })
      return values['gifd_process_resident_memory_bytes{process="worker-2"}'] ~= nil
        and values['gifd_connections{process="worker-1"}'] ~= nil
    end)
  end)

  it("speaks OpenMetrics to who asks for it", function()
    local reply = s:request { "GET", "/metrics", headers = { Accept = "application/openmetrics-text; version=1.0.0" } }
    assert.matches("^application/openmetrics%-text", reply.headers["content-type"])
    assert.matches("# EOF\n$", reply.body)
    assert.matches("\n# TYPE gifd_http_requests counter\n", reply.body)
    local values, families = read(reply, "openmetrics")
    assert.equal("seconds", families.gifd_loop_lag_seconds.unit)
    assert.is_true(values['gifd_http_requests_total{method="GET",route="/healthz",status="200"}'] >= 5)
  end)

  it("answers in the form that is liked better", function()
    local function type_for(accept)
      return s:request({ "GET", "/metrics", headers = { Accept = accept } }).headers["content-type"]:match("^[%w/-]+")
    end
    local open, text = "application/openmetrics-text", "text/plain"
    assert.equal(open, type_for "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
    assert.equal(text, type_for "application/openmetrics-text;version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.3")
    assert.equal(text, type_for "application/openmetrics-text;version=2.0.0, */*;q=0.1")
    assert.equal(text, type_for "text/html")
  end)

  it("counts bytes, writes, media work, limits and events", function()
    local before = read(s:request { "GET", "/metrics" })
    local id = s:upload(pictures.gif(), admin).json.asset.id
    local told = s:request { "POST", "/api/v1/events", token = admin, json = { events = {
      { type = "view", asset_id = id }, { type = "view", asset_id = "nobody" }, { type = "glance", asset_id = id } } } }
    assert.equal(202, told.status, told.body)
    server.wait_until("numbers to grow", function()
      local now = read(s:request { "GET", "/metrics" })
      local function grew(key, by) return (now[key] or 0) - (before[key] or 0) >= (by or 1) end
      return grew 'gifd_events_accepted_total' and grew 'gifd_events_rejected_total{why="not_found"}'
        and grew 'gifd_events_rejected_total{why="invalid"}' and grew "gifd_events_folded_total"
        and grew 'gifd_db_writes_total{database="catalogue"}' and grew 'gifd_db_commits_total{database="catalogue"}'
        and grew 'gifd_db_transaction_seconds_count{database="catalogue"}'
        and grew 'gifd_db_read_seconds_count{database="catalogue"}'
        and grew 'gifd_db_wait_seconds_count{database="catalogue"}'
        and grew("gifd_http_received_bytes_total", 1000) and grew("gifd_http_sent_bytes_total", 1000)
        and grew("gifd_rollup_timestamp_seconds", 0.5)
        and now['gifd_media_asks_total{op="probe",outcome="ok"}'] and now['gifd_media_seconds_count{op="probe"}']
        and now.gifd_media_places >= 1 and now.gifd_jobs_delayed and now["gifd_rollup_behind"] == 0
    end)
  end)

  it("shows the same buckets whatever was observed, so that rates of them are right", function()
    local function bounds(text)
      local out = {}
      for le in text:gmatch('gifd_loop_lag_seconds_bucket{process="worker%-1",le="([^"]+)"}') do out[#out + 1] = le end
      return table.concat(out, " ")
    end
    local first = bounds(s:request({ "GET", "/metrics" }).body)
    assert.matches("^1.52587890625e%-05 .* 1 1.5 2 3 4 .* 64 %+Inf$", first)
    for _ = 1, 50 do s:request { "GET", "/readyz" } end
    assert.equal(first, bounds(s:request({ "GET", "/metrics" }).body))
  end)

  it("is for this machine, and else for the scope metrics", function()
    local function ask(token)
      return s:request({ "GET", "/metrics", token = token, headers = { ["X-Forwarded-For"] = "192.0.2.1" } }).status
    end
    assert.equal(401, ask())
    assert.equal(403, ask(s:token "read"))
    assert.equal(200, ask(s:token "metrics"))
    assert.equal(200, ask(admin))
  end)

  it("is what promtool takes, and so are the rules", function()
    if os.execute("command -v promtool > /dev/null 2>&1") ~= 0 then return end -- the reader above is as strict
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(s:request({ "GET", "/metrics" }).body)
    file:close()
    local pipe = io.popen("promtool check metrics < " .. path .. " 2>&1; echo $?")
    local said = pipe:read("*a")
    pipe:close()
    os.remove(path)
    assert.equal("0\n", said)
    assert.equal(0, os.execute("promtool check rules docs/prometheus/*.yml > /dev/null 2>&1"))
  end)
end)

describe("numbers of what is refused and of whom others were asked for", function()
  local s, there
  setup(function()
    there = stand.start()
    s = server.start { config = [[return { fetch = { allow = { "127.0.0.0/8" } }, limits = {
      ["GET /healthz"] = { strategy = "fixed_window", rate = 2, per = "1h", by = { "ip" } } } }]] }
  end)
  teardown(function()
    s:stop()
    there:stop()
  end)

  it("say what was counted when a limit refused", function()
    local statuses = {}
    for i = 1, 5 do statuses[i] = s:request({ "GET", "/healthz" }).status end
    assert.same({ 200, 200, 429, 429, 429 }, statuses)
    assert.equal(3, read(s:request { "GET", "/metrics" })['gifd_limit_refusals_total{by="ip"}'])
  end)

  it("name other servers, as many as there is room for, and then others", function()
    local script = s.dir .. "/ask.lua"
    server.put(script, ([[
      gifd.fetch { url = "%s/hello" }
      gifd.fetch { url = "%s/nothing" }
      for i = 2, 91 do gifd.fetch { url = "http://127.0.0." .. i .. ":1/" } end
      local n, others = 0, 0
      for _, one in ipairs(gifd.metric.list "gifd_upstream_") do
        n = n + 1
        if one.labels.host == "127.0.0.1" then
          print(one.name, one.labels.outcome or "", one.labels.outcome and one.value or one.value > 0)
        end
        if one.labels.host == "other" and one.labels.outcome then others = others + one.value end
      end
      print("bounded", n <= 72, "the rest", others > 40)]]):format(there.url, there.url))
    local code, out, err = server.command("lua", "--config", s.config, script)
    assert.equal(0, code, err)
    assert.equal(table.concat({ "gifd_upstream_requests_total\t2xx\t1", "gifd_upstream_microseconds_total\t\ttrue",
      "gifd_upstream_requests_total\t4xx\t1", "bounded\ttrue\tthe rest\ttrue", "" }, "\n"), out)
  end)
end)
