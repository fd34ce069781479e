-- Routes of plugins by their contract, over the real program, and what they may do with the product's data.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

describe("a plugin's route", function()
  local s, owner, other, writer
  setup(function()
    s = server.start { plugins = { "spec/support/plugins" }, config = "return { plugins = { desk = true } }" }
    owner, other = s:token("trusted", "owner"), s:token("upload,read", "other")
    writer = s:token("desk:write", "owner")
  end)
  teardown(function() s:stop() end)

  local function get(path, token) return s:request { "GET", path, token = token } end

  it("that returns rubbish is 500 with a request id; the log has plugin, file and field, strangers nothing", function()
    for how, said in pairs { word = "a string", status = "status: must be", headers = "headers", both = "excludes body",
      key = "sttus: unknown key", split = "one line", cache = "cache%.seconds", throws = "a secret of the author",
      text = "not an err", code = "made%-up", none = "a nil" } do
      local reply = get("/p/desk/rubbish?how=" .. how)
      assert.equal(500, reply.status, how)
      assert.equal("internal", reply.json.code)
      assert.equal(reply.headers["request-id"], reply.json.request_id)
      assert.is_nil(reply.body:find("secret", 1, true), how)
      assert.is_nil(reply.body:find("init.lua", 1, true), how)
      assert.matches(said, s:errors(), how)
    end
    assert.matches('plugins/desk/init%.lua:%d+: plugin desk: route [^ ]*GET /rubbish[^ ]* returned status', s:errors())
    local reply = get("/p/desk/rubbish?how=refuses")
    assert.equal("409 it is there already", reply.status .. " " .. reply.json.detail)
  end)

  it("asks for its permission, and answers a wrong body with the field", function()
    local function post(body, token) return s:request { "POST", "/p/desk/strict", token = token, json = body } end
    assert.equal(401, post({ n = 1 }).status)
    assert.equal(403, post({ n = 1 }, other).status)
    assert.same({ n = 1, list = { "a" } }, post({ n = 1, list = { "a" } }, writer).json)
    local reply = post({ n = 0, list = { "a", "long" }, m = 1 }, writer)
    assert.equal(422, reply.status)
    local pointers = {}
    for i, e in ipairs(reply.json.errors) do pointers[i] = e.pointer end
    table.sort(pointers)
    assert.same({ "/list/1", "/m", "/n" }, pointers)
    assert.equal(400, s:request({ "POST", "/p/desk/strict", token = writer, body = "{" }).status)
  end)

  it("has limits of its own, or those of another route", function()
    for _, path in ipairs { "/p/desk/limited", "/p/desk/likewise" } do
      assert.equal(200, get(path).status)
      assert.equal(429, get(path).status)
    end
  end)

  it("may be kept until the plugin takes it back, by tag or key, and counts visits of shares", function()
    local share = s:upload(pictures.gif(), owner).json.share
    local function made(query) return get("/p/desk/kept?" .. query).json.made end
    local first = made "k=a"
    assert.equal(first, made "k=a")
    local b = made "k=b"
    s:request { "POST", "/p/desk/purge?tag=a", token = owner }
    assert.are_not.equal(first, made "k=a")
    assert.equal(b, made "k=b")
    s:request { "POST", "/p/desk/purge?tag=all", token = owner }
    assert.are_not.equal(b, made "k=b")
    for _ = 1, 3 do made("k=c&code=" .. share.code) end
    server.wait_until("the count", function()
      return get("/api/v1/shares/" .. share.code, owner).json.clicks == 3
    end)
  end)

  it("sees and changes shares with the rights of whoever asks", function()
    local private = s:upload(pictures.gif(), owner, "visibility=private&title=mine").json.share
    local public = s:upload(pictures.gif(), owner, "title=yours").json.share
    local path = "/p/desk/shares/" .. private.code
    assert.is_false(get(path).json.share)
    assert.is_false(get(path, other).json.share)
    assert.equal("mine", get(path, owner).json.share.title)
    assert.equal("owner", get("/p/desk/shares/" .. public.code).json.share.account)
    assert.is_false(s:request({ "PATCH", path, token = other, json = { title = "taken" } }).json.result)
    assert.is_false(s:request({ "DELETE", path, token = other }).json.result)
    local changed = s:request({ "PATCH", path, token = owner, json = { title = "changed" } })
    assert.equal(200, changed.status, changed.body)
    assert.equal("changed", get(path, owner).json.share.title)
    assert.equal(400, s:request({ "PATCH", path, token = owner, json = { titel = "x" } }).status)
    local again = s:request({ "POST", "/p/desk/shares", token = other,
      json = { asset_id = public.asset_id, title = "again" } }).json.result
    assert.equal("other", again.account)
    assert.equal(public.asset_id, again.asset_id)
    assert.is_true(s:request({ "DELETE", "/p/desk/shares/" .. again.code, token = other }).json.result)
    assert.equal(404, get("/s/" .. again.code).status)
    local page = get("/p/desk/shares?limit=1", owner).json.result
    assert.equal(1, #page.items)
    local rest = get("/p/desk/shares?limit=1&cursor=" .. page.next, owner).json.result
    assert.are_not.equal(page.items[1].code, rest.items[1].code)
    assert.equal(public.asset_id, get("/p/desk/assets/" .. public.asset_id).json.result.id)
    assert.is_false(get("/p/desk/assets/" .. private.asset_id).json.result)
  end)

  it("cannot speak for somebody by a ctx that it made or kept", function()
    local private = s:upload(pictures.gif(), owner, "visibility=private").json.share
    local path = "/p/desk/shares/" .. private.code
    assert.equal(200, get(path, owner).status)
    for _, how in ipairs { "forged", "old" } do assert.equal(500, get(path .. "?ctx=" .. how).status, how) end
    assert.matches("must be the ctx that this call was given", s:errors())
  end)
end)

describe("a plugin that may do so for anybody", function()
  local s, owner, other
  setup(function()
    s = server.start { plugins = { "spec/support/plugins" },
      config = 'return { plugins = { clerk = true, ["moderation-words"] = true } }' }
    owner, other = s:token("trusted", "owner"), s:token("trusted", "other")
  end)
  teardown(function() s:stop() end)

  local function share_of(code) return s:request({ "GET", "/api/v1/shares/" .. code, token = owner }).json end

  it("reads, makes and changes shares of all; judges look again and trust stays", function()
    local share = s:upload(pictures.gif(), owner, "visibility=private&title=mine&tags=a").json.share
    s:upload(pictures.gif(), other, "title=theirs")
    server.wait_until("the stamp", function() return share_of(share.code).tags[2] == "stamped" end)
    server.wait_until("the verdict", function() return share_of(share.code).state == "live" end)
    local all = s:request({ "GET", "/p/clerk/shares" }).json.result.items
    assert.equal(2, #all)
    local theirs = s:request({ "GET", "/p/clerk/shares?account=other" }).json.result.items
    assert.equal("1 theirs", #theirs .. " " .. theirs[1].title)
    local page = s:request({ "GET", "/p/clerk/assets" }).json.result
    assert.equal("1 image/gif", #page.items .. " " .. page.items[1].type)
    assert.is_string(page.next)
    local function create(fields) return s:request { "POST", "/p/clerk/shares", json = fields } end
    local made = create { asset_id = share.asset_id, account = "owner", title = "porn", code = "clerks" }
    assert.equal("rejected", made.json.result.state)
    server.wait_until("it is judged with its stamp", function() return share_of("clerks").state == "rejected" end)
    assert.equal(409, create({ asset_id = share.asset_id, account = "owner", code = "clerks" }).status)
    assert.equal(404, create({ asset_id = share.asset_id, account = "nobody" }).status)
    assert.equal(400, create({ asset_id = share.asset_id }).status)
    assert.equal(404, create({ asset_id = ("0"):rep(16), account = "owner" }).status)
  end)

  it("changes nothing while it judges", function()
    local code = s:upload(pictures.gif(), owner, "title=meddle").json.share.code
    server.wait_until("it is judged with its stamp", function() return share_of(code).state == "flagged" end)
    assert.matches("changes nothing", s:errors())
  end)
end)
