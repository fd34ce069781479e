-- What a decision about an asset or a share changes, for whom, by every form of URL, at once and in every process.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"
local socket = require "socket"

local workers = 3

--- A connection that is kept: get(path), or send(text) and status().
local Connection = {}
Connection.__index = Connection
function Connection.open(s)
  local host, port = s.url:match("^http://([^:]+):(%d+)$")
  local tcp = assert(socket.connect(host, tonumber(port)))
  tcp:settimeout(5)
  return setmetatable({ tcp = tcp, host = host .. ":" .. port }, Connection)
end
function Connection:send(method, path, token, body)
  assert(self.tcp:send(("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %d"
    .. "\r\n\r\n%s"):format(method, path, self.host, token and "Authorization: Bearer " .. token .. "\r\n" or "",
    #(body or ""), body or "")))
end
function Connection:status()
  local status, length = assert(self.tcp:receive("*l")):match("^HTTP/1.1 (%d+)"), 0
  for line in function() return self.tcp:receive("*l") end do
    if line == "" then break end
    length = tonumber(line:lower():match("^content%-length: (%d+)")) or length
  end
  if length > 0 then assert(self.tcp:receive(length)) end
  return tonumber(status)
end
function Connection:get(path)
  self:send("GET", path)
  return self:status()
end

describe("a decision", function()
  local s, owner, reviewer, admin, number = nil, nil, nil, nil, 0
  setup(function()
    s = server.start { workers = workers,
      config = [[return { unseen = "approved", plugins = { fickle = true } }]],
      plugins = { "spec/support/plugins" } }
    owner, reviewer, admin = s:token("upload", "owner"), s:token("moderate", "reviewer"), s:token "admin"
  end)
  teardown(function() s:stop() end)

  local function get(path, token, headers, method)
    return s:request { method or "GET", path, token = token, headers = headers }
  end

  --- A picture of its own, approved, with renditions -> asset id, code
  local function upload(query)
    number = number + 1
    local bytes = pictures.gif { frames = 3, width = 40 + number, height = 30 }
    local made = s:upload(bytes, owner, query or "title=one", { Prefer = "wait=20" })
    assert.equal(201, made.status, made.body)
    assert.equal("ready", made.json.asset.state)
    return made.json.asset.id, made.json.share.code, bytes
  end

  --- By who has seen what stands.
  local function decide(kind, id, fields, token)
    local seen = get(("/api/v1/%ss/%s"):format(kind, id), admin).json
    fields.based_on = fields.based_on or seen.moderation and seen.moderation.scan_id or nil
    return s:request { "POST", ("/api/v1/moderation/%s/%s/reviews"):format(kind, id), token = token or reviewer,
      json = fields }
  end
  local function undo(kind, id)
    return s:request { "POST", ("/api/v1/moderation/%s/%s/undo"):format(kind, id), token = reviewer, json = {} }
  end

  local function signed(id)
    local made = s:request { "POST", "/api/v1/signed-urls", token = owner,
      json = { asset_id = id, expires_in = 600 } }
    return made.json.url:match("^https?://[^/]+(.*)$")
  end

  --- { path, headers?, method? } of everything under which an asset and its share may be had.
  local function forms(id, code)
    local out = {}
    for _, path in ipairs { "/s/" .. code, "/s/" .. code .. ".gif", "/s/" .. code .. ".png", "/s/" .. code .. ".jpg",
      "/s/" .. code .. ".mp4", "/s/" .. code .. ".webp", "/s/" .. code .. ".json", "/a/" .. id, "/a/" .. id .. ".gif",
      "/a/" .. id .. ".mp4", "/a/" .. id .. ".webp", "/a/" .. id .. "/poster", "/a/" .. id .. "/poster.jpg",
      "/a/" .. id .. "?download=1", "/a/" .. id .. "?s=" .. code, signed(id), "/api/v1/assets/" .. id,
      "/oembed?url=" .. s.url .. "/s/" .. code, "/a/" .. id .. "?x=1", "/s/%" .. ("%02x"):format(code:byte())
      .. code:sub(2), "/a/%" .. ("%02X"):format(id:byte()) .. id:sub(2) } do
      out[#out + 1] = { path }
      out[#out + 1] = { path, { Range = "bytes=0-9" } }
      out[#out + 1] = { path, { ["If-None-Match"] = "*" } }
      if not path:match("^/api") then out[#out + 1] = { path, nil, "HEAD" } end
    end
    return out
  end

  local function each(id, code, check)
    for _, form in ipairs(forms(id, code)) do
      for _ = 1, 2 do
        local reply = get(form[1], nil, form[2], form[3])
        check(reply, (form[3] or "GET") .. " " .. form[1] .. " " .. (form[2] and next(form[2]) or ""))
      end
    end
  end

  local function refused(id, code, status)
    each(id, code, function(reply, what)
      assert.equal(status, reply.status, what)
      assert.equal("no-store", reply.headers["cache-control"], what)
    end)
  end

  --- Spellings of addresses that are none of ours.
  local function spellings(id, code)
    return { "/A/" .. id, "/a/" .. id:upper(), "//a/" .. id, "/a//" .. id, "/a/" .. id .. "/", "/a/./" .. id,
      "/x/../a/" .. id, "/a/" .. id .. ".GIF", "/a/" .. id .. "%2egif", "/a/" .. id .. "%2Fposter", "/S/" .. code,
      "/s/" .. code .. "/", "/s/" .. code .. ".GIF", "/s/" .. code .. "%00", "/a/" .. id .. "?signature=x",
      "/a/" .. id .. "?expires=9999999999&kid=1&signature=AAAA", "/a/" .. id .. "?show=1", "/s/" .. code .. "?show=1" }
  end

  local function warmed(id, code)
    each(id, code, function(reply, what)
      assert.is_true(reply.status < 400 or reply.status == 412, what .. " " .. reply.status)
    end)
  end

  it("shuts and opens every form of URL, also of what was cached", function()
    local id, code = upload()
    warmed(id, code)
    for _, row in ipairs { { { decision = "rejected", reason = "adult", category = "nsfw" }, 410 },
      { { decision = "flagged" }, 404 }, { { decision = "quarantined" }, 404 },
      { { decision = "rejected", legal = true }, 451 } } do
      assert.equal(200, decide("asset", id, row[1]).status)
      refused(id, code, row[2])
      for _, path in ipairs(spellings(id, code)) do assert.is_true(get(path).status >= 400, path) end
      assert.equal(200, decide("asset", id, { decision = "approved" }).status)
      warmed(id, code)
    end
  end)

  it("about a share shuts its page and leaves the asset to its other shares", function()
    local id, code = upload()
    local other = s:request({ "POST", "/api/v1/shares", token = owner, json = { asset_id = id } }).json.code
    assert.equal(200, decide("share", code, { decision = "rejected", category = "spam" }).status)
    for _, path in ipairs { "/s/" .. code, "/s/" .. code .. ".gif", "/s/" .. code .. ".json", "/api/v1/shares/" .. code,
      "/oembed?url=" .. s.url .. "/s/" .. code } do
      assert.equal(410, get(path).status, path)
    end
    assert.equal(200, get("/s/" .. other).status)
    assert.equal(200, get("/a/" .. id).status)
    assert.equal(200, undo("share", code).status)
    assert.equal(200, get("/s/" .. code).status)
  end)

  it("tells strangers why in general terms, and nothing else", function()
    local id, code = upload "title=secret+words"
    decide("asset", id, { decision = "rejected", category = "nsfw", reason = "policy-7", notes = "ask Ann" })
    local body = get("/s/" .. code).body
    assert.matches("adult content", body)
    for _, word in ipairs { "policy%-7", "Ann", "secret words", id } do assert.not_matches(word, body) end
    assert.equal("removed", get("/a/" .. id).json.code)
    decide("asset", id, { decision = "rejected", legal = true })
    assert.matches("legal reasons", get("/s/" .. code).body)
  end)

  it("is seen through by its owner and reviewers, blurred and still until they ask", function()
    local id, code, bytes = upload()
    decide("asset", id, { decision = "rejected", category = "nsfw", reason = "adult" })
    for _, token in ipairs { owner, reviewer, admin } do
      local page = get("/s/" .. code, token)
      assert.equal(200, page.status)
      assert.matches("private", page.headers["cache-control"])
      assert.matches("veiled", page.body)
      assert.not_matches("<video", page.body)
      assert.matches("poster%.jpg", page.body)
      assert.not_matches("veiled", get("/s/" .. code .. "?show=1", token).body)
      assert.equal(bytes, get("/a/" .. id, token).body)
    end
    assert.equal(410, get("/s/" .. code, s:token("upload", "other")).status)
    decide("asset", id, { decision = "quarantined" })
    assert.equal(404, get("/s/" .. code, owner).status)
    assert.equal(404, get("/a/" .. id, owner).status)
    assert.equal(bytes, get("/a/" .. id, reviewer).body)
  end)

  it("is told to its owner, and in full to reviewers", function()
    local id = upload()
    local before = get("/api/v1/assets/" .. id, owner).json.moderation
    assert.equal("approved", before.decision)
    assert.equal("judges", before.metadata.by)
    local made = decide("asset", id, { decision = "rejected", category = "nsfw", reason = "adult", notes = "see 12" })
    local told = get("/api/v1/assets/" .. id, owner).json.moderation
    assert.same({ "rejected", "nsfw", 1, made.json.scan_id, "person", "adult" }, { told.decision, told.category,
      told.confidence, told.scan_id, told.metadata.by, told.metadata.policy })
    assert.same({ "adult" }, told.reasons)
    assert.is_nil(told.metadata.notes)
    assert.not_equal(before.scan_id, told.scan_id)
    local full = get("/api/v1/assets/" .. id, reviewer).json.moderation.metadata
    assert.equal("see 12", full.notes)
    assert.equal("account:reviewer", full.actor)
    assert.is_true(#full.ballots >= 1)
    assert.is_nil(get("/api/v1/assets/" .. upload()).json.moderation)
  end)

  it("needs the scope moderate, and something that is there", function()
    local id = upload()
    assert.equal(403, decide("asset", id, { decision = "rejected" }, owner).status)
    assert.equal(401, s:request({ "POST", "/api/v1/moderation/asset/" .. id .. "/reviews",
      json = { decision = "rejected" } }).status)
    assert.equal(200, decide("asset", id, { decision = "rejected" }, admin).status)
    assert.equal(404, decide("asset", ("0"):rep(16), { decision = "rejected" }).status)
    assert.equal(404, decide("picture", id, { decision = "rejected" }).status)
    for _, bad in ipairs { {}, { decision = "pending" }, { decision = "rejected", category = "rude" },
      { decision = "rejected", because = 1 } } do
      assert.equal(422, decide("asset", id, bad).status)
    end
    assert.equal(422, decide("asset", id, { decision = "approved", legal = true }).status)
  end)

  it("that was made meanwhile is not overruled unseen", function()
    local id = upload()
    local first = decide("asset", id, { decision = "flagged" }).json.scan_id
    assert.equal(200, decide("asset", id, { decision = "rejected", based_on = first }).status)
    assert.equal(409, decide("asset", id, { decision = "approved", based_on = first }).status)
    assert.equal(410, get("/a/" .. id).status)
  end)

  it("of two at the same moment is one", function()
    local id = upload()
    local seen, asked, won = get("/api/v1/assets/" .. id, reviewer).json.moderation.scan_id, {}, 0
    for i = 1, 8 do
      asked[i] = Connection.open(s)
      asked[i]:send("POST", "/api/v1/moderation/asset/" .. id .. "/reviews", reviewer,
        ('{"decision":"%s","based_on":"%s"}'):format(i % 2 == 0 and "rejected" or "flagged", seen))
    end
    for _, c in ipairs(asked) do
      local status = c:status()
      assert.is_true(status == 200 or status == 409, status)
      if status == 200 then won = won + 1 end
      c.tcp:close()
    end
    assert.equal(1, won)
  end)

  it("is taken back step by step", function()
    local id, code = upload()
    assert.equal(409, undo("asset", id).status) -- judges have decided
    decide("asset", id, { decision = "rejected", category = "nsfw", reason = "adult" })
    decide("asset", id, { decision = "rejected", legal = true })
    assert.equal(451, get("/a/" .. id).status)
    assert.equal("rejected", undo("asset", id).json.decision)
    assert.equal(410, get("/a/" .. id).status)
    assert.same({ "adult" }, get("/api/v1/assets/" .. id, owner).json.moderation.reasons)
    decide("asset", id, { decision = "approved" })
    assert.equal(200, get("/s/" .. code).status)
    assert.equal(410, undo("asset", id) and get("/a/" .. id).status)
  end)

  it("takes effect in every process within 100 ms", function()
    local id, code = upload()
    local worst, connections = 0, {}
    for i = 1, 4 * workers do connections[i] = Connection.open(s) end
    local paths = { "/a/" .. id, "/s/" .. code, "/a/" .. id .. ".gif" }
    local function asked(path)
      local seen = {}
      for i, c in ipairs(connections) do seen[i] = c:get(path) end
      return seen
    end
    for round = 1, 20 do
      local decision = round % 2 == 1 and "rejected" or "approved"
      local wanted = round % 2 == 1 and 410 or 200
      for _, path in ipairs(paths) do asked(path) end
      local began = socket.gettime()
      assert.equal(200, decide("asset", id, { decision = decision }).status)
      local answered = socket.gettime()
      for _, path in ipairs(paths) do
        for _, status in ipairs(asked(path)) do assert.equal(wanted, status, path .. " in round " .. round) end
      end
      worst = math.max(worst, answered - began)
    end
    for _, c in ipairs(connections) do c.tcp:close() end
    print(("decision to effect in %d workers: %.1f ms at worst, of 20"):format(workers, worst * 1000))
    assert.is_true(worst < 1, "it took " .. worst)
  end)

  it("about words is made again when they change, by a person too when one had refused them", function()
    local _, code = upload "title=tame"
    decide("share", code, { decision = "rejected", category = "spam" })
    local changed = s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "tamer" } }
    assert.equal("flagged", changed.json.state)
    assert.equal(404, get("/s/" .. code).status)
    decide("share", code, { decision = "rejected", legal = true })
    s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "tamest" } }
    assert.equal(451, get("/s/" .. code).status)
  end)

  it("of a person stands when somebody trusted uploads the same bytes", function()
    local id, _, bytes = upload()
    decide("asset", id, { decision = "flagged" })
    assert.equal("flagged", s:upload(bytes, s:token("trusted", "vip")).json.asset.state)
    assert.equal(404, get("/a/" .. id).status)
  end)

  it("to purge removes original, renditions and cache, for good", function()
    local id, code, bytes = upload()
    warmed(id, code)
    local digest = get("/api/v1/assets/" .. id).json.digest
    local function on_disk(d) return server.read_file(("%s/blobs/%s/%s/%s"):format(s.data, d:sub(1, 2),
      d:sub(3, 4), d)) end
    assert.equal(bytes, on_disk(digest))
    local purged = s:request { "POST", "/api/v1/moderation/asset/" .. id .. "/purge", token = reviewer,
      json = { category = "illegal", reason = "law", ban = true } }
    assert.equal(200, purged.status, purged.body)
    refused(id, code, 410)
    assert.is_nil(on_disk(digest))
    for _, token in ipairs { owner, reviewer, admin } do assert.equal(410, get("/a/" .. id, token).status) end
    assert.same({}, get("/api/v1/assets/" .. id, owner).json.renditions)
    assert.equal(409, undo("asset", id).status)
    assert.equal(409, decide("asset", id, { decision = "approved" }).status)
    assert.equal(403, s:upload(bytes, owner).status)
    assert.equal(403, s:upload(bytes, s:token("trusted", "vip")).status)
    refused(id, code, 410)
    server.wait_until("plugins to be told of the ban", function() return s:errors():find("on_ban", 1, true) end)
  end)

  it("to purge is not undone by what was being made at that moment", function()
    number = number + 1
    local made = s:upload(pictures.gif { frames = 60, width = 300 + number, height = 200 }, owner).json.asset
    local purged = s:request { "POST", "/api/v1/moderation/asset/" .. made.id .. "/purge", token = reviewer, json = {} }
    assert.equal(200, purged.status, purged.body)
    server.wait_until("its jobs to be over", function()
      local out = io.popen(("sqlite3 -readonly %s/catalogue.db \"SELECT count(*) FROM jobs WHERE state IN "
        .. "('pending', 'running') AND unique_key LIKE '%%:%s'\""):format(s.data, made.id)):read "*n"
      return out == 0
    end, 20)
    assert.same({}, get("/api/v1/assets/" .. made.id, owner).json.renditions)
    assert.equal(410, get("/a/" .. made.id .. "/poster").status)
  end)

  it("is entered in the audit log and told to plugins", function()
    local id, code = upload()
    decide("asset", id, { decision = "rejected", category = "nsfw", reason = "adult" })
    local out = io.popen(("sqlite3 -readonly %s/catalogue.db \"SELECT action, actor, decision FROM audit "
      .. "WHERE asset = '%s' ORDER BY id\""):format(s.data, id)):read("*a")
    assert.matches("asset%.verdict|judge:fickle|approved", out)
    assert.matches("asset%.decision|account:reviewer|rejected", out)
    for _, event in ipairs { "on_verdict", "on_withdraw" } do
      server.wait_until(event, function()
        for line in s:errors():gmatch("[^\n]+") do
          if line:find(event, 1, true) and line:find('told', 1, true) then return true end
        end
      end)
    end
    assert.is_string(code)
  end)
end)
