-- TLS as its clients meet it: curl, openssl s_client and bare sockets.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local output = server.output

describe("TLS", function()
  local folder, s, port, a, a_key, b, b_key, slow

  setup(function()
    folder = assert(posix.mkdtemp("/tmp/gifd-tls-XXXXXX"))
    a, a_key = certificate.make(folder, "a", "localhost")
    b, b_key = certificate.make(folder, "b", "b.example", 5)
    s = server.start { as_configured = true, workers = 2, config = ([[
return {
  listen = {
    "127.0.0.1:0",
    { address = "127.0.0.1:0", tls = { { cert = %q, key = %q }, { cert = %q, key = %q } }, hsts = "1h" },
    { address = "127.0.0.1:0", redirect = "https" },
  },
}]]):format(a, a_key, b, b_key) }
    port = server.read_file(s.dir .. "/out"):match("ready https://127%.0%.0%.1:(%d+)")
  end)
  teardown(function()
    s:stop()
    os.execute("rm -rf " .. folder)
  end)

  local function curl(host, cert, more)
    return output("curl -m 5 -s -i --cacert %s --resolve %s:%s:127.0.0.1 %s https://%s:%s/healthz", cert, host, port,
      more or "", host, port)
  end

  it("serves each name with its own certificate, and strangers with the first", function()
    assert.matches("200 OK", curl("localhost", a, "--http1.1"))
    assert.matches("200 OK", curl("b.example", b, "--http1.1"))
    assert.equal("", curl("b.example", a, "--http1.1"))
    assert.matches("CN = localhost", output("openssl s_client -connect 127.0.0.1:%s -servername who.example", port))
    assert.matches("CN = localhost", output("openssl s_client -connect 127.0.0.1:%s -noservername", port))
  end)

  it("says Strict-Transport-Security there and not on plain listeners", function()
    assert.matches("Strict%-Transport%-Security: max%-age=3600", curl("localhost", a, "--http1.1"))
    assert.is_nil(s:request { "GET", "/healthz" }.headers["strict-transport-security"])
  end)

  it("speaks 1.2 and 1.3 and nothing older", function()
    assert.matches("200 OK", curl("localhost", a, "--http1.1 --tls-max 1.2"))
    assert.matches("200 OK", curl("localhost", a, "--http1.1 --tlsv1.3"))
    local old = output("openssl s_client -connect 127.0.0.1:%s -tls1_1 -cipher DEFAULT@SECLEVEL=0", port)
    assert.matches("Cipher is %(NONE%)", old)
  end)

  --- TLS 1.3 gives a ticket after the handshake: it is waited for.
  local function keep_session(file, how)
    os.remove(file)
    server.wait_until("a session", function()
      output("sh -c 'sleep 0.3 | openssl s_client -connect 127.0.0.1:%s %s -sess_out %s'", port, how or "", file)
      return server.read_file(file)
    end, 20)
  end

  it("resumes a session in whichever worker", function()
    for _, version in ipairs { "-tls1_2", "-tls1_3" } do
      local file = folder .. "/session"
      keep_session(file, version)
      for _ = 1, 6 do
        local again = output("openssl s_client -connect 127.0.0.1:%s %s -sess_in %s", port, version, file)
        assert.matches("Reused", again)
      end
    end
  end)

  it("gives who resumes a ticket for the next time", function()
    local file = folder .. "/once"
    keep_session(file, "-tls1_3")
    keep_session(file .. "-again", "-tls1_3 -sess_in " .. file)
    local third = output("openssl s_client -connect 127.0.0.1:%s -sess_in %s-again", port, file)
    assert.matches("Reused", third)
  end)

  it("resumes a session after a worker was killed, and after the program was replaced", function()
    local file = folder .. "/kept"
    local function resumed()
      return output("openssl s_client -connect 127.0.0.1:%s -sess_in %s", port, file):find("Reused", 1, true)
    end
    keep_session(file)
    local first = s:children("gifd%-worker")
    for _, pid in ipairs(first) do posix.kill(pid, posix.SIGKILL) end
    server.wait_until("a session resumed by other workers", resumed, 20)
    posix.kill(s.pid, posix.SIGUSR2)
    server.wait_until("the replacement", function() return s:errors():find("replace.done", 1, true) end, 30)
    assert.is_truthy(resumed())
  end)

  it("waits for a hello that comes byte by byte, for ten seconds: see the end", function()
    slow = assert(socket.connect("127.0.0.1", port, "127.0.0.2", 0)) -- an address of its own
    assert.is_truthy(slow:send "\22\3")
  end)

  it("answers plain HTTP with one 400, and closes", function()
    local c = assert(socket.connect("127.0.0.1", port))
    c:settimeout(5)
    c:send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    local all, _, rest = c:receive("*a")
    local text = all or rest
    assert.matches("^HTTP/1.1 400 ", text)
    assert.matches("plain_http", text)
    assert.equal(1, select(2, text:gsub("HTTP/1%.1", "")))
  end)

  it("answers hellos that are cut, too long or noise with an alert or by closing, and goes on", function()
    for i, bytes in ipairs { "\22\3\1\2\0\1\0", "\22\3\1\255\255" .. ("x"):rep(70000), ("\0\1\2"):rep(1000),
      "\22\3\1\64\0" .. "\1\255\255\255" .. ("x"):rep(16380) .. "\22\3\1\64\0" .. ("x"):rep(16384), "" } do
      local c = assert(socket.connect("127.0.0.1", port))
      c:settimeout(15)
      c:send(bytes)
      c:shutdown "send"
      local text, why, rest = c:receive(5)
      assert.is_true(why == "closed" or (text or rest):sub(1, 2) == "\21\3", "hello " .. i .. ": " .. tostring(why))
      assert.not_equal("timeout", select(2, c:receive "*a"))
      c:close()
    end
    assert.matches("200 OK", curl("localhost", a, "--http1.1"))
  end)

  --- A client of TLS that sends a head and half of what it promises, and is killed: no close_notify, no FIN before.
  local function cut_upload(framing, half)
    local pid, held = folder .. "/pid", io.popen(("sh -c 'echo $$ > %s/pid; exec openssl s_client -quiet -connect "
      .. "127.0.0.1:%s' > /dev/null 2>&1"):format(folder, port), "w")
    held:write("POST /api/v1/assets HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ", s:token "admin", "\r\n",
      framing, "\r\n\r\n", half)
    held:flush()
    server.wait_until("half of the upload", function() return output("ls %s/blobs/tmp", s.data) ~= "" end, 20)
    posix.kill(tonumber(server.read_file(pid)), posix.SIGKILL)
    held:close()
    server.wait_until("nothing of it", function() return output("ls %s/blobs/tmp", s.data) == "" end, 20)
  end

  it("stores nothing of an upload whose connection ends without close_notify", function()
    local bytes = pictures.gif { width = 64, height = 48, frames = 6 }
    local more = ("\0"):rep(300000)
    cut_upload("Content-Length: 1000000", bytes .. more)
    cut_upload("Transfer-Encoding: chunked", ("%x\r\n"):format(#bytes) .. bytes .. "\r\n493e0\r\n" .. more)
    assert.equal("", output("find %s/blobs -type f", s.data))
    assert.same({}, s:request({ "GET", "/api/v1/shares", token = s:token "admin" }).json.items)
    assert.equal(201, s:upload(bytes, s:token "admin").status)
  end)

  it("refuses renegotiation", function()
    local text = output("sh -c '(echo R; sleep 0.5) | openssl s_client -connect 127.0.0.1:%s -tls1_2'", port)
    assert.matches("renegotiation", text)
  end)

  it("sends who comes by http to https", function()
    local c = assert(socket.connect("127.0.0.1", tonumber(s.urls[2]:match("(%d+)$"))))
    c:settimeout(5)
    c:send("GET /s/abc?x=1 HTTP/1.1\r\nHost: gifs.example:80\r\nConnection: close\r\n\r\n")
    local text = c:receive("*a")
    assert.matches("^HTTP/1.1 301 ", text)
    assert.matches("\r\nLocation: https://gifs%.example/s/abc%?x=1\r\n", text)
  end)

  it("swaps a certificate whose files change, and keeps the old one when they do not fit", function()
    local digest = "sh -c 'openssl s_client -connect 127.0.0.1:%s -servername b.example 2>/dev/null "
      .. "| openssl x509 -noout -fingerprint'"
    local before = output(digest, port)
    certificate.make(folder, "b", "b.example", 60)
    server.wait_until("the swap", function() return output(digest, port) ~= before end)
    local after = output(digest, port)
    os.execute(("cp %s %s"):format(a_key, b_key))
    server.wait_until("the refusal", function() return s:errors():find("tls.not_swapped", 1, true) end)
    assert.equal(after, output(digest, port))
  end)

  it("refuses a pair that does not fit before it serves", function()
    local config = folder .. "/config.lua"
    server.put(config, ([[return { listen = { { address = "127.0.0.1:0", tls = { { cert = %q, key = %q } } } } }]])
      :format("a.crt", "b.key"))
    certificate.make(folder, "b", "b.example")
    local code, out, err = server.command("check", "--config", config)
    assert.equal(3, code)
    assert.matches("b%.key: not the key of this certificate", out .. err)
  end)

  it("shows what a certificate says", function()
    local code, out = server.command("cert", "show", a, "--key", a_key, "--json")
    assert.equal(0, code)
    assert.matches('"names":%["localhost"%]', out)
    assert.matches('"days":8[89]', out)
    assert.matches('"subject":"CN=localhost"', out)
    local wrong, _, err = server.command("cert", "show", a, "--key", b_key)
    assert.is_true(wrong ~= 0)
    assert.matches("not the key of this certificate", err)
    assert.equal(4, (server.command("cert", "show", folder .. "/nothing")))
  end)

  it("lets the handshakes of one address that lead nowhere make room", function()
    local idle = {}
    for i = 1, 160 do idle[i] = assert(socket.connect("127.0.0.1", port)) end
    socket.sleep(1.2)
    for _ = 1, 12 do assert.matches("200 OK", curl("localhost", a, "--http1.1")) end
    local closed = 0
    for _, c in ipairs(idle) do
      c:settimeout(0)
      if select(2, c:receive(1)) == "closed" then closed = closed + 1 end
      c:close()
    end
    assert.is_true(closed > 0 and closed < 60, closed .. " of 160 closed")
  end)

  it("warns of a certificate that ends within 21 days", function()
    assert.matches("tls.expires certificate=%S+b%.crt days=[45]", s:errors())
  end)

  it("closes a handshake that takes longer than ten seconds", function()
    slow:settimeout(30)
    assert.equal("closed", select(2, slow:receive(1)))
    slow:close()
  end)
end)
