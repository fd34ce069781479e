-- What an operator finds in the log: one line an event in the form he asked for, whose it is, nothing forged, nothing
-- secret; levels that change while the server runs; and a server that serves on when nobody reads.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local posix = require "posix"
local server = require "server"

local plugin = [[return { routes = { ["GET /"] = { auth = "public", run = function(ctx, req)
  for _ = 1, tonumber(req.query.times or 1) do
    gifd.log.info("chatty.said", { q = req.query.q, level = "forged", ["a\nb"] = '"}\n\27[2J\255' })
  end
  return { body = "said" }
end } } }]]

local function lines_of(text)
  local out = {}
  for line in text:gmatch("[^\n]+") do out[#out + 1] = line end
  return out
end

describe("the log", function()
  local s, dir

  setup(function()
    dir = assert(posix.mkdtemp("/tmp/gifd-log-XXXXXX"))
    assert(os.execute(("mkdir -p '%s/plugins/chatty'"):format(dir)))
    server.put(dir .. "/plugins/chatty/plugin.lua",
      'return { name = "chatty", api = 1, version = "1.0.0", summary = "Says what it is told", uses = {} }')
    server.put(dir .. "/plugins/chatty/init.lua", plugin)
  end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)
  after_each(function()
    if s then s:stop() end
    s = nil
  end)

  local function start(log, more)
    local options = { config = "return { plugins = { chatty = true }, log = {" .. log .. "} }",
      plugins = { dir .. "/plugins" } }
    for key, value in pairs(more or {}) do options[key] = value end
    s = server.start(options)
  end

  local function find(pattern, text)
    for _, line in ipairs(lines_of(text or s:errors())) do
      if line:find(pattern, 1, true) then return line end
    end
  end

  it("is JSON, one object a line, that says whose it is", function()
    start [[format = "json", level = "debug"]]
    local trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    s:request { "GET", "/p/chatty/?q=hello", headers = { ["Request-Id"] = "my-request-id-00001",
      traceparent = "00-" .. trace .. "-00f067aa0ba902b7-01" } }
    local said = cjson.decode(server.wait_until("the line", function() return find("chatty.said") end))
    assert.same({ "info", "worker-1", "my-request-id-00001", trace, "chatty", 1, "forged", "hello",
      '"}\n\27[2J\239\191\189' }, { said.level, said.process, said.request_id, said.trace_id, said.plugin,
      said.generation, said.level_, said.q, said.a_b })
    local request = cjson.decode(server.wait_until("the request", function() return find("http.request") end))
    assert.same({ "GET", "/p/chatty/", 200, "my-request-id-00001", trace },
      { request.method, request.path, request.status, request.request_id, request.trace_id })
    for _, line in ipairs(lines_of(s:errors())) do assert.is_table(cjson.decode(line)) end
  end)

  it("is logfmt elsewhere, and never tells a token or a query", function()
    start [[level = "debug"]]
    local token = s:token "read"
    s:request { "GET", "/p/chatty/?q=" .. token .. "&x=hidden" }
    s:request { "GET", "/api/v1/nothing?key=hidden", token = token }
    local line = server.wait_until("the request", function() return find("path=/api/v1/nothing") end)
    assert.matches("^time=%S+ level=debug process=worker%-1 event=http%.request request_id=%w+ ", line)
    assert.is_truthy(find("q=***"), "the token is masked")
    assert.is_nil(s:errors():find(token, 1, true))
    assert.is_nil(s:errors():find("hidden", 1, true))
  end)

  it("changes the level of a module for a while, in every process", function()
    start("", { workers = 2 })
    s:request { "GET", "/healthz" }
    assert.is_nil(find("http.request"))
    local code, told = s:ask("log", "level", "http", "debug", "--for", "1m")
    assert.same({ 0, "debug", true }, { code, told.modules.http.level, told.modules.http.seconds_left > 50 })
    server.wait_until("a line of each worker", function()
      for _ = 1, 4 do s:request { "GET", "/healthz", headers = { connection = "close" } } end
      return find("process=worker-1 event=http.request") and find("process=worker-2 event=http.request")
    end)
    assert.is_nil(find("level=debug process=worker-1 event=generation"), "other modules stay")
    assert.equal(0, (s:ask("log", "level", "http", "default")))
    local before = #s:errors()
    s:request { "GET", "/healthz" }
    assert.is_nil(s:errors():sub(before + 1):find("http.request", 1, true))
    assert.equal(2, (s:ask("log", "level", "http", "loud")))
    assert.equal(2, (s:ask("log", "level", "http", "debug", "--for", "ever")))
  end)

  it("tells of a flood how much it left out", function()
    start [[burst = 10]]
    s:request { "GET", "/p/chatty/?q=flood&times=100" }
    server.wait_until("the count", function() return find("event=log.flood of=chatty.said left_out=") end)
    local n = select(2, s:errors():gsub("chatty%.said request_id", ""))
    assert.is_true(n >= 10 and n <= 20, n .. " lines")
  end)

  it("serves on when nobody reads, and counts what was dropped", function()
    server.put(dir .. "/gifd", ([[#!/bin/bash
exec "%s" "$@" 2> >(while ! [ -e "%s/read" ]; do sleep 0.05; done; cat > "%s/heard")
]]):format(server.binary, dir, dir), "755")
    start([[level = "debug", burst = 0]], { binary = dir .. "/gifd" })
    for i = 1, 30 do
      assert.equal(200, s:request({ "GET", "/p/chatty/?times=200&q=" .. ("x"):rep(500) .. i }).status)
    end
    server.put(dir .. "/read", "")
    server.wait_until("what was dropped", function()
      s:request { "GET", "/p/chatty/" }
      return (server.read_file(dir .. "/heard") or ""):match("event=log%.dropped lines=%d%d")
    end)
    s:stop()
    s = nil
    for _, line in ipairs(lines_of(server.read_file(dir .. "/heard"))) do
      assert.matches("^time=%S+ level=%l+ process=%S+ event=%S+", line)
    end
  end)

  it("opens its file anew on HUP", function()
    start([[file = "gifd.log"]], { workers = 2 })
    local path = s.data .. "/gifd.log"
    s:request { "GET", "/p/chatty/?q=before" }
    server.wait_until("the first", function() return find("q=before", server.read_file(path)) end)
    assert(os.rename(path, path .. ".1"))
    posix.kill(s.pid, posix.SIGHUP)
    server.wait_until("the second, by both workers", function()
      for _ = 1, 4 do s:request { "GET", "/p/chatty/?q=after", headers = { connection = "close" } } end
      local text = server.read_file(path) or ""
      return find("process=worker-1 event=chatty.said", text) and find("process=worker-2 event=chatty.said", text)
    end)
    assert.is_nil(find("q=before", server.read_file(path)))
  end)

  it("says to the journal how much a line matters", function()
    server.put(dir .. "/gifd", ([[#!/bin/bash
export JOURNAL_STREAM="$(stat -L -c %%d:%%i /proc/self/fd/2)"
exec "%s" "$@"
]]):format(server.binary), "755")
    start("", { binary = dir .. "/gifd" })
    s:request { "GET", "/p/chatty/?q=1" }
    server.wait_until("the line", function() return find("<6>time=") and find("chatty.said") end)
    for _, line in ipairs(lines_of(s:errors())) do assert.matches("^<[2-7]>time=", line) end
  end)
end)
