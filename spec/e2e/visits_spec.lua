-- Shares that may be visited only so often, over the real program: who uses a visit up, who does not, and that none is
-- handed out twice.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local previewers = { "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "Slackbot-LinkExpanding 1.0",
  "TelegramBot (like TwitterBot)", "WhatsApp/2.23", "facebookexternalhit/1.1", "Twitterbot/1.0",
  "facebookexternalhit/1.1 Facebot Twitterbot/1.0" }

describe("a share with a limited number of visits", function()
  local s, owner
  setup(function()
    s = server.start { workers = 2, config = server.unsettled }
    owner = s:token("trusted", "owner")
  end)
  teardown(function() s:stop() end)

  local function limited(visits, query)
    local reply = s:upload(pictures.gif { frames = 4 }, owner,
      (visits and "max_visits=" .. visits or "title=free") .. (query and "&" .. query or ""), { Prefer = "wait=20" })
    assert.is_true(reply.status == 201, reply.body)
    assert.equal("ready", reply.json.asset.state)
    return reply.json.share.code, reply.json.asset.id, reply.json
  end

  local function get(path, headers, token)
    return s:request { "GET", path, headers = headers, token = token }
  end

  local function told(code) return get("/api/v1/shares/" .. code, nil, owner).json end

  local function patch(code, max_visits)
    local reply = s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { max_visits = max_visits } }
    assert.equal(200, reply.status, reply.body)
    return reply.json
  end

  --- Asks for a path `count` times at once, each on a connection of its own -> { [status] = how many }, 0 for no answer
  local function at_once(path, count, meanwhile)
    local host, port = s.url:match("^http://([^:]+):(%d+)$")
    local clients, seen = {}, {}
    for i = 1, count do
      local c = assert(socket.connect(host, tonumber(port)))
      c:settimeout(20)
      clients[i] = c
    end
    for _, c in ipairs(clients) do
      c:send("GET " .. path .. " HTTP/1.1\r\nHost: " .. host .. ":" .. port .. "\r\nConnection: close\r\n\r\n")
    end
    if meanwhile then meanwhile() end
    for _, c in ipairs(clients) do
      local text, _, part = c:receive("*a")
      local status = tonumber((text or part or ""):match("^HTTP/1.1 (%d+)")) or 0
      seen[status] = (seen[status] or 0) + 1
      c:close()
    end
    return seen
  end

  it("says so, and how many are left", function()
    local _, asset, json = limited(3)
    assert.equal(3, json.share.max_visits)
    assert.equal(3, json.share.visits_left)
    local function create(max_visits)
      return s:request { "POST", "/api/v1/shares", token = owner, json = { asset_id = asset, max_visits = max_visits } }
    end
    assert.equal(1000000, create(1000000).json.visits_left)
    assert.equal("userdata", type(create(nil).json.max_visits))
    for _, bad in ipairs { 0, -1, 1000001, 1.5, "3", true } do
      local reply = create(bad)
      assert.equal(422, reply.status, tostring(bad))
      assert.equal("/max_visits", reply.json.errors[1].pointer)
    end
    assert.equal(422, s:upload(pictures.gif(), owner, "max_visits=many").status)
    local body, type_ = server.multipart { { "file", pictures.gif(), filename = "a.gif" }, { "max_visits", "2" } }
    local form = s:request { "POST", "/api/v1/assets", token = owner, body = body,
      headers = { ["content-type"] = type_ } }
    assert.equal(2, form.json.share.visits_left, form.body)
  end)

  it("is shown so often and then gone, by every form of URL", function()
    local code = limited(2)
    for left = 1, 0, -1 do
      local reply = get("/s/" .. code)
      assert.equal(200, reply.status)
      assert.matches("no%-store", reply.headers["cache-control"])
      assert.is_nil(reply.headers.etag)
      assert.equal(left, told(code).visits_left)
      assert.equal(2 - left, told(code).clicks)
    end
    local reply = get("/s/" .. code)
    assert.equal(410, reply.status)
    assert.matches("used up", reply.body)
    for _, agent in ipairs(previewers) do assert.equal(410, get("/s/" .. code, { ["User-Agent"] = agent }).status) end
    for _, path in ipairs { "/s/" .. code .. ".gif", "/s/" .. code .. ".mp4", "/s/" .. code .. ".json",
      "/api/v1/shares/" .. code } do
      assert.equal(410, get(path).status, path)
    end
    assert.equal(410, s:request({ "HEAD", "/s/" .. code }).status)
    assert.equal(404, get("/oembed?url=" .. s.url .. "/s/" .. code).status)
    assert.equal("used_up", told(code).state)
    assert.equal(2, told(code).clicks)
  end)

  it("costs its owner, HEAD and preview programs nothing", function()
    local code, asset = limited(1)
    for _ = 1, 3 do
      local page = get("/s/" .. code, nil, owner)
      assert.equal(200, page.status)
      assert.matches("1 of 1 visits are left", page.body)
      assert.equal(200, get("/s/" .. code .. ".gif", nil, owner).status)
      assert.equal(200, get("/a/" .. asset, nil, owner).status)
      assert.equal(200, s:request({ "HEAD", "/s/" .. code }).status)
    end
    for _, agent in ipairs(previewers) do
      for _ = 1, 2 do assert.equal(200, get("/s/" .. code, { ["User-Agent"] = agent }).status, agent) end
    end
    assert.equal(1, told(code).visits_left)
    assert.equal(0, told(code).clicks)
    assert.equal(200, get("/s/" .. code).status)
    assert.equal(410, get("/s/" .. code).status)
    assert.equal(200, get("/s/" .. code, nil, owner).status)
  end)

  it("costs what a browser fetches ahead of need nothing", function()
    local code = limited(1)
    assert.equal(200, get("/s/" .. code, { ["Sec-Purpose"] = "prefetch;prerender" }).status)
    assert.equal(200, get("/s/" .. code).status)
    assert.equal(410, get("/s/" .. code).status)
  end)

  it("shows preview programs one still picture and no way on", function()
    local code, asset = limited(1, "title=secret+cat")
    for _, agent in ipairs(previewers) do
      local page = get("/s/" .. code, { ["User-Agent"] = agent })
      assert.matches("secret cat", page.body)
      local image = page.body:match('property="og:image" content="([^"]+)"')
      image = image:gsub("&amp;", "&"):gsub("^http://[^/]+", "")
      assert.equal(200, get(image).status, image)
      assert.matches("^image/", get(image).headers["content-type"])
      assert.is_nil(page.body:find("og:video", 1, true))
      assert.is_nil(page.body:find("oembed", 1, true))
      for address in page.body:gmatch("/a/" .. asset .. "([^\"?]*)") do assert.equal("/poster.jpg", address) end
      for _, form in ipairs { "", ".gif", ".mp4", "/mp4" } do
        assert.equal(403, get("/a/" .. asset .. form .. image:match("%?.*$")).status, form)
      end
    end
  end)

  it("leads visitors on to its media, which strangers have no other way to", function()
    local code, asset = limited(1)
    for _, path in ipairs { "/a/" .. asset, "/a/" .. asset .. ".gif", "/a/" .. asset .. ".mp4",
      "/a/" .. asset .. "/poster", "/s/" .. code .. ".gif", "/s/" .. code .. ".mp4",
      "/s/" .. code .. ".png", "/s/" .. code .. ".json",
      "/api/v1/assets/" .. asset, "/oembed?url=" .. s.url .. "/s/" .. code } do
      assert.equal(404, get(path).status, path)
    end
    local page, seen = get("/s/" .. code), 0
    for address in page.body:gmatch('"(/a/' .. asset .. '[^"]*)"') do
      seen = seen + 1
      address = address:gsub("&amp;", "&")
      local reply = get(address)
      assert.equal(200, reply.status, address)
      assert.matches("no%-store", reply.headers["cache-control"])
      assert.is_true(tonumber(address:match("expires=(%d+)")) <= os.time() + 601)
    end
    assert.is_true(seen >= 3)
    assert.is_nil(page.body:find("/s/" .. code .. "%.%a+\""))
    assert.equal(404, get("/a/" .. asset).status)
  end)

  it("of an asset that is shared freely too hides nothing of that", function()
    local _, asset = limited(nil)
    local other = s:request({ "POST", "/api/v1/shares", token = owner,
      json = { asset_id = asset, max_visits = 1 } }).json
    assert.equal(200, get("/s/" .. other.code).status)
    assert.equal(410, get("/s/" .. other.code).status)
    assert.equal(200, get("/a/" .. asset).status)
  end)

  it("opens by signed URLs of its owner, whose page counts as any other", function()
    local code = limited(1, "visibility=private")
    local function signed(path)
      local reply = s:request { "POST", "/api/v1/signed-urls", token = owner, json = { path = path, expires_in = 600 } }
      return (reply.json.url:gsub("^http://[^/]+", ""))
    end
    local file, page = signed("/s/" .. code .. ".gif"), signed("/s/" .. code)
    assert.equal(404, get("/s/" .. code).status)
    for _ = 1, 3 do assert.equal(200, get(file).status) end
    assert.equal(200, get(page).status)
    for _ = 1, 3 do
      assert.equal(410, get(page).status)
      assert.equal(410, get(file).status)
    end
    assert.equal(404, get("/s/" .. code).status)
  end)

  it("can get another limit, which what was visited counts against, or none", function()
    local code, asset = limited(3)
    get("/s/" .. code)
    get("/s/" .. code)
    assert.equal(8, patch(code, 10).visits_left)
    assert.equal(0, patch(code, 1).visits_left)
    assert.equal(410, get("/s/" .. code).status)
    local reply = s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "new" } }
    assert.equal(1, reply.json.max_visits)
    reply = s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, headers = { ["content-type"] =
      "application/json" }, body = '{"max_visits": null}' }
    assert.equal("userdata", type(reply.json.visits_left), reply.body)
    for _ = 1, 4 do
      assert.equal(200, get("/s/" .. code).status)
      assert.equal(200, get("/a/" .. asset).status)
    end
    assert.equal(1, patch(code, 1).visits_left) -- what was kept while it was free is not given again
    assert.equal(404, get("/a/" .. asset).status)
    assert.equal(404, get("/s/" .. code .. ".gif").status)
    assert.equal(200, get("/s/" .. code).status)
    for _ = 1, 4 do assert.equal(410, get("/s/" .. code).status) end
  end)

  it("is shown exactly so often when many ask at once", function()
    for _ = 1, 3 do
      local code = limited(7)
      assert.same({ [200] = 7, [410] = 43 }, at_once("/s/" .. code, 50))
      assert.equal(0, told(code).visits_left)
      assert.equal(7, told(code).clicks)
    end
  end)

  it("is never shown once more because a worker, or all, were killed", function()
    local shown, code = 0, limited(40)
    local function ask(meanwhile)
      shown = shown + (at_once("/s/" .. code, 12, meanwhile)[200] or 0)
      server.wait_until("an answer", function() return get("/readyz").status == 200 end)
      assert.is_true(shown + told(code).visits_left <= 40)
    end
    for _ = 1, 3 do
      ask(function()
        local workers = s:children("gifd%-worker")
        assert.equal(2, #workers)
        posix.kill(workers[1], posix.SIGKILL)
      end)
      server.wait_until("a new worker", function() return #s:children("gifd%-worker") == 2 end)
    end
    s:kill()
    s:begin()
    assert.is_true(shown + told(code).visits_left <= 40)
    while told(code).visits_left > 0 do ask() end
    assert.is_true(shown <= 40)
    assert.equal(40, told(code).clicks)
    assert.equal(410, get("/s/" .. code).status)
  end)
end)
