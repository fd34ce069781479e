-- What counts as a view of media, over the real program: by every form of address, from the first reply (made by Lua)
-- on to those that are kept (given by C), once each, whoever dies.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"

local discord = { ["user-agent"] = "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)" }

describe("views", function()
  local s, owner
  setup(function()
    s = server.start { workers = 2 }
    owner = s:token("trusted", "owner")
  end)
  teardown(function() s:stop() end)

  --- A new asset whose renditions are there, and its share
  local function made(query)
    local reply = s:upload(pictures.gif { frames = 3 }, owner, query or "title=seen", { Prefer = "wait=20" })
    assert.is_true(reply.status == 201 or reply.status == 200, reply.body)
    assert.equal("ready", reply.json.asset.state)
    return reply.json.asset, reply.json.share
  end

  local function get(path, headers, method)
    return s:request { method or "GET", path, headers = headers }
  end

  local function share_of(code) return s:request { "GET", "/api/v1/shares/" .. code, token = owner }.json end
  local function asset_of(id) return s:request { "GET", "/api/v1/assets/" .. id, token = owner }.json end

  --- What a function adds to the views of an asset (and of a share), as the API tells them at once. The same question
  -- is asked often enough to be answered by Lua and by C in both workers.
  local TIMES = 8
  local function adds(asset, path, status, headers, method)
    local before = asset_of(asset.id).views
    for _ = 1, TIMES do assert.equal(status, get(path, headers, method).status, path) end
    return (asset_of(asset.id).views - before) / TIMES
  end

  --- How many views of an asset, or of a share, are in rows
  local function rows(where)
    local pipe = io.popen(("sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"SELECT coalesce(sum(n), 0) FROM "
      .. "hit_rows WHERE kind & 15 = 1 AND %s\""):format(s.data, where))
    local n = tonumber(pipe:read "*l")
    pipe:close()
    return n
  end
  local function asset_rows(id) return rows(("subject = (SELECT rowid_ FROM assets WHERE id = '%s')"):format(id)) end
  local function share_rows(code) return rows(("part = (SELECT id FROM shares WHERE code = '%s')"):format(code)) end

  it("are each GET of media from its start: whole, first range, or not modified", function()
    local asset = made()
    local path = "/a/" .. asset.id
    local etag = get(path, nil, "HEAD").headers.etag
    local cases = {
      { 200 }, { 206, { range = "bytes=0-9" } }, { 206, { range = "bytes=0-" } },
      { 206, { range = "bytes=-100000" } }, -- longer than it is: all of it
      { 206, { range = "bytes=0-1,100-110" } }, { 200, { range = "bytes=9-5" } }, { 200, { range = "lines=5-9" } },
      { 304, { ["if-none-match"] = etag } }, { 200, { range = "bytes=5-9", ["if-range"] = '"another"' } },
      { 200, { ["if-match"] = etag } },
    }
    for i, case in ipairs(cases) do assert.equal(1, adds(asset, path, case[1], case[2]), "case " .. i) end
  end)

  it("are not later ranges, what is refused, HEAD, or what is not there", function()
    local asset = made()
    local path = "/a/" .. asset.id
    local etag = get(path, nil, "HEAD").headers.etag
    local cases = {
      { 206, { range = "bytes=1-9" } }, { 206, { range = "bytes=-5" } },
      { 206, { range = "bytes=5-9", ["if-range"] = etag } }, { 206, { range = "bytes=1-2,120-125" } },
      { 416, { range = "bytes=100000-" } }, { 412, { ["if-match"] = '"another"' } },
      { 200, nil, "HEAD" }, { 200, { range = "bytes=0-9" }, "HEAD" }, { 304, { ["if-none-match"] = etag }, "HEAD" },
    }
    for i, case in ipairs(cases) do assert.equal(0, adds(asset, path, case[1], case[2], case[3]), "case " .. i) end
    assert.equal(0, adds(asset, path .. "/nothing", 404))
    assert.equal(0, adds(asset, path .. "/poster.png", 404))
    assert.equal(0, adds(asset, "/api/v1/assets/" .. asset.id, 200))
  end)

  it("are of the asset by every form of address, and of the share that is named", function()
    local asset, share = made()
    local code = share.code
    local function both(path, of_share)
      local before = share_of(code)
      assert.equal(1, adds(asset, path, 200), path)
      local after = share_of(code)
      assert.equal(of_share * TIMES, after.views - before.views, path)
      assert.equal(before.clicks, after.clicks, path)
    end
    for _, form in ipairs { "", ".gif", ".mp4", "/poster", "/mp4", "/poster.jpg", "?download" } do
      both("/a/" .. asset.id .. form, 0)
    end
    for _, form in ipairs { ".gif", ".mp4", ".png" } do both("/s/" .. code .. form, 1) end
    both("/a/" .. asset.id .. "?s=" .. code, 1)
    both("/a/" .. asset.id .. ".mp4?s=" .. code, 1)
    local _, other = made() -- another asset's share, and none at all, are nobody's
    both("/a/" .. asset.id .. "?s=" .. other.code, 0)
    both("/a/" .. asset.id .. "?s=nothing-there", 0)
    assert.equal(0, share_of(other.code).views)
    assert.equal(0, adds(asset, "/s/" .. code, 200))
    assert.equal(0, adds(asset, "/s/" .. code .. ".json", 200))
    assert.equal(TIMES, share_of(code).clicks)
  end)

  it("and clicks are at once those of the asset and of its share, whichever of them was asked for", function()
    local asset, share = made()
    local function metrics(path)
      local got = s:request({ "GET", "/api/v1/" .. path .. "/metrics", token = owner }).json
      return { got.clicks, got.views }
    end
    for i = 1, TIMES do
      assert.equal(200, get("/s/" .. share.code).status)
      assert.equal(200, get("/a/" .. asset.id, { referer = s.url .. "/s/" .. share.code }).status)
      assert.same({ i, i }, metrics("assets/" .. asset.id))
      assert.same({ i, i }, metrics("shares/" .. share.code))
      assert.equal(i, share_of(share.code).views)
    end
  end)

  it("of private media are those of its owner and of a signature", function()
    local asset, share = made "visibility=private"
    for _ = 1, 3 do
      assert.equal(404, get("/a/" .. asset.id).status)
      assert.equal(200, s:request({ "GET", "/a/" .. asset.id, token = owner }).status)
    end
    assert.equal(3, asset_of(asset.id).views)
    local signed = s:request { "POST", "/api/v1/signed-urls", token = owner,
      json = { path = "/s/" .. share.code .. ".gif", expires_in = 600 } }.json.url:gsub("^http://[^/]+", "")
    assert.equal(1, adds(asset, signed, 200))
    assert.equal(TIMES, share_of(share.code).views)
  end)

  it("are told apart by program and origin; preview programs make none", function()
    local asset, share = made()
    for _ = 1, TIMES do
      get("/a/" .. asset.id .. ".mp4", { referer = "https://t.co/x" })
      get("/a/" .. asset.id .. "/poster", discord)
      get("/s/" .. share.code .. ".gif", discord)
      get("/s/" .. share.code, discord)
      get("/s/" .. share.code)
    end
    get("/s/" .. share.code .. ".gif")
    assert.equal(TIMES + 1, asset_of(asset.id).views)
    assert.equal(1, share_of(share.code).views)
    assert.equal(TIMES, share_of(share.code).clicks)
    local function metrics(of) return s:request({ "GET", of .. "/metrics?reasons=1", token = owner }).json end
    local function right()
      local of_asset, of_share = metrics("/api/v1/assets/" .. asset.id), metrics("/api/v1/shares/" .. share.code)
      assert.equal(TIMES, of_asset.by_platform.twitter.views)
      assert.equal(2 * TIMES, of_asset.by_verdict.preview.views)
      assert.same({ TIMES, TIMES }, { of_share.by_verdict.preview.views, of_share.by_verdict.preview.clicks })
      assert.equal(TIMES, of_share.clicks)
      for _, by in ipairs(of_share.by_reason) do
        if by.verdict == "preview" then assert.equal("Discordbot", by.reason) end
      end
    end
    right() -- at once, and when it is in rows
    server.wait_until("the rows", function()
      return asset_rows(asset.id) == 3 * TIMES + 1 and share_rows(share.code) == TIMES + 1
    end)
    right()
    assert.equal(TIMES + 1, asset_of(asset.id).views)
    assert.equal(1, share_of(share.code).views)
  end)

  it("use up no visit of a limited link", function()
    local asset, share = made "max_visits=2"
    local page = get("/s/" .. share.code).body
    local film = page:match('src="(/a/' .. asset.id .. '%.mp4[^"]*)"'):gsub("&amp;", "&")
    assert.equal(1, adds(asset, film, 200))
    assert.equal(1, share_of(share.code).visits_left)
    assert.equal(1, share_of(share.code).clicks)
    assert.equal(0, adds(asset, "/s/" .. share.code .. ".gif", 404))
  end)

  it("are exact, and told at once, whichever processes are killed", function()
    local asset, share = made()
    local views, clicks = 0, 0
    for round = 1, 4 do
      for _ = 1, 5 do
        assert.equal(200, get("/a/" .. asset.id).status)
        assert.equal(200, get("/s/" .. share.code .. ".mp4").status)
        assert.equal(200, get("/s/" .. share.code).status)
        views, clicks = views + 1, clicks + 1
      end
      local victims = s:children(round % 2 == 0 and "runner" or "gifd%-worker")
      assert.is_true(#victims >= 1)
      for _, pid in ipairs(victims) do posix.kill(pid, posix.SIGKILL) end
      server.wait_until("an answer", function() return get("/readyz").status == 200 end)
      if round == 3 then
        s:kill()
        s:begin()
      end
      assert.equal(2 * views, asset_of(asset.id).views)
      assert.equal(views, share_of(share.code).views)
      assert.equal(clicks, share_of(share.code).clicks)
    end
    server.wait_until("the row", function()
      return asset_rows(asset.id) == 2 * views
    end)
  end)

  it("are in the rows when the server has stopped and the shared memory is gone", function()
    local asset, share = made()
    for _ = 1, 6 do get("/s/" .. share.code .. ".gif") end
    server.wait_until("the row", function()
      return share_rows(share.code) == 6
    end)
    s:kill()
    os.remove(s.data .. "/segment")
    s:begin()
    assert.equal(6, asset_of(asset.id).views)
    assert.equal(6, share_of(share.code).views)
  end)
end)
