-- The server as its operator meets it: one owner of a data directory, signals, children that die, the command line.
local pictures = require "spec.support.pictures"
local posix = require "posix"
local server = require "spec.support.server"
local socket = require "socket"

local function write(path, bytes)
  local f = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
end

--- A connection that has sent the head of an upload and waits with its body.
local function half_sent(s, token, body)
  local host, port = s.url:match("^http://([^:]+):(%d+)")
  local c = assert(socket.connect(host, tonumber(port)))
  c:settimeout(10)
  c:send("POST /api/v1/assets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " .. token .. "\r\n")
  c:send("Content-Length: " .. #body .. "\r\n\r\n")
  c:send(body:sub(1, 10))
  return c
end

describe("a data directory", function()
  it("has one server; a second one says who holds it", function()
    local s = server.start()
    local code, _, err = server.command("serve", "--data", s.data, "--listen", "127.0.0.1:0")
    assert.equal(1, code)
    assert.is_truthy(err:find("in use by a running gifd (pid " .. s.pid .. ")", 1, true), err)
    assert.equal(0, s:stop())
  end)
end)

describe("the death of", function()
  local s
  before_each(function() s = server.start { workers = 2 } end)
  after_each(function() s:stop() end)

  for _, name in ipairs { "gifd%-worker", "gifd%-runner", "gifd%-media" } do
    it(name:gsub("%%", "") .. " is followed by another, and uploads go on", function()
      local token = s:token("admin")
      local before = s:children(name)
      assert.is_true(#before > 0)
      for _, pid in ipairs(before) do posix.kill(pid, posix.SIGKILL) end
      server.wait_until("new processes", function()
        local now = s:children(name)
        if #now ~= #before then return false end
        for _, pid in ipairs(now) do
          for _, old in ipairs(before) do if pid == old then return false end end
        end
        return true
      end)
      local reply = s:upload(pictures.gif { frames = 2 }, token, "", { prefer = "wait=10" })
      assert.equal(201, reply.status)
      assert.equal("ready", reply.json.asset.state)
    end)
  end
end)

describe("TERM", function()
  it("lets a request in flight finish, takes no new one, and ends with 0", function()
    local s = server.start()
    local token, body = s:token("admin"), pictures.gif()
    local c = half_sent(s, token, body)
    server.wait_until("the request to arrive", function() return s:request({ "GET", "/healthz" }).status == 200 end)
    posix.kill(s.pid, posix.SIGTERM)
    server.wait_until("refusal of new connections", function()
      local host, port = s.url:match("^http://([^:]+):(%d+)")
      local other = socket.connect(host, tonumber(port))
      if not other then return true end
      other:settimeout(0.2)
      other:send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
      local got = other:receive("*l")
      other:close()
      return got == nil
    end)
    c:send(body:sub(11))
    assert.equal("HTTP/1.1 201 Created", c:receive("*l"))
    c:close()
    assert.equal(0, s:stop())
  end)

  it("twice ends at once", function()
    local s = server.start()
    local c = half_sent(s, s:token("admin"), pictures.gif())
    posix.kill(s.pid, posix.SIGTERM)
    server.wait_until("the first one to be noticed", function() return s:errors():find("server.stopping", 1, true) end)
    local start = socket.gettime()
    s:stop() -- the second one
    assert.is_true(socket.gettime() - start < 3)
    c:close()
  end)
end)

describe("the command line", function()
  local s, token, dir
  setup(function()
    s = server.start()
    token = s:token("admin")
    dir = s.dir
    write(dir .. "/cat.gif", pictures.gif { frames = 3 })
    write(dir .. "/not.gif", "<svg xmlns='http://www.w3.org/2000/svg'/>")
  end)
  teardown(function() s:stop() end)

  local function up(...) return server.command("up", "--server", s.url, "--token", token, ...) end

  it("uploads and prints the link alone", function()
    local code, out, err = up(dir .. "/cat.gif", "--title", "Cat", "--tags", "a,b")
    assert.equal(0, code)
    assert.equal("", err)
    local path = out:match("^" .. s.url:gsub("%p", "%%%0") .. "(/s/%w+)\n$")
    assert.is_truthy(path, out)
    local share = s:request({ "GET", path .. ".json" }).json.share
    assert.equal("Cat", share.title)
    assert.same({ "a", "b" }, share.tags)
  end)

  it("prints the server's answer with --json", function()
    local code, out = up("--json", dir .. "/cat.gif")
    assert.equal(0, code)
    assert.is_truthy(out:find('"short_url"', 1, true))
  end)

  it("says what was wrong with which file, and how much was done", function()
    local code, out, err = up(dir .. "/cat.gif", dir .. "/not.gif")
    assert.equal(8, code)
    assert.is_truthy(out:find("/s/", 1, true))
    assert.is_truthy(err:find("not.gif: 415", 1, true), err)
    code, out, err = up(dir .. "/none.gif")
    assert.equal(4, code)
    assert.equal("", out)
    assert.is_truthy(err:find("No such file", 1, true), err)
  end)

  it("says how to get a token", function()
    local code, _, err = server.command("up", "--server", s.url, "--token", "wrong", dir .. "/cat.gif")
    assert.equal(5, code)
    assert.is_truthy(err:find("gifd token create", 1, true), err)
  end)

  it("proves that an original is unaltered, and finds one that is not", function()
    local id = s:upload(pictures.gif(), token).json.asset.id
    local code, out = server.command("verify", id, "--data", s.data)
    assert.equal(0, code)
    assert.is_truthy(out:find(id .. " unaltered", 1, true), out)
    local path = io.popen(("ls %s/blobs/%s/%s/%s*"):format(s.data, id:sub(1, 2), id:sub(3, 4), id)):read("*l")
    os.execute("chmod u+w " .. path)
    local f = assert(io.open(path, "ab"))
    f:write("x")
    f:close()
    code, out = server.command("verify", id, "--data", s.data)
    assert.equal(1, code)
    assert.is_truthy(out:find("ALTERED", 1, true), out)
    assert.equal(4, (server.command("verify", "0123456789abcdef", "--data", s.data)))
    assert.equal(2, (server.command("verify", "../../etc", "--data", s.data)))
  end)

  it("knows the nearest command, and what is missing", function()
    local code, _, err = server.command("serv")
    assert.equal(2, code)
    assert.is_truthy(err:find("did you mean 'serve'", 1, true), err)
    assert.equal(2, (server.command("up")))
    assert.equal(2, (server.command("serve", "--workers", "many")))
  end)
end)
