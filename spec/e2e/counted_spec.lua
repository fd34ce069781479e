--- Every answer is counted, whoever gave it: a route, a limit, the cache, or the reader of heads that are none.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local exposition = require "exposition"
local h2 = require "h2"
local pictures = require "pictures"
local server = require "server"
local socket = require "socket"

local REQUESTS, SECONDS = "gifd_http_requests_total", "gifd_http_request_duration_seconds_count"

describe("an answer is counted", function()
  local s, admin, port
  setup(function()
    s = server.start { workers = 2, config = [[return { limits = {
      ["GET /healthz"] = { strategy = "fixed_window", rate = 2, per = "1h", by = { "ip" } } } }]] }
    admin = s:token "admin"
    port = tonumber(s.url:match(":(%d+)$"))
  end)
  teardown(function() s:stop() end)

  local function numbers()
    return (exposition.read(s:request({ "GET", "/metrics" }).body, "prometheus"))
  end

  --- By status -> how many of them there are more; and how many durations more, in all
  local function grown(before, now)
    local by_status, timed, all = {}, 0, 0
    for key, value in pairs(now) do
      local more = value - (before[key] or 0)
      local name = key:match("^[%w_]+")
      if name == REQUESTS and more > 0 then
        local status = key:match('status="(%w+)"')
        by_status[status] = (by_status[status] or 0) + more
        all = all + more
      end
      if name == SECONDS then timed = timed + more end
    end
    return by_status, all, timed
  end

  local function series(method, route, status)
    return ('%s{method="%s",route="%s",status="%s"}'):format(REQUESTS, method, route, status)
  end

  --- Bytes as they are -> the status of what comes back
  local function raw(bytes)
    local c = assert(socket.connect("127.0.0.1", port))
    c:settimeout(20)
    c:send(bytes)
    local line = c:receive "*l"
    c:close()
    return tonumber(line and line:match("^HTTP/1.1 (%d+)"))
  end

  it("by its route and status, or without a route", function()
    local got, before = {}, numbers()
    local function saw(status)
      assert.is_number(status)
      got[tostring(status)] = (got[tostring(status)] or 0) + 1
    end
    for _ = 1, 5 do saw(s:request({ "GET", "/healthz" }).status) end
    saw(s:request({ "GET", "/nothing/here" }).status)
    saw(s:request({ "DELETE", "/healthz" }).status)
    saw(raw "NO HTTP\r\n\r\n")
    saw(raw("GET /" .. ("x"):rep(9000) .. " HTTP/1.1\r\nHost: x\r\n\r\n"))
    saw(raw("GET / HTTP/1.1\r\nHost: x\r\nBig: " .. ("x"):rep(33000) .. "\r\n\r\n"))
    saw(raw "GET / HTTP/3.7\r\nHost: x\r\n\r\n")
    saw(s:request({ "POST", "/api/v1/events", token = admin, body = "{", headers = {
      ["Content-Type"] = "application/json" } }).status)
    saw(raw("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"))
    local c = h2.connect(port)
    c:send(h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 1, h2.get "/nothing"))
    assert.is_truthy(c:await(h2.HEADERS, 1))
    saw(404)
    c:close()
    assert.same({ ["200"] = 2, ["429"] = 3, ["404"] = 2, ["405"] = 1, ["400"] = 2, ["414"] = 1, ["431"] = 1,
      ["505"] = 1, ["413"] = 1 }, got)
    saw(200) -- what told the first numbers was not counted in them
    local now = numbers()
    local by_status, all, timed = grown(before, now)
    assert.same(got, by_status)
    assert.equal(all, timed)
    local function more(key) return (now[key] or 0) - (before[key] or 0) end
    assert.equal(2, more(series("GET", "/healthz", 200)))
    assert.equal(3, more(series("GET", "/healthz", 429)))
    assert.equal(2, more(series("", "", 404)))
    assert.equal(1, more(series("", "", 400)))
    assert.equal(1, more(series("POST", "/api/v1/events", 400)))
    assert.equal(1, more(series("POST", "/api/v1/events", 413)))
  end)

  it("by what a condition or a range made of it, and as hit, miss or neither", function()
    local made = s:upload(pictures.gif(), admin, "title=Kept", { prefer = "wait=10" }).json
    local path, etag = "/s/" .. made.share.code, nil
    server.wait_until("a page", function()
      local reply = s:request { "GET", path }
      etag = reply.headers.etag
      return reply.status == 200 and etag
    end)
    local route = 'method="GET",route="/s/{code}"'
    local before = numbers()
    for _ = 1, 4 do
      assert.equal(304, s:request({ "GET", path, headers = { ["If-None-Match"] = etag } }).status)
    end
    local now = numbers()
    local key = ('%s{%s,status="304"}'):format(REQUESTS, route)
    assert.equal(4, (now[key] or 0) - (before[key] or 0))
    local seen = {}
    for _, cache in ipairs { "hit", "miss", "none" } do
      key = ('%s{cache="%s",%s,status="3xx"}'):format(SECONDS, cache, route)
      seen[cache] = (now[key] or 0) - (before[key] or 0)
    end
    assert.equal(4, seen.hit + seen.miss)
    assert.is_true(seen.hit >= 2) -- each process keeps replies of its own
  end)

  it("and so is who left before it, and a stream that gets none", function()
    local before = numbers()
    local c = assert(socket.connect("127.0.0.1", port))
    c:send("POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    local stream = h2.connect(port)
    stream:send(h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 1, h2.get("/", { { "connection", "close" } })))
    assert.equal(1, h2.code(stream:await(h2.RST_STREAM, 1)))
    c:close()
    stream:close()
    server.wait_until("both to be counted", function()
      local now = numbers()
      return now.gifd_http_requests_left_total > before.gifd_http_requests_left_total
        and now.gifd_http_streams_reset_total > before.gifd_http_streams_reset_total
    end)
  end)
end)
