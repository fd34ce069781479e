-- Views, plays and clicks as numbers: told ones at once, counted ones within a second, and all of them what rows say.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local server = require "server"

describe("metrics", function()
  local s, admin, asset, code, other
  setup(function()
    s = server.start { config = server.unsettled }
    admin = s:token "admin"
    local made = s:upload(pictures.gif(), admin).json
    asset, code = made.asset.id, made.share.code
    other = s:upload(pictures.gif(), admin).json.asset.id
  end)
  teardown(function() s:stop() end)

  local function get(path, token)
    local reply = s:request { "GET", path, token = token }
    assert.equal(200, reply.status, reply.body)
    return reply.json
  end

  local function tell(events)
    local reply = s:request { "POST", "/api/v1/events", json = { events = events } }
    assert.equal(202, reply.status, reply.body)
    assert.equal(#events, reply.json.accepted)
  end

  local function of(n, event)
    local out = {}
    for i = 1, n do out[i] = event end
    return out
  end

  it("of an asset and a share are there when events were acknowledged", function()
    assert.equal(0, get("/api/v1/assets/" .. asset .. "/metrics").ctr)
    tell(of(3, { type = "view", asset_id = asset, share = code, platform = "slack" }))
    tell(of(2, { type = "view", asset_id = asset, platform = "discord" }))
    tell(of(1, { type = "click", asset_id = asset, share = code, platform = "slack" }))
    tell(of(2, { type = "play", asset_id = asset, platform = "nowhere" }))
    local m = get("/api/v1/assets/" .. asset .. "/metrics")
    assert.equal(asset, m.asset_id)
    assert.same({ 5, 2, 1, 8 }, { m.views, m.plays, m.clicks, m.total_events })
    assert.same({ 20, 40 }, { m.ctr, m.play_rate })
    assert.same({ views = 3, plays = 0, clicks = 1, ctr = 33.33, play_rate = 0 }, m.by_platform.slack)
    assert.equal(2, m.by_platform.other.plays)
    assert.equal(5, m.by_verdict.reported.views)
    local share = get("/api/v1/shares/" .. code .. "/metrics")
    assert.equal(code, share.code)
    assert.same({ 3, 0, 1 }, { share.views, share.plays, share.clicks })
    server.wait_until("the fold", function()
      return get("/api/v1/metrics/top?by=ctr", admin).items[1] ~= nil
    end)
    assert.same(m, get("/api/v1/assets/" .. asset .. "/metrics"))
  end)

  it("have what was counted of requests, people and preview programs apart", function()
    local before = get("/api/v1/shares/" .. code .. "/metrics")
    for _ = 1, 3 do s:request { "GET", "/s/" .. code } end
    s:request { "GET", "/s/" .. code, headers = { Referer = "https://discord.com/channels/1" } }
    s:request { "GET", "/s/" .. code, headers = { ["User-Agent"] = "Slackbot-LinkExpanding 1.0" } }
    s:request { "HEAD", "/s/" .. code }
    local clicks = get("/api/v1/shares/" .. code .. "/metrics").clicks
    assert.equal(before.clicks + 4, clicks)
    server.wait_until("the fold of the counts", function()
      local m = get("/api/v1/shares/" .. code .. "/metrics")
      assert.equal(before.clicks + 4, m.clicks)
      return m.by_platform.discord ~= nil and m.by_verdict.preview ~= nil
    end)
    local m = get("/api/v1/shares/" .. code .. "/metrics")
    assert.equal(2, m.by_verdict.preview.clicks) -- Slack's program, and HEAD
    assert.equal(4, m.by_verdict.unknown.clicks)
    assert.equal(1, m.by_platform.discord.clicks)
    local share, of_asset = get("/api/v1/shares/" .. code), get("/api/v1/assets/" .. asset .. "/metrics")
    assert.same({ m.clicks, m.views }, { share.clicks, share.views }) -- also what was reported
    assert.equal(of_asset.views, get("/api/v1/assets/" .. asset).views)
  end)

  it("lead in a fixed order, and say as of when", function()
    tell(of(40, { type = "view", asset_id = other }))
    local top
    server.wait_until("the board", function()
      top = get("/api/v1/metrics/top?by=views&limit=5", admin)
      return top.items[1] and top.items[1].asset_id == other
    end)
    assert.matches("^20%d%d%-.*Z$", top.as_of)
    assert.equal(asset, get("/api/v1/metrics/top?by=play_rate&limit=1", admin).items[1].asset_id)
    assert.equal(1, #get("/api/v1/metrics/top?by=views&limit=1", admin).items)
    assert.equal(422, s:request({ "GET", "/api/v1/metrics/top?by=likes", token = admin }).status)
    assert.equal(401, s:request({ "GET", "/api/v1/metrics/top" }).status)
    local csv = s:request { "GET", "/api/v1/metrics/top?format=csv", token = admin }
    assert.matches("^asset_id,views,plays,clicks,ctr,play_rate\r\n" .. other, csv.body)
  end)

  it("by time are of whole steps, both ends in it", function()
    local function series(query)
      local reply = s:request { "GET", "/api/v1/metrics/timeseries?" .. query, token = admin }
      return reply.status == 200 and reply.json or reply.status
    end
    local ago = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 7200)
    tell(of(7, { type = "play", asset_id = other, at = ago }))
    for _, step in ipairs { "minute", "hour", "day" } do
      local found = series(("asset_id=%s&step=%s&from=%s"):format(other, step, ago))
      local views, plays = 0, 0
      for _, point in ipairs(found.points) do views, plays = views + point.views, plays + point.plays end
      assert.equal(step, found.step)
      assert.same({ 40, 7 }, { views, plays }, step)
      assert.equal(7, found.points[1].plays)
    end
    assert.equal(0, #series(("asset_id=%s&from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z"):format(other)).points)
    assert.equal(422, series("step=minute&from=2026-01-01T00:00:00Z"))
    assert.equal(422, series("step=week"))
    assert.equal(422, series("from=yesterday"))
    assert.equal(404, series("code=none"))
    assert.is_table(series("code=" .. code .. "&step=day&split=platform").points[1])
  end)

  it("can be looked at one by one, exported, and followed by a cursor", function()
    local seen, cursor = 0, nil
    repeat
      local more = cursor and "&cursor=" .. cursor or ""
      local page = get(("/api/v1/assets/%s/events?limit=15%s"):format(other, more), admin)
      seen, cursor = seen + #page.items, page.next ~= cjson.null and page.next or nil
      assert.equal(other, page.items[1].asset_id)
      assert.equal("reported", page.items[1].verdict)
    until not cursor
    assert.equal(47, seen)
    local lines = s:request { "GET", "/api/v1/assets/" .. other .. "/events?format=ndjson", token = admin }
    assert.equal(47, select(2, lines.body:gsub("\n", "\n")))
    assert.equal(401, s:request({ "GET", "/api/v1/assets/" .. other .. "/events" }).status)
    assert.equal(403, s:request({ "GET", "/api/v1/assets/" .. other .. "/events", token = s:token("read", "guest") })
      .status)
  end)

  it("are what their rows add up to, also after kill -9; stats says so", function()
    local exit, said, err = s:ask("stats", "verify")
    assert.equal(0, exit, err)
    assert.equal(0, said.wrong)
    tell(of(9, { type = "view", asset_id = asset }))
    local before = get("/api/v1/assets/" .. asset .. "/metrics").views
    s:kill()
    s:begin()
    assert.equal(before, get("/api/v1/assets/" .. asset .. "/metrics").views)
    server.wait_until("the fold of what the killed ones left", function()
      exit, said = s:ask("stats", "verify")
      return exit == 0 and said.rows >= 60
    end)
    exit, said = s:ask("stats", "show", code)
    assert.equal(0, exit)
    assert.equal(code, said.code)
    exit, said = s:ask("stats", "top", "views")
    assert.equal(0, exit)
    assert.equal(other, said.items[1].asset_id)
    assert.equal(4, (s:ask("stats", "show", "nosuchone")))
  end)

  it("can be forgotten, of one and of all", function()
    assert.equal(403, s:request({ "DELETE", "/api/v1/events", token = s:token("upload", "guest") }).status)
    assert.equal(204, s:request({ "DELETE", "/api/v1/assets/" .. other .. "/events", token = admin }).status)
    assert.equal(0, get("/api/v1/assets/" .. other .. "/metrics").total_events)
    assert.is_true(get("/api/v1/assets/" .. asset .. "/metrics").views > 0)
    assert.equal(204, s:request({ "DELETE", "/api/v1/events", token = admin }).status)
    assert.equal(0, get("/api/v1/assets/" .. asset .. "/metrics").total_events)
    assert.equal(0, get("/api/v1/metrics", admin).total_events)
    tell { { type = "view", asset_id = asset } }
    assert.equal(1, get("/api/v1/assets/" .. asset .. "/metrics").views)
    local exit, said = s:ask("stats", "verify")
    assert.equal(0, exit, cjson.encode(said))
  end)
end)
