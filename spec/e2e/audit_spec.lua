-- The audit log: what is entered, who may read it, and that whoever changes the file is found.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local files = require "files"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local function sql(data, text)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(".timeout 5000\n", text, "\n")
  f:close()
  assert.equal(0, os.execute(("sqlite3 -bail '%s/catalogue.db' < %s > /dev/null 2>&1"):format(data, path)))
  os.remove(path)
end

--- Entries of a type, the oldest first.
local function entries(s, kind)
  local code, out = server.command("audit", "export", "--data", s.data, "--type", kind)
  assert.equal(0, code)
  local found = {}
  for line in out:gmatch("[^\n]+") do found[#found + 1] = cjson.decode(line) end
  return found
end

--- verify --json on a data directory -> exit code, what it says
local function verified(data, ...)
  local code, out, err = server.command("audit", "verify", "--json", "--data", data, ...)
  return code, out:match("^{") and cjson.decode(out) or err
end

--- Runs Lua with the primitives on a data directory.
local function script(data, text)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  local code, out, err = server.command("lua", "--data", data, path)
  os.remove(path)
  assert.equal(0, code, err)
  return out
end

local add_many = [[
  local audit = require "gifd.flow.audit"
  for i = 1, %d do
    local calls = {}
    audit.add(nil, calls, { action = "share.update", actor = "account:ann", kind = "share", subject = "code" .. i,
      asset = "a%%d", account = "bob", detail = { n = i }, class = "%s" })
    assert(gifd.db.batch(calls))
  end]]

describe("the audit log of a server", function()
  local s, admin
  setup(function()
    s = server.start()
    admin = s:token "admin"
  end)
  teardown(function() s:stop() end)

  local function list(query, token)
    return s:request { "GET", "/api/v1/audit" .. (query and "?" .. query or ""), token = token or admin }
  end

  it("has one entry for each change of assets, shares, tokens and accounts, and says whose it was", function()
    local ann = s:token("upload", "ann")
    local made = s:upload(pictures.gif(), ann, "title=secret-words").json
    local code, id = made.share.code, made.asset.id
    s:upload(pictures.gif(), ann)
    assert.equal(200, s:request({ "PATCH", "/api/v1/shares/" .. code, token = ann,
      json = { title = "other-words", visibility = "unlisted" } }).status)
    assert.equal(204, s:request({ "DELETE", "/api/v1/shares/" .. code, token = admin }).status)
    local create, update, delete = entries(s, "share.create"), entries(s, "share.update"), entries(s, "share.delete")
    assert.same({ "account:ann", code, id, "ann" }, { create[1].actor, create[1].subject, create[1].asset_id,
      create[1].account })
    assert.same({ { "title", "visibility" }, "unlisted" }, { update[1].detail.changed, update[1].detail.visibility })
    assert.same({ 1, "account:admin", "ann" }, { #delete, delete[1].actor, delete[1].account })
    local assets = {}
    for _, e in ipairs(entries(s, "asset.create")) do assets[e.subject] = (assets[e.subject] or 0) + 1 end
    assert.equal(1, assets[id])
    local tokens = entries(s, "token.create")
    assert.equal("admin", tokens[1].detail.scopes)
    assert.equal("upload", tokens[2].detail.scopes)
    assert.equal(0, (server.command("token", "revoke", tokens[2].subject, "--data", s.data)))
    assert.equal(4, (server.command("token", "revoke", tokens[2].subject, "--data", s.data)))
    assert.equal(1, #entries(s, "token.revoke"))
    assert.equal(2, #entries(s, "account.create"))
    local _, all = server.command("audit", "export", "--data", s.data)
    assert.is_nil(all:find("words", 1, true))
    assert.is_nil(all:find(ann, 1, true))
  end)

  it("knows keys, sign-in and each new configuration by its digest", function()
    local _, kid = server.command("keys", "rotate", "--data", s.data)
    assert.equal(kid:gsub("%s", ""), entries(s, "key.rotate")[1].subject)
    local _, link = server.command("login", "--data", s.data)
    local reply = s:request { "GET", link:match("/signin%S+") }
    local cookie = reply.headers["set-cookie"]:match("^[^;]+")
    assert.equal("account:admin", entries(s, "session.create")[1].actor)
    s:request { "POST", "/signout", headers = { cookie = cookie, origin = s.url } }
    assert.equal(1, #entries(s, "session.end"))
    local before = entries(s, "configuration.live")
    assert.equal(1, #before)
    for _, pid in ipairs(s:children "gifd%-runner") do posix.kill(pid, posix.SIGKILL) end
    socket.sleep(1)
    assert.equal(1, #entries(s, "configuration.live"))
    assert.equal(64, #before[1].subject)
  end)

  it("is for admins and the scope audit alone", function()
    for _, path in ipairs { "", "/export", "/report", "/anchor" } do
      local full = "/api/v1/audit" .. path
      assert.equal(401, s:request({ "GET", full }).status)
      assert.equal(403, s:request({ "GET", full, token = s:token "upload,trusted,read" }).status)
      assert.equal(200, s:request({ "GET", full, token = s:token "audit" }).status)
    end
    assert.equal(403, s:request({ "GET", "/api/v1/jobs/metrics", token = s:token "audit" }).status)
  end)

  it("is asked by asset, user, moderator, type and time, page by page", function()
    script(s.data, add_many:format(25, "short"):gsub("a%%d", "a0a0a0a0a0a0a0a0"))
    local seen, cursor, pages = {}, nil, 0
    repeat
      local reply = list("user=bob&limit=10" .. (cursor and "&cursor=" .. cursor or ""))
      assert.equal(200, reply.status, reply.body)
      for _, e in ipairs(reply.json.items) do seen[#seen + 1] = e.detail.n end
      cursor, pages = reply.json.next ~= cjson.null and reply.json.next or nil, pages + 1
    until not cursor
    assert.same({ 25, 3, 25, 1 }, { #seen, pages, seen[1], seen[25] })
    assert.equal(25, #list("asset=a0a0a0a0a0a0a0a0&limit=100").json.items)
    assert.equal(25, #list("moderator=ann&user=bob&limit=100").json.items)
    assert.equal(25, #list("moderator=ann&type=share.update&user=bob&limit=100").json.items)
    assert.equal(0, #list("user=bob&type=share.create").json.items)
    assert.equal(0, #list("user=bob&from=2030-01-01T00:00:00Z").json.items)
    assert.equal(25, #list("user=bob&to=2030-01-01T00:00:00Z&limit=100").json.items)
    for _, wrong in ipairs { "from=yesterday", "limit=0", "cursor=x", "limit=1000", "from=1" } do
      assert.equal(422, list(wrong).status, wrong)
    end
  end)

  it("is exported whole, as lines and as a table that no spreadsheet takes for formulas", function()
    script(s.data, [[
      local audit = require "gifd.flow.audit"
      for round = 1, 12 do
        local calls = {}
        for i = 1, 200 do
          audit.add(nil, calls, { action = "share.update", actor = "account:eve", kind = "share",
            subject = i == 7 and '=HYPERLINK("http://x","y")' or i == 8 and " @SUM(1)" or "c" .. i, account = "eve",
            detail = { text = ("x"):rep(500) } })
        end
        assert(gifd.db.batch(calls))
      end]])
    local export = s:request { "GET", "/api/v1/audit/export?user=eve", token = admin }
    local _, lines = export.body:gsub("\n", "")
    assert.same({ 2400, "chunked" }, { lines, export.headers["transfer-encoding"] })
    assert.equal("c1", cjson.decode(export.body:match("^[^\n]+")).subject)
    local csv = s:request({ "GET", "/api/v1/audit/export?user=eve&format=csv", token = admin }).body
    _, lines = csv:gsub("\r\n", "")
    assert.equal(2401, lines)
    assert.is_truthy(csv:find([["'=HYPERLINK(""http://x"",""y"")"]], 1, true))
    assert.is_truthy(csv:find([["' @SUM(1)"]], 1, true))
    assert.is_nil(csv:find(",=", 1, true))
    assert.equal(422, s:request({ "GET", "/api/v1/audit/export?format=xls", token = admin }).status)
    local _, told = server.command("audit", "export", "--format", "csv", "--user", "eve", "--data", s.data)
    assert.same({ #csv, true }, { #told, csv == told })
  end)

  it("is counted by type and decision", function()
    script(s.data, [[
      local audit, calls = require "gifd.flow.audit", {}
      for i = 1, 5 do
        audit.add(nil, calls, { action = "asset.verdict", actor = "judge:words", kind = "asset", subject = "a" .. i,
          detail = { decision = i > 3 and "rejected" or "approved" } })
      end
      assert(gifd.db.batch(calls))]])
    local report = s:request({ "GET", "/api/v1/audit/report", token = admin }).json
    assert.is_true(report.by_decision.rejected >= 2 and report.by_decision.approved >= 3)
    local total = 0
    for _, item in ipairs(report.items) do total = total + item.count end
    assert.equal(report.entries, total)
    assert.equal(0, s:request({ "GET", "/api/v1/audit/report?to=2001-01-01T00:00:00Z", token = admin }).json.entries)
  end)

  it("is as it was written after kills in the middle of writing", function()
    local trusted = s:token "trusted"
    for round = 1, 3 do
      local victims = s:children(round == 2 and "gifd%-runner" or "gifd%-worker")
      for i = 1, 12 do
        pcall(s.upload, s, pictures.gif { frames = 2 }, trusted, "title=k" .. round)
        if i == 4 + round then for _, pid in ipairs(victims) do posix.kill(pid, posix.SIGKILL) end end
      end
    end
    s:kill()
    local code, told = verified(s.data)
    assert.equal(0, code, tostring(told.text))
    s:begin()
    assert.equal(0, (verified(s.data)))
  end)
end)

describe("whoever changes the audit log is found:", function()
  local base, data
  setup(function()
    base = posix.mkdtemp("/tmp/gifd-spec-XXXXXX")
    script(base .. "/whole", add_many:format(40, "indefinite"):gsub("a%%d", "a0a0a0a0a0a0a0a0"))
  end)
  teardown(function() os.execute("rm -rf '" .. base .. "'") end)
  before_each(function()
    data = base .. "/data"
    os.execute(("rm -rf '%s' && cp -a '%s/whole' '%s'"):format(data, base, data))
  end)

  local triggers = "DROP TRIGGER audit_stays; DROP TRIGGER audit_unchanged; DROP TRIGGER audit_in_order;\n"

  local function found(row, kind, what)
    local code, told = verified(data)
    assert.same({ 1, row, kind }, { code, told.row, told.fault }, what)
    local _, _, err = server.command("audit", "verify", "--data", data)
    if kind ~= "head" then assert.is_truthy(err:find("row " .. row .. " ", 1, true), err) end
  end

  it("nobody has", function()
    local code, told = verified(data)
    assert.same({ 0, true, 40 }, { code, told.ok, told.rows })
  end)

  it("by SQL, which the table itself refuses", function()
    for _, text in ipairs { "DELETE FROM audit WHERE id = 9", "UPDATE audit SET actor = 'x'",
      "UPDATE audit SET action = NULL, actor = NULL, kind = NULL, subject = NULL, asset = NULL, account = NULL, "
      .. "decision = NULL, detail = NULL", "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE id = 4" } do
      assert.is_false(pcall(sql, data, text), text)
    end
    assert.equal(0, (verified(data)))
  end)

  local changes = {
    { "a word of a row", "UPDATE audit SET actor = 'account:eve' WHERE id = 12", 12, "altered" },
    { "a time", "UPDATE audit SET at = at + 1 WHERE id = 12", 12, "altered" },
    { "a class", "UPDATE audit SET class = 'short', expires_at = at + 2592000000000 WHERE id = 12", 12, "altered" },
    { "the first row", "UPDATE audit SET subject = 'y' WHERE id = 1", 1, "altered" },
    { "the last row", "UPDATE audit SET detail = '{}' WHERE id = 40", 40, "altered" },
    { "a row emptied before its time", "UPDATE audit SET action = NULL, actor = NULL, kind = NULL, subject = NULL, "
      .. "asset = NULL, account = NULL, decision = NULL, detail = NULL WHERE id = 20", 20, "emptied" },
    { "a row removed", "DELETE FROM audit WHERE id = 17", 17, "missing" },
    { "rows removed at the start", "DELETE FROM audit WHERE id < 4", 1, "missing" },
    { "a row removed and the gap closed", "DELETE FROM audit WHERE id = 17; UPDATE audit SET id = -(id - 1) "
      .. "WHERE id > 17; UPDATE audit SET id = -id WHERE id < 0", 17, "altered" },
    { "two rows exchanged", "UPDATE audit SET id = 99 WHERE id = 8; UPDATE audit SET id = 8 WHERE id = 9; "
      .. "UPDATE audit SET id = 9 WHERE id = 99", 8, "altered" },
    { "the end cut off", "DELETE FROM audit WHERE id > 30", 31, "missing" },
    { "everything removed", "DELETE FROM audit", 1, "missing" },
    { "a row put at the end", "INSERT INTO audit SELECT 41, at, class, expires_at, action, actor, kind, subject, "
      .. "asset, account, decision, detail, digest, mac FROM audit WHERE id = 40", 41, "altered" },
    { "seals of one's own", "UPDATE audit SET subject = 'y', digest = randomblob(32), mac = randomblob(32) "
      .. "WHERE id >= 25", 25, "altered" },
  }
  for _, change in ipairs(changes) do
    it(change[1], function()
      sql(data, triggers .. change[2] .. ";")
      found(change[3], change[4], change[1])
    end)
  end

  it("a byte of the file", function()
    sql(data, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE;")
    local path = data .. "/catalogue.db"
    local bytes = files.read(path)
    local at = assert(bytes:find("{\"n\":33}", 1, true))
    server.put(path, bytes:sub(1, at + 4) .. "9" .. bytes:sub(at + 6))
    found(33, "altered")
  end)

  it("a chain that was computed again with another key", function()
    os.remove(data .. "/seal.key")
    sql(data, triggers .. "DELETE FROM audit WHERE id > 20;")
    script(data, add_many:format(30, "indefinite"))
    local code, told = verified(data)
    assert.same({ 1, 1, "altered" }, { code, told.row, told.fault })
  end)

  it("an end that was cut off and written anew by the server itself", function()
    sql(data, triggers .. "DELETE FROM audit WHERE id > 30;")
    script(data, add_many:format(30, "indefinite"))
    found(40, "altered")
  end)

  it("an end that was cut off together with its head, by an anchor that somebody kept", function()
    local _, anchor = server.command("audit", "anchor", "--data", data)
    anchor = anchor:match("^%S+")
    script(data, add_many:format(5, "indefinite"))
    assert.equal(0, (verified(data, "--anchor", anchor)))
    os.execute(("rm -rf '%s' && cp -a '%s/whole' '%s'"):format(data, base, data))
    script(data, add_many:format(1, "indefinite"))
    local _, later = server.command("audit", "anchor", "--data", data)
    os.execute(("rm -rf '%s' && cp -a '%s/whole' '%s'"):format(data, base, data))
    assert.equal(0, (verified(data, "--anchor", anchor)))
    local code, told = verified(data, "--anchor", later:match("^%S+"))
    assert.same({ 1, 41, "anchor" }, { code, told.row, told.fault })
  end)

  it("a head that is gone, or is another's", function()
    os.remove(data .. "/audit.head")
    script(data, add_many:format(1, "indefinite"))
    found(41, "head")
    local head = files.read(base .. "/whole/audit.head")
    server.put(data .. "/audit.head", (head:gsub("^40 ", "30 ")))
    found(41, "head")
    assert.equal(0, (server.command("audit", "anchor", "--accept", "--data", data)))
    assert.equal(0, (verified(data)))
    local _, last = server.command("audit", "list", "--limit", "1", "--data", data)
    assert.is_truthy(last:find("audit.accept", 1, true))
  end)

  it("what has gone in its time breaks nothing, and what says so falsely is found", function()
    script(data, [[
      local moment = require "gifd.moment"
      local now = moment.now
      moment.now = function() return now() - 31 * 86400 * 1e6 end]] .. add_many:format(6, "short"))
    script(data, [[assert(require("gifd.flow.audit").sweep())]])
    local _, all = server.command("audit", "export", "--data", data)
    local _, lines = all:gsub("\n", "")
    assert.equal(40, lines)
    local code, told = verified(data)
    assert.same({ 0, 46 }, { code, told.rows })
    sql(data, triggers .. "UPDATE audit SET digest = randomblob(32) WHERE id = 44;")
    found(44, "altered")
  end)
end)
