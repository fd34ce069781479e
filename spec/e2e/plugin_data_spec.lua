-- What a plugin keeps, counts and tells, over the real program: by key, in rows of its own database, across processes,
-- kills and reloads; and what it may not reach.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local posix = require "posix"
local server = require "server"

local function start(options)
  options = options or {}
  options.plugins = options.plugins or { "spec/support/plugins" }
  options.config = options.config or "return { plugins = { ledger = true } }"
  return server.start(options)
end

--- Runs steps in the plugin -> what each returned.
local function run(s, ...)
  local reply = s:request { "POST", "/p/ledger/steps", body = cjson.encode { ... } }
  assert.equal(200, reply.status, reply.body)
  return reply.json
end
local function one(s, ...) return run(s, { ... })[1] end

describe("gifd.kv", function()
  it("keeps values of any kind through kills, until they expire or are deleted", function()
    local s = start { workers = 2 }
    assert.same({ true }, one(s, "kv.set", "a/1", { list = { 1, 2 }, text = "ü" }))
    assert.same({ { true }, { true } }, run(s, { "kv.set", "a/2", false }, { "kv.set", "b", 7, { ttl = 0.3 } }))
    s:kill()
    s:begin()
    assert.same({ { list = { 1, 2 }, text = "ü" } }, one(s, "kv.get", "a/1"))
    assert.same({ { { key = "a/1", value = { list = { 1, 2 }, text = "ü" } }, { key = "a/2", value = false } } },
      one(s, "kv.list", "a/"))
    assert.same({ { { key = "a/2", value = false } } }, one(s, "kv.list", "a/", { after = "a/1", limit = 1 }))
    server.wait_until("the end of b", function() return one(s, "kv.get", "b")[1] == false end)
    assert.same({ { true }, { false }, { false } },
      run(s, { "kv.delete", "a/1" }, { "kv.delete", "a/1" }, { "kv.get", "a/1" }))
    s:stop()
  end)

  it("says what is wrong with an argument, and refuses what is too large", function()
    local s = start()
    assert.matches("argument 1 %(key%): must be a string", one(s, "kv.get", 1).threw)
    assert.matches("argument 1 %(key%): must have 1 to 256 bytes", one(s, "kv.set", ("k"):rep(257), 1).threw)
    assert.matches("argument 2 %(value%): must not be nil", one(s, "kv.set", "k").threw)
    assert.matches("ttl", one(s, "kv.set", "k", 1, { ttl = -1 }).threw)
    assert.equal("too_large", one(s, "kv.set", "k", ("x"):rep(70000)).error)
    s:stop()
  end)
end)

