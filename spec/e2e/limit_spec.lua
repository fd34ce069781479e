-- Rate limits over the real program: exact whatever processes do, charged together, told in full.
local cjson = require "cjson"
local posix = require "posix"
local unistd = require "posix.unistd"
local server = require "spec.support.server"
local socket = require "socket"

local function config(limits, more) return ("return { limits = { %s }, %s }"):format(limits, more or "") end

local function limits(s, ...) return server.command("limits", "--data", s.data, ...) end

--- What `gifd limits show KEY` says of one route and kind.
local function standing(s, key, route, by)
  local code, out, err = server.command("limits", "show", key, "--json", "--data", s.data)
  assert.equal(0, code, err)
  for _, row in ipairs(cjson.decode(out).limits) do
    if row.route == route and row.by == by then return row end
  end
end

--- Processes that ask at once; each writes one byte for each 200 it saw -> join() -> how many there were
local function crowd(s, clients, each)
  local pids, path = {}, s.dir .. "/admitted"
  assert(io.open(path, "wb")):close()
  io.stdout:flush()
  for i = 1, clients do
    pids[i] = assert(posix.fork())
    if pids[i] == 0 then
      pcall(function()
        local seen = assert(io.open(path, "ab"))
        seen:setvbuf("no")
        for _ = 1, each do
          if s:request({ "GET", "/healthz" }).status == 200 then seen:write("x") end
        end
      end)
      unistd._exit(0)
    end
  end
  return function()
    for _, pid in ipairs(pids) do posix.wait(pid) end
    return #server.read_file(path)
  end
end

