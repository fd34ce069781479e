-- Replies that are given again without Lua: right, counted, and taken back everywhere at once.
local pictures = require "spec.support.pictures"
local server = require "spec.support.server"

describe("replies that are kept", function()
  local s, admin, body, share, asset

  setup(function()
    s = server.start { workers = 2, config = server.unsettled }
    admin = s:token("admin")
    body = s:upload(pictures.gif { frames = 3 }, admin, "title=Kept", { ["prefer"] = "wait=10" }).json
    share, asset = body.share, body.asset
  end)
  teardown(function() s:stop() end)

  local function get(path, headers) return s:request { "GET", path, headers = headers } end

  local function repeated(path, check, headers)
    for _ = 1, 12 do check(get(path, headers)) end -- enough to meet both workers, kept or not
  end

  it("are the same bytes each time, with ranges and conditionals", function()
    local first = get("/a/" .. asset.id)
    repeated("/a/" .. asset.id, function(reply)
      assert.equal(200, reply.status)
      assert.equal(first.body, reply.body)
      assert.equal(first.headers.etag, reply.headers.etag)
      assert.equal(first.headers["content-security-policy"], reply.headers["content-security-policy"])
    end)
    repeated("/a/" .. asset.id, function(reply)
      assert.equal(206, reply.status)
      assert.equal(first.body:sub(3, 7), reply.body)
    end, { range = "bytes=2-6" })
    repeated("/a/" .. asset.id, function(reply) assert.equal(304, reply.status) end,
      { ["if-none-match"] = first.headers.etag })
  end)

  it("count each visit of a page once, by GET only", function()
    local function clicks() return get("/s/" .. share.code .. ".json").json.share.clicks end
    local before = clicks()
    repeated("/s/" .. share.code, function(reply) assert.equal(200, reply.status) end)
    for _ = 1, 5 do s:request { "HEAD", "/s/" .. share.code } end
    server.wait_until("the clicks", function() return clicks() == before + 12 end)
  end)

  it("are counted by who asked and where they came from, also when a worker dies", function()
    local function clicks()
      local told = s:request({ "GET", "/api/v1/shares/" .. share.code .. "/metrics?reasons=1", token = admin }).json
      local out = {}
      for name, by in pairs(told.by_platform) do out[name] = by.clicks end
      for _, by in ipairs(told.by_reason) do out[by.reason] = by.clicks end
      return out
    end
    local before = clicks()
    for _ = 1, 6 do
      get("/s/" .. share.code, { ["user-agent"] = "Slackbot-LinkExpanding 1.0", referer = "https://app.slack.com/c" })
      get("/s/" .. share.code, { referer = "https://t.co/x" })
      get("/s/" .. share.code, { referer = "https://not-t.co/x" })
    end
    for _, pid in ipairs(s:children("gifd%-worker")) do require("posix").kill(pid, 9) end
    server.wait_until("the clicks", function()
      local now = clicks()
      local function more(key) return (now[key] or 0) - (before[key] or 0) end
      return more "Slackbot" == 6 and more "twitter" == 6 and more "web" >= 6
    end)
  end)

  it("differ by class of client", function()
    local discord = { ["user-agent"] = "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)" }
    for _ = 1, 6 do
      assert.is_nil(get("/s/" .. share.code, discord).body:find("og:video", 1, true))
      assert.is_truthy(get("/s/" .. share.code).body:find("og:video", 1, true))
    end
  end)

  it("show a changed title at once, in every process", function()
    for i = 1, 10 do
      repeated("/s/" .. share.code, function() end)
      local title = "Title " .. i
      local changed = s:request { "PATCH", "/api/v1/shares/" .. share.code, token = admin, json = { title = title } }
      assert.equal(200, changed.status)
      repeated("/s/" .. share.code, function(reply) assert.is_truthy(reply.body:find(title, 1, true)) end)
    end
  end)

  it("are gone with the share, by every form of address", function()
    local forms = { "/s/CODE", "/s/CODE.gif", "/s/CODE.mp4", "/s/CODE.png", "/s/CODE.json", "/a/ID", "/a/ID.mp4",
      "/a/ID/poster" }
    local function path(form) return (form:gsub("CODE", share.code):gsub("ID", asset.id)) end
    for _, form in ipairs(forms) do repeated(path(form), function(reply) assert.equal(200, reply.status) end) end
    local function show(visibility)
      local changed = s:request { "PATCH", "/api/v1/shares/" .. share.code, token = admin,
        json = { visibility = visibility } }
      assert.equal(200, changed.status)
    end
    show("private")
    for _, form in ipairs(forms) do
      repeated(path(form), function(reply) assert.equal(404, reply.status, form) end)
    end
    show("public")
    for _, form in ipairs(forms) do repeated(path(form), function(reply) assert.equal(200, reply.status) end) end
    assert.equal(204, s:request { "DELETE", "/api/v1/shares/" .. share.code, token = admin }.status)
    for _, form in ipairs(forms) do
      repeated(path(form), function(reply) assert.equal(404, reply.status, form) end)
    end
  end)

  it("end with the share's time", function()
    local at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 2)
    local made = s:request { "POST", "/api/v1/shares", token = admin, json = { asset_id = asset.id, expires_at = at } }
    assert.equal(201, made.status)
    local path = "/s/" .. made.json.code
    repeated(path, function(reply) assert.equal(200, reply.status) end)
    server.wait_until("the end of the share", function() return get(path).status == 410 end)
    repeated(path, function(reply) assert.equal(410, reply.status) end)
  end)
end)
