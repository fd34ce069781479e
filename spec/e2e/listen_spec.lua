-- Listeners that change while the server runs: a reload opens, closes and turns TLS on and off, and no request is lost.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local posix = require "posix"
local server = require "server"
local socket = require "socket"
local visitors = require "visitors"

local output = server.output

describe("a reload", function()
  local folder, s, steady, constant
  local plain = '"127.0.0.1:0"'

  setup(function()
    folder = assert(posix.mkdtemp("/tmp/gifd-listen-XXXXXX"))
    certificate.make(folder, "a", "localhost")
    s = server.start { as_configured = true, workers = 2, config = ("return { listen = { %s } }"):format(plain) }
    steady = s.listen
    constant = visitors.start(s.url, "/healthz", 2)
  end)
  teardown(function()
    local seen = constant:stop()
    s:stop()
    os.execute("rm -rf " .. folder)
    assert.equal(0, seen.failed, seen.why)
    assert.is_true(seen.answered > 0)
  end)

  --- -> exit code, answer; the log since then is in log()
  local from = 0
  local function reload(config)
    from = #s:errors()
    server.put(s.config, "return { " .. config .. " }")
    return s:ask "reload"
  end
  local function log() return s:errors():sub(from + 1) end
  local function opened() return (log():match("event=listen.opened url=https?://([%d.:]+)")) end
  local function get(address, more)
    return output("curl -m 10 -s -o /dev/null -w %%{http_code} %s %s/healthz", more or "", address)
  end

  it("opens an address, and closes it again when the requests that came by it are answered", function()
    local code, answer = reload(("listen = { %s, %s }"):format(plain, plain))
    assert.equal(0, code)
    assert.is_false(answer.restart_needed)
    local address = opened()
    assert.equal("200", get(address))
    local host, port = address:match("(.*):(%d+)")
    local begun = assert(socket.connect(host, port))
    begun:settimeout(15)
    begun:send("POST /api/v1/assets HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nExpect: 100-continue\r\n"
      .. "Authorization: Bearer " .. s:token "admin" .. "\r\n\r\n")
    assert.matches("100", begun:receive "*l")
    begun:receive "*l"
    local waiting = assert(socket.connect(host, port))
    assert.equal(0, (reload(("listen = { %s }"):format(plain))))
    assert.matches("listen.closed url=http://" .. address:gsub("%.", "%%."), log())
    server.wait_until("the address to be closed", function() return get(address) == "000" end)
    begun:send("0123456789")
    assert.matches("415", begun:receive "*l")
    waiting:settimeout(15)
    waiting:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("200", waiting:receive "*l")
    begun:close()
    waiting:close()
    assert.equal("200", get(steady))
  end)

  it("turns TLS on and off at an address that stays, and changes its certificates", function()
    local tls = '{ address = "127.0.0.1:0", tls = { { cert = "%s/%s.crt", key = "%s/%s.key" } } }'
    assert.equal(0, (reload(("listen = { %s, %s }"):format(plain, plain))))
    local address = opened()
    assert.equal("200", get(address))
    assert.equal(0, (reload(("listen = { %s, %s }"):format(plain, tls:format(folder, "a", folder, "a")))))
    server.wait_until("TLS", function() return get("https://" .. address, "-k") == "200" end)
    assert.equal("400", get(address))
    local pin = "--cacert %s/b.crt --resolve b.example:%s:127.0.0.1"
    certificate.make(folder, "b", "b.example")
    assert.equal(0, (reload(("listen = { %s, %s }"):format(plain, tls:format(folder, "b", folder, "b")))))
    local port = address:match("%d+$")
    server.wait_until("the other certificate", function()
      return get("https://b.example:" .. port, pin:format(folder, port)) == "200"
    end)
    assert.equal(0, (reload(("listen = { %s, %s }"):format(plain, plain))))
    server.wait_until("no TLS", function() return get(address) == "200" end)
  end)

  it("is refused when an address cannot be had, and what is listened on stays", function()
    local taken = assert(socket.bind("127.0.0.1", 0))
    local port = select(2, taken:getsockname())
    local code, answer = reload(('listen = { %s, "127.0.0.1:%d" }, site = { name = "other" }'):format(plain, port))
    taken:close()
    assert.equal(1, code)
    local want = port .. " cannot be listened on %(Address already in use%)"
    assert.matches(want, answer.faults[1].message)
    assert.equal("200", get(steady))
    assert.is_nil(output("curl -m 10 -s %s/", steady):find("<title>other", 1, true))
  end)

  it("changes what workers may take", function()
    local fields = ("-H 'a: b' "):rep(20)
    assert.equal("200", get(steady, fields))
    assert.equal(0, (reload(("listen = { %s }, http = { head_fields = 10 }"):format(plain))))
    server.wait_until("the limit", function() return get(steady, fields) == "431" end)
    server.wait_until("earlier workers to leave", function() return #s:children "gifd%-worker" == 2 end, 30)
  end)
end)
