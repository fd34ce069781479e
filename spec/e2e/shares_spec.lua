-- Shares over the API: own codes, changes, lists, ends; and who may see what, by every form of URL.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

describe("shares", function()
  local s, admin, asset, code
  setup(function()
    s = server.start()
    admin = s:token "admin"
    local reply = s:upload(pictures.gif(), admin, "title=first")
    asset, code = reply.json.asset, reply.json.share.code
  end)
  teardown(function() s:stop() end)

  local function create(fields, token)
    fields.asset_id = fields.asset_id or asset.id
    return s:request { "POST", "/api/v1/shares", token = token or admin, json = fields }
  end

  local function forms(a, c)
    return { "/s/" .. c, "/s/" .. c .. ".gif", "/s/" .. c .. ".png", "/s/" .. c .. ".json", "/a/" .. a, "/a/" .. a
      .. ".gif",
             "/a/" .. a .. ".mp4", "/a/" .. a .. "/poster", "/api/v1/assets/" .. a, "/api/v1/shares/" .. c,
             "/oembed?url=" .. s.url .. "/s/" .. c }
  end

  it("can have a code of one's own, once", function()
    local reply = create { code = "my-cat_1", title = "mine", tags = { "a" } }
    assert.equal(201, reply.status, reply.body)
    assert.equal("my-cat_1", reply.json.code)
    assert.equal(409, create { code = "my-cat_1" }.status)
    for _, bad in ipairs { "x", "a/b", "a b", ("x"):rep(65), "é1" } do
      local refused = create { code = bad }
      assert.equal(422, refused.status, bad)
      assert.equal("/code", refused.json.errors[1].pointer)
    end
  end)

  it("refuse what is no field, no asset, no object", function()
    assert.equal("/titel", create({ titel = "x" }).json.errors[1].pointer)
    assert.equal("/title", create({ title = 5 }).json.errors[1].pointer)
    assert.equal(404, create({ asset_id = "0123456789abcdef" }).status)
    assert.equal(400, s:request { "POST", "/api/v1/shares", token = admin, body = "{" }.status)
    assert.equal(400, s:request { "POST", "/api/v1/shares", token = admin, body = "[]" }.status)
  end)

  it("change, and can be taken away", function()
    local made = create({ title = "before" }).json
    local changed = s:request { "PATCH", "/api/v1/shares/" .. made.code, token = admin,
      json = { title = "after", tags = { "x" } } }
    assert.equal(200, changed.status, changed.body)
    assert.equal("after", changed.json.title)
    assert.same({ "x" }, s:request({ "GET", "/api/v1/shares/" .. made.code }).json.tags)
    assert.equal(204, s:request { "DELETE", "/api/v1/shares/" .. made.code, token = admin }.status)
    assert.equal(404, s:request { "GET", "/s/" .. made.code }.status)
    assert.equal(404, s:request { "DELETE", "/api/v1/shares/" .. made.code, token = admin }.status)
  end)

  it("of others cannot be changed", function()
    local stranger = s:token("upload", "stranger")
    assert.equal(403, s:request { "PATCH", "/api/v1/shares/" .. code, token = stranger, json = { title = "x" } }.status)
    assert.equal(403, s:request { "DELETE", "/api/v1/shares/" .. code, token = stranger }.status)
  end)

  it("are listed newest first, a page at a time, each once", function()
    local token = s:token("trusted", "lister")
    local made = {}
    for i = 1, 5 do made[6 - i] = s:upload(pictures.gif(), token).json.share.code end
    local seen, cursor = {}, nil
    repeat
      local page = s:request { "GET", "/api/v1/shares?limit=2" .. (cursor and "&cursor=" .. cursor or ""),
        token = token }
      assert.equal(200, page.status, page.body)
      for _, item in ipairs(page.json.items) do seen[#seen + 1] = item.code end
      cursor = type(page.json.next) == "string" and page.json.next or nil
    until not cursor
    assert.same(made, seen)
    assert.equal(422, s:request({ "GET", "/api/v1/shares?cursor=bogus", token = token }).status)
    assert.equal(422, s:request({ "GET", "/api/v1/shares?limit=0", token = token }).status)
  end)

  it("that are private are there for their owner alone, by every form of URL", function()
    local reply = s:upload(pictures.gif(), admin, "visibility=private", { Prefer = "wait=20" })
    local a, c = reply.json.asset.id, reply.json.share.code
    for _, path in ipairs(forms(a, c)) do assert.equal(404, s:request({ "GET", path }).status, path) end
    assert.equal(200, s:request({ "GET", "/a/" .. a, token = admin }).status)
    local page = s:request { "GET", "/s/" .. c, token = admin }
    assert.equal(200, page.status)
    assert.matches("private", page.headers["cache-control"])
  end)

  it("that have expired are gone", function()
    local made = create({ expires_at = "2020-01-01T00:00:00Z" }).json
    assert.equal("expired", made.state)
    for _, path in ipairs { "/s/" .. made.code, "/s/" .. made.code .. ".gif", "/api/v1/shares/" .. made.code } do
      assert.equal(410, s:request({ "GET", path }).status, path)
    end
    assert.equal("/expires_at", create({ expires_at = "tomorrow" }).json.errors[1].pointer)
  end)

  it("that nobody vouched for are seen by their uploader alone, who is told why", function()
    local token = s:token("upload", "newcomer")
    local reply = s:upload(pictures.gif(), token, "title=hello", { Prefer = "wait=20" })
    assert.equal("flagged", reply.json.share.state)
    assert.equal("flagged", reply.json.asset.state)
    assert.is_true(#reply.json.share.reasons > 0)
    for _, path in ipairs(forms(reply.json.asset.id, reply.json.share.code)) do
      assert.equal(404, s:request({ "GET", path }).status, path)
    end
    assert.equal(200, s:request({ "GET", "/a/" .. reply.json.asset.id, token = token }).status)
  end)

  it("of bytes that somebody trusted uploads later too are judged anew, their owner's words are not", function()
    local bytes = pictures.gif()
    local first = s:upload(bytes, s:token("upload", "newcomer"))
    assert.equal("flagged", first.json.asset.state)
    local second = s:upload(bytes, admin)
    assert.equal("live", second.json.share.state)
    assert.not_equal("flagged", second.json.asset.state)
    assert.equal(200, s:request({ "GET", "/a/" .. first.json.asset.id }).status)
    assert.equal(404, s:request({ "GET", "/s/" .. first.json.share.code }).status)
  end)

  it("with bad words are rejected without harm to the asset's other shares", function()
    local bad = create { title = "graphic violence" }
    assert.equal("rejected", bad.json.state)
    assert.matches("violence", bad.json.reasons[1])
    assert.equal(410, s:request({ "GET", "/s/" .. bad.json.code }).status)
    assert.equal(200, s:request({ "GET", "/s/" .. code }).status)
    assert.equal("live", create({ title = "Essex graphic design" }).json.state)
    local changed = s:request { "PATCH", "/api/v1/shares/" .. bad.json.code, token = admin, json = { title = "tame" } }
    assert.equal("live", changed.json.state)
  end)

  it("count a visit of their page, and nothing else", function()
    local made = create({}).json
    for _ = 1, 5 do s:request { "GET", "/s/" .. made.code } end
    s:request { "HEAD", "/s/" .. made.code }
    s:request { "GET", "/s/" .. made.code .. ".gif" }
    assert.equal(5, s:request({ "GET", "/api/v1/shares/" .. made.code }).json.clicks)
    server.wait_until("the count in rows", function()
      local pipe = io.popen(([[sqlite3 -readonly %s/catalogue.db "SELECT sum(n) FROM hit_rows WHERE kind & 61455 = 3
          AND part = (SELECT id FROM shares WHERE code = '%s')"]])
        :format(s.data, made.code))
      local n = pipe:read("*l")
      pipe:close()
      return tonumber(n or "") == 5
    end)
    assert.equal(5, s:request({ "GET", "/api/v1/shares/" .. made.code }).json.clicks)
  end)

  it("unfurl, with every text escaped", function()
    local made = create({ title = '"><script>alert(1)</script>', description = "<b>" }).json
    local page = s:request { "GET", "/s/" .. made.code }
    assert.is_nil(page.body:find("<script>alert", 1, true))
    assert.matches('property="og:image"', page.body)
    assert.matches("script%-src 'self'", page.headers["content-security-policy"])
    local oembed = s:request { "GET", "/oembed?url=" .. s.url .. "/s/" .. made.code }
    assert.equal("1.0", oembed.json.version)
    assert.equal(404, s:request({ "GET", "/oembed?url=http://elsewhere.example/s/" .. made.code }).status)
  end)
end)