describe("a limit", function()
  local s
  local quota, clients = 300, 4
  local limit = ('["GET /healthz"] = { strategy = "fixed_window", rate = %d, per = "1h", by = { "ip" } }'):format(quota)

  before_each(function()
    s = server.start { workers = 2, config = config(limit) }
  end)
  after_each(function() s:stop() end)

  it("admits exactly its rate to all who ask at once, in all processes together", function()
    assert.equal(quota, crowd(s, clients, 150)())
    assert.equal(0, standing(s, "ip:127.0.0.1", "GET /healthz", "ip").remaining)
  end)

  it("never admits more through kills of workers and reloads, and loses only what a killed one had charged", function()
    local join, kills = crowd(s, clients, 200), 0
    for i = 1, 6 do
      local f = assert(io.open(s.config, "wb"))
      f:write(config(limit, ('site = { name = "reload %d" }'):format(i)))
      f:close()
      posix.kill(s.pid, posix.SIGHUP)
      local workers = s:children "gifd%-worker"
      if workers[1] then
        posix.kill(workers[1 + kills % #workers], posix.SIGKILL)
        kills = kills + 1
      end
      socket.sleep(0.05)
    end
    assert.is_true(kills > 2)
    local admitted = join()
    server.wait_until("workers", function() return #s:children "gifd%-worker" == 2 end)
    for _ = 1, quota do -- what connections that were cut have left
      if s:request({ "GET", "/healthz" }).status ~= 200 then break end
      admitted = admitted + 1
    end
    assert.is_true(admitted <= quota, admitted .. " were admitted")
    assert.is_true(admitted >= quota - kills * clients, admitted .. " were admitted")
    posix.kill(s.pid, posix.SIGHUP)
    server.wait_until("the last configuration", function()
      return s:request({ "GET", "/" }).body:find("reload 6", 1, true)
    end)
    assert.equal(429, s:request({ "GET", "/healthz" }).status)
  end)

  it("is still used up after the whole server was killed and started again", function()
    crowd(s, clients, 100)()
    assert.equal(429, s:request({ "GET", "/healthz" }).status)
    s:kill()
    s:begin()
    assert.equal(429, s:request({ "GET", "/healthz" }).status)
  end)

  it("is shown and reset by the command line, beside the running server", function()
    for _ = 1, 7 do s:request { "GET", "/healthz" } end
    assert.equal(quota - 7, standing(s, "ip:127.0.0.1", "GET /healthz", "ip").remaining)
    assert.equal(0, (limits(s, "reset", "ip:127.0.0.1")))
    assert.equal(quota, standing(s, "ip:127.0.0.1", "GET /healthz", "ip").remaining)
    local code, out = limits(s, "show")
    assert.equal(0, code)
    assert.matches("GET /healthz\tby ip\tfixed_window\t300 per 1h, 300 at once", out, 1, true)
    assert.equal(4, (limits(s, "show", "user:anna")))
    for _, wrong in ipairs { "anna", "ip:nowhere", "colour:red" } do
      assert.equal(2, (limits(s, "show", wrong)), wrong)
      assert.equal(2, (limits(s, "reset", wrong)), wrong)
    end
  end)
end)

describe("limits by address and user", function()
  local s, anna, bert, route
  setup(function()
    route = "POST /api/v1/shares"
    s = server.start { workers = 2, config = config(
      '["POST /api/v1/shares"] = { strategy = "fixed_window", rate = 3, per = "1h", by = { "ip", "user" } }') }
    anna, bert = s:token("upload", "anna"), s:token("upload", "bert")
  end)
  teardown(function() s:stop() end)
  before_each(function() limits(s, "reset", "--all") end)

  local function share(token)
    return s:request { "POST", "/api/v1/shares", token = token, json = { asset_id = "0123456789abcdef" } }
  end
  local function left(key, by) return standing(s, key, route, by).remaining end

  it("are charged together, or not at all", function()
    for _ = 1, 3 do assert.equal(404, share(anna).status) end
    assert.equal(0, left("ip:127.0.0.1", "ip"))
    assert.equal(0, (limits(s, "reset", "ip:127.0.0.1")))
    for _ = 1, 5 do -- her user has nothing left, so the address pays nothing
      local reply = share(anna)
      assert.equal(429, reply.status)
      assert.equal("rate_limited", reply.json.code)
      assert.is_truthy(reply.headers["retry-after"])
    end
    assert.equal(3, left("ip:127.0.0.1", "ip"))
    for _ = 1, 3 do assert.equal(404, share(bert).status) end
    assert.equal(0, left("user:bert", "user"))
    assert.equal(0, (limits(s, "reset", "user:anna")))
    for _ = 1, 5 do assert.equal(429, share(anna).status) end -- the address has nothing left, so she pays nothing
    assert.equal(3, left("user:anna", "user"))
  end)

  it("charge the address of whoever cannot say who he is", function()
    for _ = 1, 3 do assert.equal(401, share("gifd_" .. ("x"):rep(43)).status) end
    assert.equal(429, share("gifd_" .. ("y"):rep(43)).status)
    assert.equal(429, share(nil).status)
    assert.equal(429, share(anna).status)
    assert.equal(3, left("user:anna", "user"))
  end)
end)

describe("several policies of one route", function()
  it("hold together: what one refuses is charged to none, and all are named", function()
    local s = server.start { config = config('["GET /readyz"] = { { strategy = "fixed_window", rate = 2, per = "1s", '
      .. 'by = { "ip" } }, { strategy = "fixed_window", rate = 5, per = "1h", by = { "ip" } } }') }
    local function ask() return s:request { "GET", "/readyz" } end
    local function left() -- of the second
      local code, out, err = server.command("limits", "show", "ip:127.0.0.1", "--json", "--data", s.data)
      assert.equal(0, code, err)
      for _, row in ipairs(cjson.decode(out).limits) do if row.name == "ip-2" then return row.remaining end end
    end
    assert.equal('"ip";q=2;w=1, "ip-2";q=5;w=3600', ask().headers["ratelimit-policy"])
    local admitted, refused = 1, 0
    server.wait_until("the hour's quota to be used up", function()
      local reply = ask()
      if reply.status == 200 then admitted = admitted + 1 else refused = refused + 1 end
      assert.equal(5 - admitted, left())
      return admitted == 5
    end)
    assert.is_true(refused > 0)
    socket.sleep(1.1) -- a second later the first allows again, the second does not
    local last = ask()
    assert.equal(429, last.status)
    assert.matches('^"ip";r=2;t=%d+, "ip%-2";r=0;t=%d+$', last.headers.ratelimit)
    assert.is_true(tonumber(last.headers["retry-after"]) > 3000)
    s:stop()
  end)
end)

describe("a refusal", function()
  local s
  before_each(function()
    s = server.start { config = config(
      '["GET /readyz"] = { strategy = "sliding_window", rate = 2, per = "90s", by = { "ip" } }') }
  end)
  after_each(function() s:stop() end)

  it("is a problem that says when to come back, and admitted replies say how much is left", function()
    local first = s:request { "GET", "/readyz" }
    assert.equal('"ip";q=2;w=90', first.headers["ratelimit-policy"])
    assert.matches('^"ip";r=1;t=%d+$', first.headers.ratelimit)
    assert.is_nil(first.headers["retry-after"])
    s:request { "HEAD", "/readyz" }
    local reply = s:request { "GET", "/readyz" }
    assert.equal(429, reply.status)
    assert.equal("application/problem+json", reply.headers["content-type"])
    assert.equal("no-store", reply.headers["cache-control"])
    assert.equal('"ip";q=2;w=90', reply.headers["ratelimit-policy"])
    assert.matches('^"ip";r=0;t=%d+$', reply.headers.ratelimit)
    local wait = tonumber(reply.headers["retry-after"])
    assert.is_true(wait >= 85 and wait <= 94, reply.headers["retry-after"])
    local problem = reply.json
    assert.same({ "rate_limited", 429, "Too Many Requests", "about:blank" },
      { problem.code, problem.status, problem.title, problem.type })
    assert.equal(reply.headers["request-id"], problem.request_id)
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    assert.is_nil(s:request({ "GET", "/healthz" }).headers.ratelimit)
  end)

  it("cannot be escaped by fields that any client can send", function()
    local spoofs = { { ["x-forwarded-for"] = "192.0.2.1" }, { forwarded = "for=192.0.2.2" },
      { ["x-real-ip"] = "192.0.2.3" }, { ["x-forwarded-for"] = "192.0.2.4, 127.0.0.1" } }
    for i, headers in ipairs(spoofs) do
      assert.equal(i <= 2 and 200 or 429, s:request({ "GET", "/readyz", headers = headers }).status)
    end
  end)
end)

describe("behind a trusted proxy, a limit by address", function()
  it("counts the clients that the proxy names, IPv6 by its /64", function()
    local s = server.start { config = config(
      '["GET /readyz"] = { strategy = "fixed_window", rate = 1, per = "1h", by = { "ip" } }',
      'trusted_proxies = { "127.0.0.0/8" }') }
    local function get(ip) return s:request({ "GET", "/readyz", headers = { ["x-forwarded-for"] = ip } }).status end
    assert.same({ 200, 429, 200, 429 }, { get "192.0.2.1", get "192.0.2.1", get "192.0.2.2", get "8.8.8.8, 192.0.2.2" })
    assert.same({ 200, 429, 200 }, { get "2001:db8::1", get "2001:db8::2", get "2001:db8:0:1::1" })
    assert.equal(0, standing(s, "ip:2001:db8::ffff", "GET /readyz", "ip").remaining)
    s:stop()
  end)
end)

describe("a plugin", function()
  it("has limiters of its own and limits of its routes", function()
    local s = server.start { workers = 2, plugins = { "spec/support/plugins" },
      config = "return { plugins = { gate = true } }" }
    local function take(query) return s:request({ "GET", "/p/gate/take?" .. query }).json end
    assert.same({ allowed = true, remaining = 2, never = false }, take "k=a")
    assert.same({ allowed = true, remaining = 0, never = false }, take "k=a&cost=2")
    assert.same({ allowed = false, remaining = 0, never = false }, take "k=a")
    assert.same({ allowed = true, remaining = 3, never = false }, take "k=b&peek=1")
    assert.same({ allowed = false, remaining = 3, never = true }, take "k=b&cost=4")
    assert.is_true(take("k=a&reset=1").reset)
    assert.is_true(take("k=a").allowed)
    local function door() return s:request({ "GET", "/p/gate/door" }).status end
    assert.same({ 200, 200, 429 }, { door(), door(), door() })
    s:stop()
  end)
end)

describe("limits in config.lua", function()
  local function check(text)
    local path = os.tmpname()
    local f = assert(io.open(path, "wb"))
    f:write("return {\n  limits = {\n" .. text .. "\n  },\n}\n")
    f:close()
    local code, out, err = server.command("check", "--config", path, "--root", ".")
    os.remove(path)
    return code, (out .. err):gsub(path:gsub("%p", "%%%0"), "FILE")
  end

  it("are refused with file, line and what is near", function()
    local cases = {
      { '["POST /api/v1/asset"] = { rate = 1, per = "1m", by = { "ip" } }', "POST /api/v1/assets?" },
      { '["GET /a/{key}"] = { rate = 1, per = "1m", by = { "ip" } }', "GET /a/{id}?" },
      { '["GET /p/nobody/x"] = { rate = 1, per = "1m", by = { "ip" } }', "there is no such route" },
      { '["assets"] = { rate = 1, per = "1m", by = { "ip" } }', "is not a route" },
      { '["GET /"] = { strategy = "leaky_bucket", rate = 1, per = "1m", by = { "ip" } }', "token_bucket?" },
      { '["GET /"] = { rate = 0, per = "1m", by = { "ip" } }', "at least 1" },
      { '["GET /"] = { rate = 1, per = "1 minute", by = { "ip" } }', "a length of time" },
      { '["GET /"] = { rate = 1, by = { "ip" } }', "is required" },
      { '["GET /"] = { rate = 1, per = "1m", by = { "addr" } }', "must be one of ip, user, token, route" },
      { '["GET /"] = { rate = 1, per = "1m", by = {} }', "at least 1 entries" },
      { '["GET /"] = { rate = 1, per = "1m", by = { "ip", "ip" } }', "each once" },
      { '["GET /"] = { rate = 1, per = "1m", by = { "ip" }, cost = 2 }', "more than can ever be had" },
      { '["GET /"] = { strategy = "fixed_window", rate = 1, per = "1m", by = { "ip" }, burst = 2 }', "burst" },
      { '["GET /"] = { rate = 1, per = "1m", by = { "ip" }, resolution = 2 }', "sliding_window" },
      { '["GET /"] = { rate = 1, per = "400d", by = { "ip" } }', "at most" },
      { '["GET /"] = { rate = 1, per = "1m", by = { "ip" }, brust = 2 }', "burst?" },
      { '["GET /"] = true', "false for none" },
      { '["GET /"] = {}', "at least 1 entries" },
      { '["GET /"] = { { rate = 1, per = "1m", by = { "ip" } }, false }', '["GET /"][2]: must be a table' },
      { '["GET /"] = { { rate = 1, per = "1m", by = { "ip" } }, { rate = 1, per = "1h", by = { "user", "user" } } }',
        '["GET /"][2]: by lists' },
      { '["GET /"] = { ' .. ('{ rate = 1, per = "1m", by = { "ip", "user", "route" } }, '):rep(3) .. "}",
        "at most 8 things together" },
    }
    for _, case in ipairs(cases) do
      local code, text = check("\n" .. case[1])
      assert.equal(3, code, case[1])
      assert.is_truthy(text:find("FILE:4: limits", 1, true), text)
      assert.is_truthy(text:find(case[2], 1, true), text)
    end
  end)

  it("of a list are refused with the line of the faulty one", function()
    local code, text = check('["GET /"] = {\n{ rate = 1, per = "1m", by = { "ip" } },\n{ rate = 1, per = "1h",\n'
      .. 'by = { "ip" }, brust = 2 } }')
    assert.equal(3, code)
    assert.is_truthy(text:find('FILE:6: limits["GET /"][2].brust: unknown key (did you mean burst?)', 1, true), text)
  end)

  it("are taken when they make sense, and false ends a default", function()
    local code, text = check('["GET /signin"] = false, ["GET /a/{id}"] = { strategy = "sliding_window", rate = 5, '
      .. 'per = 0.5, by = { "ip", "user", "token", "route" }, resolution = 4, cost = 5 }')
    assert.equal(0, code, text)
  end)

  it("are none but for guessing sign-in codes, when nothing is said", function()
    local s = server.start {}
    local _, out = limits(s, "show")
    assert.matches("^GET /signin\tby ip\tsliding_window\t60 per 1m, 60 at once\n"
      .. "POST /api/v1/plays\tby ip\ttoken_bucket\t120 per 1m, 120 at once\n%d+ of %d+ keys", out)
    s:stop()
  end)
end)
