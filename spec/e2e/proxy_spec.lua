-- Who the client is: the connection's peer, whom a trusted proxy names, or what a PROXY header says.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"
local socket = require "socket"

local config = [[
return {
  listen = { "127.0.0.1:0", { address = "127.0.0.1:0", proxy_protocol = true } },
  trusted_proxies = { "127.0.0.2", "10.0.0.0/8" },
  plugins = { whoami = true },
  http = { head_timeout = 1 },
}]]

describe("behind a proxy", function()
  local s
  setup(function()
    s = server.start { config = config, plugins = { "spec/support/plugins" }, as_configured = true }
  end)
  teardown(function() s:stop() end)

  --- Everything that comes back on a connection from `from` to the index-th address after sending the bytes.
  local function talk(from, index, bytes)
    local c = assert(socket.tcp())
    assert(c:bind(from, 0))
    c:settimeout(5)
    assert(c:connect("127.0.0.1", tonumber(s.urls[index]:match(":(%d+)$"))))
    c:send(bytes)
    local reply, why, rest = c:receive("*a")
    c:close()
    return reply or rest or "", why
  end

  local function get(fields)
    return "GET /p/whoami/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" .. (fields or "") .. "\r\n"
  end

  local function client(...) return (talk(...):match("^HTTP/1%.1 200.-\r\n\r\n(.*)$")) end

  it("shows numbers to this machine, whoever a header or a PROXY header says that it is", function()
    local function status(from, index, head, fields)
      local bytes = (head or "") .. get(fields):gsub("/p/whoami/", "/metrics")
      return tonumber(talk(from, index, bytes):match("^HTTP/1%.1 (%d+)"))
    end
    assert.equal(200, status("127.0.0.1", 1))
    assert.equal(401, status("127.0.0.2", 1, nil, "X-Forwarded-For: 127.0.0.1\r\n"))
    assert.equal(401, status("127.0.0.1", 1, nil, "Forwarded: for=127.0.0.1\r\n"))
    assert.equal(401, status("127.0.0.2", 2, "PROXY TCP4 127.0.0.1 127.0.0.1 4000 80\r\n"))
    assert.equal(401, status("127.0.0.2", 2, "PROXY TCP4 192.0.2.9 127.0.0.1 4000 80\r\n"))
  end)

  it("believes a trusted peer and nobody else", function()
    local fields = "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n"
    assert.equal("203.0.113.9", client("127.0.0.2", 1, get(fields)))
    assert.equal("127.0.0.3", client("127.0.0.3", 1, get(fields)))
    assert.equal("2001:db8::5", client("127.0.0.2", 1, get 'Forwarded: for=6.6.6.6, for="[2001:db8::5]:80"\r\n'))
    assert.equal("127.0.0.3", client("127.0.0.3", 1, get "Forwarded: for=6.6.6.6\r\n"))
    assert.equal("127.0.0.2", client("127.0.0.2", 1, get()))
  end)

  it("believes of two kinds of fields only what both say", function()
    local own = "X-Forwarded-For: 203.0.113.9\r\n"
    assert.equal("127.0.0.2", client("127.0.0.2", 1, get(own .. "Forwarded: for=6.6.6.6\r\n")))
    assert.equal("203.0.113.9", client("127.0.0.2", 1, get(own .. "Forwarded: for=203.0.113.9\r\n")))
  end)

  it("keeps apart what it says to clients of different schemes", function()
    local reply = s:upload(pictures.gif { width = 8, height = 8 }, s:token "admin")
    local path = "/s/" .. reply.json.share.code
    local function canonical(from, fields)
      local page = talk(from, 1, ("GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n"):format(path,
        fields or ""))
      return page:match('rel="canonical" href="(https?://[^/]+)')
    end
    local proxied = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: 127.0.0.1\r\n"
    for _ = 1, 4 do
      assert.is_truthy(canonical("127.0.0.3"):find("^http://"))
      assert.equal("https://127.0.0.1", canonical("127.0.0.2", proxied))
      assert.is_truthy(canonical("127.0.0.3", proxied):find("^http://"))
    end
  end)

  it("makes links with the scheme and host that the proxy was asked for", function()
    local gif = pictures.gif { width = 8, height = 8 }
    local function upload(from)
      return talk(from, 1, table.concat { "POST /api/v1/assets HTTP/1.1\r\nHost: inner\r\nConnection: close\r\n",
        "Content-Type: image/gif\r\nAuthorization: Bearer ", s:token "admin", "\r\nContent-Length: ", #gif,
        "\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: g.example\r\n\r\n", gif })
    end
    assert.matches('"https://g%.example/s/%w+"', (upload("127.0.0.2"):gsub("\\/", "/")))
    assert.is_nil(upload("127.0.0.3"):find("g.example", 1, true))
  end)

  it("takes the client from a PROXY header of either version", function()
    assert.equal("203.0.113.9", client("127.0.0.2", 2, "PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\n" .. get()))
    assert.equal("2001:db8::9", client("127.0.0.2", 2, "PROXY TCP6 2001:db8::9 ::1 51234 80\r\n" .. get()))
    local v2 = "\r\n\r\n\0\r\nQUIT\n"
    assert.equal("203.0.113.9",
      client("127.0.0.2", 2, v2 .. "\33\17\0\12\203\0\113\9\10\0\0\1\200\34\0\80" .. get()))
    assert.equal("127.0.0.2", client("127.0.0.2", 2, v2 .. "\32\0\0\0" .. get()))
    assert.equal("198.51.100.7", client("127.0.0.2", 2,
      "PROXY TCP4 10.0.0.9 10.0.0.1 51234 80\r\n" .. get "X-Forwarded-For: 198.51.100.7\r\n"))
  end)

  it("closes without an answer what does not begin with one, or comes from a stranger", function()
    assert.equal("", (talk("127.0.0.2", 2, get())))
    assert.equal("", (talk("127.0.0.2", 2, "PROXY TCP9 1.2.3.4 5.6.7.8 1 2\r\n" .. get())))
    assert.equal("", (talk("127.0.0.3", 2, "PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\n" .. get())))
    local begun = socket.gettime()
    local reply, why = talk("127.0.0.2", 2, "PROXY TCP4 203.0")
    assert.same({ "", true }, { reply, why ~= "timeout" })
    assert.is_true(socket.gettime() - begun < 4)
    assert.matches("^HTTP/1%.1 400", (talk("127.0.0.2", 1, "PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\n" .. get())))
  end)
end)

describe("an address that has its part of the connections", function()
  it("loses its own oldest idle one, and others lose nothing", function()
    local s = server.start { config = "return { http = { connections_per_address = 3 } }" }
    local port = tonumber(s.url:match(":(%d+)$"))
    local function connect(from)
      local c = assert(socket.tcp())
      assert(c:bind(from, 0))
      c:settimeout(5)
      assert(c:connect("127.0.0.1", port))
      return c
    end
    local function ask(c)
      c:send "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
      local status, why = c:receive "*l"
      local length = 0
      for line in function() return status and c:receive "*l" end do
        length = tonumber(line:match("^[Cc]ontent%-[Ll]ength: (%d+)")) or length
        if line == "" then break end
      end
      if status then c:receive(length) end
      return status, why
    end
    local other, mine = connect "127.0.0.9", {}
    assert.matches("200", ask(other))
    for i = 1, 5 do
      mine[i] = connect "127.0.0.8"
      assert.matches("200", ask(mine[i]))
    end
    for i = 1, 2 do assert.is_nil(ask(mine[i])) end
    for i = 3, 5 do assert.matches("200", ask(mine[i])) end
    assert.matches("200", ask(other))
    s:stop()
  end)
end)
