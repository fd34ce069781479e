-- GET /metrics: what is counted, in a form that Prometheus takes.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

--- Reads the text strictly -> { [name{labels}] = value }, { [family] = type }; fails with the line that is wrong.
local function read(text)
  local values, types, helped, family = {}, {}, {}, nil
  for line in text:gmatch("([^\n]*)\n") do
    local what, name, rest = line:match("^# (%u+) ([%w_:]+) (.+)$")
    if what == "HELP" then
      assert(not helped[name], "helped twice: " .. line)
      helped[name] = true
    elseif what == "TYPE" then
      assert(helped[name] and not types[name], "a type without its help, or twice: " .. line)
      types[name], family = rest, name
    elseif line ~= "# EOF" then
      local key, labels, value = line:match("^([%a_:][%w_:]*)(%b{}) (%S+)$")
      if not key then key, value = line:match("^([%a_:][%w_:]*) (%S+)$") end
      assert(key and tonumber(value) or value == "+Inf" or value == "NaN", "no sample: " .. line)
      assert(key:sub(1, #family) == family, "outside of its family: " .. line)
      for label in (labels or "{}"):sub(2, -2):gmatch("[^,]+=") do
        assert(label:match("^[%a_\"]"), "no label: " .. line)
      end
      assert(values[key .. (labels or "")] == nil, "a sample twice: " .. line)
      values[key .. (labels or "")] = tonumber(value)
    end
  end
  return values, types
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
    assert.equal(200, reply.status, reply.body)
    assert.matches("^text/plain; version=0.0.4", reply.headers["content-type"])
    local values, types = read(reply.body)
    assert.equal(5, values['gifd_http_requests_total{method="GET",route="/healthz",status="200"}'])
    assert.equal(1, values['gifd_http_requests_total{method="GET",route="/api/v1/shares/{code}",status="404"}'])
    assert.equal("histogram", types.gifd_http_request_duration_seconds)
    local labels = 'cache="none",method="GET",route="/healthz"'
    assert.equal(5, values["gifd_http_request_duration_seconds_count{" .. labels .. "}"])
    assert.equal(5, values["gifd_http_request_duration_seconds_bucket{" .. labels .. ',le="+Inf"}'])
    assert.is_true(values["gifd_http_request_duration_seconds_sum{" .. labels .. "}"] > 0)
    assert.equal(1, values['gifd_build_info{version="' .. s:request({ "GET", "/readyz" }).json.version .. '"}'])
    assert.is_true(values["gifd_disk_free_bytes"] > 0)
    server.wait_until("processes to say how they are", function()
      values = read(s:request({ "GET", "/metrics" }).body)
      return values['gifd_process_resident_memory_bytes{process="worker-2"}'] ~= nil
        and values['gifd_connections{process="worker-1"}'] ~= nil
    end)
  end)

  it("speaks OpenMetrics to who asks for it", function()
    local reply = s:request { "GET", "/metrics", headers = { Accept = "application/openmetrics-text; version=1.0.0" } }
    assert.matches("^application/openmetrics%-text", reply.headers["content-type"])
    assert.matches("# EOF\n$", reply.body)
    assert.matches("\n# TYPE gifd_http_requests counter\n", reply.body)
    read(reply.body)
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

  it("is what promtool takes", function()
    if os.execute("command -v promtool > /dev/null 2>&1") ~= 0 then pending("promtool is not installed") return end
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(s:request({ "GET", "/metrics" }).body)
    file:close()
    local pipe = io.popen("promtool check metrics < " .. path .. " 2>&1; echo $?")
    local said = pipe:read("*a")
    pipe:close()
    os.remove(path)
    assert.equal("0\n", said)
  end)
end)