describe("gifd.db of a plugin", function()
  it("is its own: migrated from its folder, with rows, row, run and batch", function()
    local s = start()
    assert.same({ { changes = 1, last_id = 1, rows = {} } },
      one(s, "db.run", "INSERT INTO entries (text) VALUES (?1)", "first"))
    local batch = one(s, "db.batch", { { "INSERT INTO entries (text) VALUES ('second')" },
      { "INSERT INTO entries (id, text) VALUES (?1, 'again')", 1 } })
    assert.equal("conflict", batch.error)
    assert.same({ { { text = "first", n = 0 } } }, one(s, "db.rows", "SELECT text, n FROM entries"))
    assert.same({ false }, one(s, "db.row", "SELECT 1 FROM entries WHERE id = 99"))
    s:stop()
  end)

  it("reaches no other file and no table of the host", function()
    local s = start()
    for _, sql in ipairs { "ATTACH 'catalogue.db' AS c", "SELECT * FROM gifd_kv", "PRAGMA journal_mode = DELETE",
      "DELETE FROM schema_migrations" } do
      assert.equal("denied", one(s, "db.run", sql).error, sql)
    end
    assert.equal("invalid", one(s, "db.rows", "SELECT * FROM assets").error)
    assert.equal("timeout",
      one(s, "db.rows", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n").error)
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    s:stop()
  end)
end)

describe("a plugin's migration", function()
  local s, folder
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute(("mkdir -p %s && cp -r spec/support/plugins/ledger %s/"):format(folder, folder))
    s = start { plugins = { folder } }
  end)
  after_each(function()
    s:stop()
    os.execute("rm -rf " .. folder)
  end)

  local function put(file, text) server.put(folder .. "/ledger/" .. file, text) end
  local function reload() return server.command("reload", "--data", s.data) end

  it("that fails half-way refuses the reload, names file and line, and changes nothing", function()
    one(s, "db.run", "INSERT INTO entries (text) VALUES ('kept')")
    put("sql/0002_more.sql", "ALTER TABLE entries ADD COLUMN more TEXT;\nCREATE TABLE more (x);\nCREATE NONSENSE;\n")
    local code, out, err = reload()
    assert.equal(1, code)
    assert.matches("plugin ledger", out .. err)
    assert.matches("0002_more", out .. err)
    assert.matches("line 3", out .. err)
    assert.same({ { { text = "kept" } } }, one(s, "db.rows", "SELECT text FROM entries"))
    assert.equal("invalid", one(s, "db.rows", "SELECT more FROM entries").error)
    put("sql/0002_more.sql", "ALTER TABLE entries ADD COLUMN more TEXT;\n")
    assert.equal(0, (reload()))
    assert.same({ { { text = "kept" } } }, one(s, "db.rows", "SELECT text, more FROM entries"))
  end)

  it("that reaches further than its own tables refuses the reload", function()
    for _, sql in ipairs { "ATTACH '/tmp/x' AS x;", "COMMIT;", "DROP TABLE gifd_kv;", "PRAGMA writable_schema = 1;" } do
      put("sql/0002_more.sql", sql .. "\n")
      local code, out, err = reload()
      assert.equal(1, code, sql)
      assert.matches("not authorized", out .. err, sql)
    end
  end)

  it("is a fault when it is misnamed or the plugin has no database", function()
    put("sql/second.sql", "CREATE TABLE x (y);\n")
    local code, out, err = reload()
    assert.equal(1, code)
    assert.matches("a migration is named as in sql/0001_tables.sql", out .. err)
    os.remove(folder .. "/ledger/sql/second.sql")
    put("plugin.lua", 'return { name = "ledger", api = 1, version = "1", uses = { "kv" } }')
    code, out, err = reload()
    assert.equal(1, code)
    assert.matches('the plugin does not use "db"', out .. err)
  end)
end)

describe("gifd plugin purge", function()
  it("refuses while the plugin serves, and removes everything once it does not", function()
    local s = start()
    one(s, "kv.set", "k", 1)
    assert.equal(6, (server.command("plugin", "purge", "ledger", "--data", s.data)))
    assert.equal(6, (server.command("plugin", "purge", "ledger", "--data", s.data, "--force")))
    server.put(s.config, "return {}")
    assert.equal(0, (server.command("reload", "--data", s.data)))
    assert.equal(0, (server.command("plugin", "purge", "ledger", "--data", s.data)))
    assert.equal(4, (server.command("plugin", "purge", "ledger", "--data", s.data)))
    assert.equal("", io.popen(("ls %s/plugins"):format(s.data)):read("*a"))
    server.put(s.config, "return { plugins = { ledger = true } }")
    assert.equal(0, (server.command("reload", "--data", s.data)))
    assert.same({ false }, one(s, "kv.get", "k"))
    s:stop()
  end)

  it("asks for --force when the plugin served last", function()
    local s = start()
    one(s, "kv.set", "k", 1)
    s:kill()
    assert.equal(6, (server.command("plugin", "purge", "ledger", "--data", s.data)))
    assert.equal(0, (server.command("plugin", "purge", "ledger", "--data", s.data, "--force")))
    s:begin()
    assert.same({ false }, one(s, "kv.get", "k"))
    s:stop()
  end)

  it("takes only names", function()
    assert.equal(2, (server.command("plugin", "purge", "../catalogue")))
    assert.equal(2, (server.command("plugin", "purge")))
  end)
end)

describe("gifd.crypto of a plugin", function()
  it("keeps passwords and verifies tokens", function()
    local s = start()
    local kept = one(s, "crypto.password_hash", "secret")[1]
    assert.matches("^%$scrypt%$", kept)
    local key, verify = ("k"):rep(32), "crypto.jwt_verify"
    local token = one(s, "crypto.jwt_sign", { sub = "tom" }, { alg = "HS256", key = key })[1]
    assert.same({ { true }, { false }, { { sub = "tom" } } }, run(s, { "crypto.password_verify", "secret", kept },
      { "crypto.password_verify", "Secret", kept }, { verify, token, { alg = "HS256", key = key } }))
    assert.equal("denied", one(s, verify, token, { alg = "HS256", key = ("j"):rep(32) }).error)
    assert.equal("denied", one(s, verify, token, { alg = "EdDSA", key = key }).error)
    s:stop()
  end)

  it("leaves the loop free while it hashes", function()
    local s = start()
    for i = 1, 3 do
      os.execute(([=[curl -sm 20 -d '[["crypto.password_hash","x"]]' '%s/p/ledger/steps' > %s/hashed.%d &]=])
        :format(s.url, s.dir, i))
    end
    local function hashed()
      local n = 0
      for i = 1, 3 do if (server.read_file(s.dir .. "/hashed." .. i) or "") ~= "" then n = n + 1 end end
      return n
    end
    local answered = 0
    server.wait_until("the passwords", function()
      assert.equal(200, s:request({ "GET", "/healthz" }).status)
      if hashed() < 3 then answered = answered + 1 end
      return hashed() == 3
    end, 20)
    assert.is_true(answered >= 3)
    s:stop()
  end)
end)

describe("a request with a traceparent", function()
  it("is logged under its trace", function()
    local s = start()
    local id = "4bf92f3577b34da6a3ce929d0e0e4736"
    local headers = { traceparent = "00-" .. id .. "-00f067aa0ba902b7-01" }
    local reply = s:request { "POST", "/p/ledger/steps", headers = headers,
      body = cjson.encode { { "log.info", "ledger.traced" }, { "trace.current" } } }
    assert.equal(id, reply.json[2][1].trace_id)
    server.wait_until("the line", function()
      return (s:errors():match("ledger%.traced[^\n]*") or ""):find(id, 1, true)
    end)
    local own = one(s, "trace.current")[1].trace_id
    assert.matches("^%x+$", own)
    assert.is_not.equal(id, own)
    s:stop()
  end)
end)

describe("gifd.bus", function()
  it("carries a message from one process to a waiting reader in another", function()
    local s = start { workers = 3 }
    local out = s.dir .. "/heard"
    for i = 1, 6 do
      os.execute(("curl -sm 10 '%s/p/ledger/hear?topic=news' > %s.%d &"):format(s.url, out, i))
    end
    server.wait_until("somebody who listens", function() return one(s, "kv.get", "hearing")[1] == true end)
    local heard = {}
    server.wait_until("all to have heard", function()
      one(s, "bus.publish", "other", "nothing")
      one(s, "bus.publish", "news", { text = "hello" })
      local n = 0
      for i = 1, 6 do
        heard[i] = server.read_file(out .. "." .. i) or ""
        if heard[i] ~= "" then n = n + 1 end
      end
      return n == 6
    end)
    for i = 1, 6 do assert.same({ value = { text = "hello" }, lost = 0 }, cjson.decode(heard[i])) end
    s:stop()
  end)
end)

describe("gifd.metric", function()
  it("counts across workers, through the kill of one, and bounds a plugin's labels", function()
    local s = start { workers = 2 }
    local script = s.dir .. "/list.lua"
    server.put(script, [[
      for _, s in ipairs(gifd.metric.list()) do print(s.series .. " " .. (s.value or s.count)) end]])
    for _ = 1, 20 do assert.equal(200, s:request({ "GET", "/p/ledger/count?who=me" }).status) end
    for _, pid in ipairs(s:children "worker") do posix.kill(pid, posix.SIGKILL) end
    server.wait_until("other workers", function() return s:request({ "GET", "/healthz" }).status == 200 end)
    for _ = 1, 5 do assert.equal(200, s:request({ "GET", "/p/ledger/count?who=me" }).status) end
    local code, out, err = server.command("lua", "--data", s.data, script)
    assert.equal(0, code, err)
    assert.matches('plugin_ledger_asked_total{who="me"} 25', out, 1, true)
    assert.matches("plugin_ledger_seconds 25", out, 1, true)
    for i = 1, 100 do assert.equal(200, s:request({ "GET", "/p/ledger/count?who=" .. i }).status) end
    local told = s:request({ "GET", "/metrics" }).body
    local kept = select(2, told:gsub("\nplugin_ledger_asked_total{", ""))
    local others = tonumber(told:match('\nplugin_ledger_asked_total{who="other"} (%d+)'))
    local lookups = tonumber(told:match('\ngifd_metric_other_total{group="plugin_ledger"} (%d+)'))
    assert.same({ 64, 38 }, { kept, others }) -- me and 62 more, beside the histogram; the rest is one series
    assert.equal(others, lookups)
    assert.equal(1, tonumber(told:match('\nplugin_ledger_asked_total{who="62"} (%d+)')))
    assert.is_nil(told:find('who="63"', 1, true))
    s:stop()
  end)
end)
