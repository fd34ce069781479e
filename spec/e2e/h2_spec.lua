-- HTTP/2 as clients meet it: curl, nghttp, h2load; and as floods do, frame by frame.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local floods = require "floods"
local h2 = require "h2"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local output = server.output

local ENHANCE_YOUR_CALM = 11

describe("HTTP/2", function()
  local folder, s, port, secure, token

  setup(function()
    folder = assert(posix.mkdtemp("/tmp/gifd-h2-XXXXXX"))
    local crt, key = certificate.make(folder, "a", "localhost")
    s = server.start { more = { "--tls-listen", "127.0.0.1:0", "--tls-cert", crt, "--tls-key", key } }
    port = tonumber(s.url:match("(%d+)$"))
    secure = server.read_file(s.dir .. "/out"):match("ready (https://%S+)")
    token = s:token("admin")
  end)
  teardown(function()
    s:stop()
    os.execute("rm -rf " .. folder)
  end)

  local function curl(url, more) return output("curl -m 10 -sk -i %s %s", more or "--http2", url) end

  it("is chosen by ALPN, and by prior knowledge on a plain listener", function()
    assert.matches("^HTTP/2 200", curl(secure .. "/healthz"))
    assert.matches("^HTTP/1.1 200", curl(secure .. "/healthz", "--http1.1"))
    assert.matches("^HTTP/2 200", curl(s.url .. "/healthz", "--http2-prior-knowledge"))
    assert.matches("^HTTP/2 404", curl(s.url .. "/nowhere", "--http2-prior-knowledge"))
  end)

  it("takes uploads and gives them back: whole, in ranges, conditionally", function()
    local bytes = pictures.gif { width = 64, height = 48, frames = 6 }
    local file = folder .. "/in.gif"
    server.put(file, bytes)
    local auth = ("--http2 -H 'Authorization: Bearer %s'"):format(token)
    local made = curl(secure .. "/api/v1/assets", auth .. " --data-binary @" .. file)
    assert.matches("^HTTP/2 201", made)
    local url = secure .. (made:match("(/a/%x+)") or error(made))
    output("curl -m 10 -sk %s -o %s/out.gif %s", auth, folder, url)
    assert.equal(bytes, server.read_file(folder .. "/out.gif"))
    local part = curl(url, auth .. " -r 6-9")
    assert.matches("^HTTP/2 206", part)
    assert.equal(bytes:sub(7, 10), part:sub(-4))
    local etag = curl(url, auth .. " -I"):match("\r\netag: (%S+)")
    assert.matches("^HTTP/2 304", curl(url, auth .. (" -H 'If-None-Match: %s'"):format(etag)))
  end)

  it("shows its page in Chromium", function()
    local page = output("timeout 30 chromium --headless=new --no-sandbox --disable-gpu --ignore-certificate-errors "
      .. "--user-data-dir=%s/browser --dump-dom %s/", folder, secure)
    assert.matches("<title>gifd</title>", page)
  end)

  it("answers a refused upload before its end", function()
    server.put(folder .. "/large", ("x"):rep(4e6))
    assert.matches("HTTP/2 401", curl(secure .. "/api/v1/assets", "--http2 --data-binary @" .. folder .. "/large"))
  end)

  it("serves many streams of many connections", function()
    for _, url in ipairs { secure, s.url } do
      local text = output("timeout 20 h2load -n 2000 -c 8 -m 32 %s/healthz", url)
      assert.matches("2000 succeeded, 0 failed, 0 errored", text)
    end
  end)

  it("honours priorities and PRIORITY_UPDATE, and announces its limits", function()
    local c = h2.connect(port)
    local settings = c:await(h2.SETTINGS)
    assert.is_truthy(settings.payload:find("\0\3\0\0\0\100", 1, true))
    assert.is_truthy(settings.payload:find("\0\9\0\0\0\1", 1, true))
    c:send(h2.frame(16, 0, 0, h2.u32(1) .. "u=1") ..
      h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 1, h2.get("/healthz", { { "priority", "u=0, i" } })))
    assert.is_truthy(c:await(h2.HEADERS, 1))
    c:close()
  end)

  it("answers a head that is too large with 431 and goes on", function()
    local c = h2.connect(port)
    local fields = {}
    for i = 1, 300 do fields[i] = { "x-" .. i, ("v"):rep(20) } end
    c:send(h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 1, h2.get("/healthz", fields)))
    local f = c:await(h2.HEADERS, 1)
    assert.is_truthy(f)
    assert.is_truthy(f.payload:find("431", 1, true) or f.payload:byte(1))
    c:send(h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 3, h2.get("/healthz")))
    assert.is_truthy(c:await(h2.HEADERS, 3))
    c:close()
  end)

  local function resident()
    local worst = 0
    for pid in output("pgrep -P %d", s.pid):gmatch("%d+") do
      local status = server.read_file("/proc/" .. pid .. "/status") or ""
      worst = math.max(worst, tonumber(status:match("VmRSS:%s*(%d+)") or 0))
    end
    return worst
  end

  local function probe()
    local began = socket.gettime()
    local reply = s:request { "GET", "/healthz" }
    assert.equal(200, reply.status)
    return socket.gettime() - began
  end

  --- each(i) -> frames; the connection must be ended with ENHANCE_YOUR_CALM, and nobody else notice
  local function flood(name, each, codes)
    local before, c, slowest = resident(), h2.connect(port), 0
    for round = 0, 199 do
      local frames = {}
      for i = 1, 100 do frames[i] = each(round * 100 + i) end
      if not c:send(table.concat(frames)) then break end
      if round % 10 == 0 then slowest = math.max(slowest, probe()) end
    end
    local last = c:await(h2.GOAWAY)
    c:close()
    assert.is_true(slowest < 2, name .. ": a probe took " .. slowest .. " s")
    assert.is_true(probe() < 2)
    assert.is_true(resident() - before < 48 * 1024, name .. " grew by " .. resident() - before .. " KB")
    if last then
      assert.is_truthy((codes or { [ENHANCE_YOUR_CALM] = true })[h2.code(last)], name .. ": " .. h2.code(last))
    end
  end

  it("ends the connection of a flood, and no other waits for it", function()
    for name, each in pairs(floods.kinds) do
      flood(name, each, name == "header_table" and { [ENHANCE_YOUR_CALM] = true, [9] = true } or nil)
    end
  end)

  it("refuses streams beyond its limit, and serves those that are open", function()
    local c = h2.connect(port)
    for i = 1, 150 do c:send(floods.open(i, h2.END_HEADERS)) end
    assert.is_truthy(c:await(h2.RST_STREAM))
    c:close()
    assert.is_true(probe() < 2)
  end)

  it("closes a connection that dribbles a head", function()
    local slow = server.start { config = "return { http = { head_timeout = 1 } }" }
    local c = h2.connect(tonumber(slow.url:match("(%d+)$")))
    c:send(h2.frame(h2.HEADERS, h2.END_STREAM, 1, h2.get("/healthz")))
    assert.is_nil(c:await(h2.HEADERS, 1))
    c:close()
    slow:stop()
  end)

  it("lets requests finish when the server ends", function()
    local other = server.start {}
    local c = h2.connect(tonumber(other.url:match("(%d+)$")))
    c:send(floods.open(1))
    assert.is_truthy(c:await(h2.HEADERS, 1))
    posix.kill(other.pid, posix.SIGTERM)
    local last = c:await(h2.GOAWAY)
    assert.equal(0, h2.code(last))
    c:close()
    other:stop()
  end)

  it("tells a connection that is busy before it ends, and answers what was under way", function()
    local other = server.start {}
    local c = h2.connect(tonumber(other.url:match("(%d+)$")))
    local head = h2.head("POST", "/api/v1/assets", { { "content-length", "4" }, { "expect", "100-continue" },
      { "authorization", "Bearer " .. other:token "admin" } })
    c:send(h2.frame(h2.HEADERS, h2.END_HEADERS, 1, head))
    assert.is_truthy(c:await(h2.HEADERS, 1))
    posix.kill(other.pid, posix.SIGTERM)
    assert.equal("\127\255\255\255", c:await(h2.GOAWAY).payload:sub(1, 4))
    local ping = c:await(h2.PING)
    c:send(floods.open(2))
    assert.is_truthy(c:await(h2.HEADERS, 3))
    c:send(h2.frame(h2.PING, h2.ACK, 0, ping.payload) .. h2.frame(h2.DATA, h2.END_STREAM, 1, "1234"))
    assert.is_truthy(c:await(h2.HEADERS, 1))
    local last = c:await(h2.GOAWAY)
    assert.equal(h2.u32(3), last.payload:sub(1, 4))
    assert.is_nil(c:next())
    c:close()
    other:stop()
  end)
end)
