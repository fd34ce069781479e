-- Plays that share pages tell of, over the real program: counted once each for the asset and the share, by a person;
-- not for other sites' pages, nor of who asked not to be tracked.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

describe("POST /api/v1/plays", function()
  local s, admin, asset, code
  setup(function()
    s = server.start { workers = 2 }
    admin = s:token "admin"
    local made = s:upload(pictures.gif(), admin).json
    asset, code = made.asset.id, made.share.code
  end)
  teardown(function() s:stop() end)

  local function tell(body, headers)
    local all = { Origin = s.url }
    for name, value in pairs(headers or {}) do all[name] = value or nil end
    return s:request({ "POST", "/api/v1/plays", json = body, headers = all }).status
  end

  local function get(path) return s:request({ "GET", path, token = admin }).json end
  local function share() return get("/api/v1/shares/" .. code .. "/metrics") end
  local function good() return { asset_id = asset, share = code, via = "slack" } end

  it("counts for the asset and the share, with where it was reached from and why", function()
    assert.equal(204, tell(good(), { ["Sec-Fetch-Site"] = "same-origin" }))
    assert.equal(204, tell { asset_id = asset, share = code })
    server.wait_until("both", function() return share().plays == 2 end)
    local told = share()
    assert.equal(2, told.by_verdict.human.plays)
    assert.equal(1, told.by_platform.slack.plays)
    assert.equal(1, told.by_platform.web.plays)
    local of_asset = get("/api/v1/assets/" .. asset .. "/metrics?reasons=1")
    assert.equal(2, of_asset.plays)
    assert.equal("played in a page", of_asset.by_reason[1].reason)
  end)

  it("is refused to pages of others, and what is wrong is named", function()
    assert.equal(403, tell(good(), { Origin = "https://elsewhere.example" }))
    assert.equal(403, tell(good(), { Origin = "null" }))
    assert.equal(403, tell(good(), { ["Sec-Fetch-Site"] = "cross-site" }))
    assert.equal(403, s:request({ "POST", "/api/v1/plays", json = good() }).status)
    assert.equal(422, tell { asset_id = asset })
    assert.equal(422, tell { asset_id = asset, share = 7 })
    assert.equal(413, tell { asset_id = asset, share = code, via = ("x"):rep(2000) })
    assert.equal(2, share().plays)
  end)

  it("counts nothing of who asked not to be tracked, and tells nobody what there is", function()
    assert.equal(204, tell(good(), { DNT = "1" }))
    assert.equal(204, tell(good(), { ["Sec-GPC"] = "1" }))
    assert.equal(204, tell { asset_id = asset, share = "none" })
    assert.equal(204, tell { asset_id = "0123456789abcdef", share = code })
    assert.equal(204, tell(good()))
    server.wait_until("the last one alone", function() return share().plays == 3 end)
  end)

  it("tells programs that tell of plays from people, and has a limit by address", function()
    local before = share()
    assert.equal(204, tell(good(), { ["User-Agent"] = "curl/8.5.0" }))
    local function by(reason)
      for _, one in ipairs(get("/api/v1/assets/" .. asset .. "/metrics?reasons=1").by_reason) do
        if one.reason == reason then return one.plays end
      end
      return 0
    end
    server.wait_until("its reason", function() return by "library" == 1 end)
    assert.equal(before.by_verdict.human.plays, share().by_verdict.human.plays)
    local statuses = {}
    for _ = 1, 130 do
      local status = tell { asset_id = asset, share = "none" }
      statuses[status] = (statuses[status] or 0) + 1
    end
    assert.is_true(statuses[429] >= 1 and statuses[204] >= 60)
  end)

  it("takes the platform of a click from the address, before that of the referrer", function()
    for _, query in ipairs { "?via=slack", "?x=1&via=slack", "?via=slack" } do
      s:request { "GET", "/s/" .. code .. query, headers = { Referer = "https://discord.com/channels" } }
    end
    s:request { "GET", "/s/" .. code .. "?via=nowhere", headers = { Referer = "https://discord.com/channels" } }
    server.wait_until("clicks", function() return share().clicks == 4 and share().by_platform.slack.clicks == 3 end)
    assert.equal(1, share().by_platform.discord.clicks)
  end)
end)
