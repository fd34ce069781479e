-- gifd.fetch and gifd lua over the real program: what leaves the building, where it may not go, and what comes back.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local posix = require "posix"
local server = require "server"
local socket = require "socket"
local stand = require "stand"

local dir, here, there
local allowing = "return { fetch = { allow = { '127.0.0.1' } } }"

setup(function()
  dir = assert(posix.mkdtemp "/tmp/gifd-spec-XXXXXX")
  here, there = stand.start(), stand.start()
end)

teardown(function()
  here:stop()
  there:stop()
  os.execute("rm -rf '" .. dir .. "'")
end)

--- Runs a script -> exit code, stdout, stderr. config = false: the defaults
local function lua(config, text, ...)
  server.put(dir .. "/script.lua", text)
  if not config then return server.command("lua", "--root", ".", dir .. "/script.lua", ...) end
  server.put(dir .. "/config.lua", config)
  return server.command("lua", "--root", ".", "--config", dir .. "/config.lua", dir .. "/script.lua", ...)
end

--- fetch{...} of each text in one script, at once -> "status body" or the error's code, of each
local function fetches(config, all)
  local parts = {}
  for i, options in ipairs(all) do
    parts[i] = "function() local r, e = gifd.fetch " .. options
      .. " return r and r.status .. ' ' .. r.body or e.code end"
  end
  local _, out, err = lua(config, ("for _, got in ipairs { gifd.all(%s) } do print(got) end")
    :format(table.concat(parts, ",")))
  assert.equal("", err)
  local got = {}
  for line in out:gmatch "[^\n]+" do got[#got + 1] = line end
  return got
end

describe("gifd lua", function()
  it("runs a script with its arguments and gives back its exit code", function()
    local code, out = lua(false, "local a, b = ... print(a, b, #arg, type(gifd.json), _G.arg == arg) x = 1 return x+6",
      "one", "two words")
    assert.equal(7, code)
    assert.equal("one\ttwo words\t2\ttable\ttrue\n", out)
    assert.equal(3, (lua(false, "pcall(print) os.exit(3)")))
    assert.equal(0, (lua(false, "return 'no number'")))
  end)

  it("tells an error with file and line, and exits 1", function()
    for text, wanted in pairs {
      ["\n\nerror 'boom'"] = "script%.lua:3: boom", ["local x = = 1"] = "script%.lua:1: ",
      ["\nprint(unknown)"] = "script%.lua:2:.*unknown", ["gifd.time.sleep('x')"] = "script%.lua:1: gifd%.time%.sleep",
      ["return nil, { code = 'busy', message = 'no room' }"] = "busy: no room",
    } do
      local code, out, err = lua(false, text)
      assert.equal(1, code, text)
      assert.equal("", out)
      assert.matches(wanted, err)
    end
    assert.equal(1, (server.command("lua", dir .. "/none.lua")))
    assert.equal(2, (server.command("lua")))
  end)

  it("has all primitives, the media process too", function()
    local code, out, err = lua(allowing, [[
      local r = assert(gifd.fetch { url = arg[1] .. "/gif", into = "blob" })
      local digest = assert(gifd.blob.commit(r.draft))
      print(assert(gifd.media.probe(digest)).type, gifd.limit.limiter {
        strategy = 'token_bucket', rate = 1, per = 60 }:check "x")]], here.url)
    assert.equal(0, code, err)
    assert.matches("^image/gif\ttrue", out)
  end)

  it("works on a data directory, or on one that goes", function()
    local data = dir .. "/data"
    assert.equal(0, (lua(false, "return gifd.db.run('CREATE TABLE kept(x)') and 0 or 1", "--data", data)))
    assert.equal(0, (lua(false, "return gifd.db.rows('SELECT x FROM kept') and 0 or 1", "--data", data)))
    assert.equal(1, (lua(false, "return gifd.db.rows('SELECT x FROM kept') and 0 or 1")))
    local _, out = lua(false, "print(gifd.server.data_dir)")
    assert.matches("gifd%-lua", out)
    assert.is_nil(posix.stat((out:gsub("%s", ""))))
  end)
end)

describe("gifd.fetch", function()
  it("asks no private address unless the operator allows it", function()
    local before = here:count "connection"
    local options = ("{ url = '%s/hello' }"):format(here.url)
    assert.same({ "address_refused" }, fetches(false, { options }))
    local others = "return { fetch = { allow = { '127.0.0.2', '10.0.0.0/8' } } }"
    assert.same({ "address_refused" }, fetches(others, { options }))
    assert.equal(before, here:count "connection")
    assert.same({ "200 hello" }, fetches(allowing, { options }))
  end)

  it("is not led elsewhere by a redirect", function()
    local targets, codes, asked = {}, {}, {}
    for target, code in pairs {
      ["http://127.0.0.2/"] = "address_refused", ["http://169.254.169.254/latest/"] = "address_refused",
      ["http://2130706433/"] = "invalid", ["file:///etc/hostname"] = "invalid", ["/hello"] = "200 hello",
    } do
      targets[#targets + 1], codes[#codes + 1] = target, code
      asked[#asked + 1] = ("{ url = '%s/to/%s' }"):format(here.url, target)
    end
    assert.same(codes, fetches(allowing, asked), table.concat(targets, " "))
  end)

  it("keeps its connection, and the loop goes on meanwhile", function()
    local before = here:count "connection"
    local code, out, err = lua(allowing, [[
      local url, turns = arg[1], 0
      gifd.task.spawn(function() while true do gifd.time.sleep(0.01) turns = turns + 1 end end)
      for _ = 1, 10 do assert(gifd.fetch { url = url .. "/hello" }) end
      gifd.fetch { url = url .. "/hang", timeout = 0.3 }
      print(turns > 5)]], here.url)
    assert.equal(0, code, err)
    assert.equal("true\n", out)
    assert.equal(before + 1, here:count "connection")
  end)

  it("takes so much and waits so long, and no more", function()
    local function with(more, target) return ("{ url = '%s%s', %s }"):format(here.url, target, more) end
    local from = socket.gettime()
    assert.same({ "too_large", "too_large", "too_large", "timeout", "200 at last" }, fetches(allowing, {
      with("max_bytes = 999", "/big/1000"), with("max_bytes = 1e6", "/bomb"), with("", "/bomb"),
      with("timeout = 0.2", "/hang"), with("retries = 2", "/flaky") }))
    assert.is_true(socket.gettime() - from >= 1)
  end)

  it("streams into a blob", function()
    local code, out, err = lua(allowing, [[
      local r = assert(gifd.fetch { url = arg[1] .. "/big/3000000", into = "blob" })
      local digest, size = assert(gifd.blob.commit(r.draft))
      print(r.body, r.bytes, size, digest == gifd.crypto.sha256(("x"):rep(3000000)), #gifd.blob.read(digest, 0, 10))
      local failed = gifd.fetch { url = arg[1] .. "/none", into = "blob" }
      print(failed.status, failed.body, failed.draft)]], here.url)
    assert.equal(0, code, err)
    assert.equal("nil\t3000000\t3000000\ttrue\t10\n404\twhat?\tnil\n", out)
  end)

  it("throws at what an author got wrong", function()
    for options, wanted in pairs {
      ["{}"] = "url", ["{ url = 'http://a/', tiemout = 1 }"] = "no option \"tiemout\"",
      ["{ url = 'http://a/', into = 'file' }"] = "into", ["{ url = 'http://a/', headers = { a = 1 } }"] = "headers",
      ["{ url = 'http://a/', timeout = 1e6 }"] = "timeout",
    } do
      local code, _, err = lua(false, "gifd.fetch " .. options)
      assert.equal(1, code)
      assert.matches("script%.lua:1: gifd%.fetch: .*" .. wanted, err)
    end
  end)
end)

describe("over TLS", function()
  local node = os.execute "command -v node >/dev/null" == 0
  local check = node and it or pending

  check("many at once share one HTTP/2 connection, and strangers' certificates are refused", function()
    assert.equal(0, os.execute(("cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
      .. "-keyout key.pem -out cert.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null")
      :format(dir)))
    server.put(dir .. "/h2.js", [[
const fs = require("fs"), h2 = require("http2")
const s = h2.createSecureServer({ key: fs.readFileSync("key.pem"), cert: fs.readFileSync("cert.pem") })
let sessions = 0
s.on("session", () => sessions++)
s.on("request", (q, r) => setTimeout(() => r.end(String(sessions)), 50))
s.listen(0, "127.0.0.1", () => console.log(s.address().port))]])
    local pid = posix.fork()
    if pid == 0 then
      posix.exec("/bin/sh", { "-c", ("cd %s && exec node h2.js > port"):format(dir) })
      posix._exit(127)
    end
    finally(function()
      posix.kill(pid, posix.SIGKILL)
      posix.wait(pid)
    end)
    local port = server.wait_until("node", function() return (server.read_file(dir .. "/port") or ""):match "%d+" end)
    local config = ("return { fetch = { allow = { '127.0.0.1' }, ca_file = '%s/cert.pem' } }"):format(dir)
    local code, out, err = lua(config, [[
      local function one() return gifd.fetch { url = arg[1] } end
      for _, r in ipairs { gifd.all(one, one, one) } do print(r.http, r.body) end]], "https://localhost:" .. port)
    assert.equal(0, code, err)
    assert.equal(("2\t1\n"):rep(3), out)
    assert.same({ "tls" }, fetches(allowing, { ("{ url = 'https://localhost:%s/' }"):format(port) }))
  end)
end)

describe("a plugin's fetch", function()
  local s

  setup(function()
    posix.mkdir(dir .. "/plugins")
    posix.mkdir(dir .. "/plugins/asker")
    server.put(dir .. "/plugins/asker/plugin.lua", ([[
return { name = "asker", api = 1, version = "1", uses = { "fetch:127.0.0.1:%d", "fetch:*.example.org" } }
]]):format(here.port))
    server.put(dir .. "/plugins/asker/init.lua", [[
local function ask(_, req)
  local reply, err = gifd.fetch({ url = req.query.url, timeout = 20 }, { "127.0.0.1:1" })
  return { status = 200, body = reply and reply.body or err.code }
end
return { routes = { ["GET /"] = { auth = "public", run = ask } } }
]])
    s = server.start { plugins = { dir .. "/plugins" },
      config = "return { fetch = { allow = { '127.0.0.1' } }, plugins = { asker = true } }" }
  end)

  teardown(function() s:stop() end)

  it("reaches the hosts of its manifest and no others, redirected or not", function()
    local function ask(url) return s:request({ "GET", "/p/asker/?url=" .. url }).body end
    local before = there:count "connection"
    assert.equal("hello", ask(here.url .. "/hello"))
    assert.equal("denied", ask(there.url .. "/hello"))
    assert.equal("denied", ask(here.url .. "/to/" .. there.url .. "/hello"))
    assert.equal("denied", ask("http://localhost:" .. here.port .. "/hello"))
    assert.equal("denied", ask("http://evil.test/"))
    assert.equal(before, there:count "connection")
  end)

  it("ends when the client goes away", function()
    local c = assert(socket.connect("127.0.0.1", tonumber(s.url:match ":(%d+)$")))
    local hanging, left = here:count "GET /hang", here:count "left /hang"
    c:send("GET /p/asker/?url=" .. here.url .. "/hang HTTP/1.1\r\nHost: a\r\n\r\n")
    server.wait_until("the question", function() return here:count "GET /hang" > hanging end)
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    c:setoption("linger", { on = true, timeout = 0 })
    c:close()
    server.wait_until("the end of the fetch", function() return here:count "left /hang" > left end)
  end)

  it("needs a well-formed host", function()
    local grants = require "gifd.plugin.grants"
    for _, good in ipairs { "api.example.org", "*.example.org", "a.b:8443", "127.0.0.1:80", "localhost",
      "{base_url}" } do
      assert.is_true(grants.known("fetch:" .. good), good)
    end
    for _, bad in ipairs { "", "*", "*.", "*a.b", "a.*", "A.b", "a..b", "a.", ".a", "a:0", "a:99999", "a:b", "a/b",
      "http://a", "a b", "*.*.a", "u@a", "{a", "{}", "{a}:80", "*.{a}" } do
      assert.is_false((grants.known("fetch:" .. bad)), bad)
    end
    assert.is_false((grants.known "fetch"))
  end)
end)
