-- Somebody tries to be served what was flagged, rejected, taken aside or taken down, by every way that there is: no
-- byte of the picture, no word of the share, by any of them.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"
local socket = require "socket"

local TITLE = "zanzibarquartz"

describe("what nobody may see", function()
  local s, owner, reviewer, strangers, number = nil, nil, nil, {}, 0

  setup(function()
    s = server.start { workers = 2, plugins = { "spec/support/plugins" },
      config = [[return { unseen = "approved", plugins = { desk = true }, jobs = { plugins = 1 },
        delivery = { negotiate = true } }]] }
    owner, reviewer = s:token("upload", "owner"), s:token("moderate", "reviewer")
    for i, scopes in ipairs { "read", "upload", "trusted", "audit" } do
      strangers[i] = { token = s:token(scopes, "stranger" .. i), name = scopes }
    end
    strangers[#strangers + 1] = { name = "nobody" }
  end)
  teardown(function() s:stop() end)

  --- As it is written, over a connection of its own -> status, head, body
  local function raw(method, target, headers, body)
    local host, port = s.url:match "^http://([^:]+):(%d+)$"
    local c = assert(socket.connect(host, tonumber(port)))
    c:settimeout(8)
    local lines = { ("%s %s HTTP/1.1"):format(method, target), ("Host: %s:%s"):format(host, port), "Connection: close" }
    for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
    if body then
      lines[#lines + 1] = "Content-Length: " .. #body
      lines[#lines + 1] = "Content-Type: application/json"
    end
    c:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
    local all, _, rest = c:receive "*a"
    all = all or rest or ""
    c:close()
    local head, text = all:match "^(.-\r\n)\r\n(.*)$"
    return tonumber(all:match "^HTTP/1.1 (%d+)"), head or "", text or ""
  end

  --- Something of its own, as everybody sees it: with renditions, a second share, signed URLs, cached everywhere.
  local function thing()
    number = number + 1
    local one = { bytes = pictures.gif { frames = 4, width = 60 + number, height = 44 } }
    local made = s:upload(one.bytes, owner, "title=" .. TITLE .. "&tags=" .. TITLE, { Prefer = "wait=20" })
    assert.equal("ready", made.json.asset.state)
    one.id, one.code, one.digest = made.json.asset.id, made.json.share.code, made.json.asset.digest
    one.other = s:request({ "POST", "/api/v1/shares", token = owner, json = { asset_id = one.id,
      title = TITLE } }).json.code
    one.signed = {}
    for _, what in ipairs { { asset_id = one.id }, { code = one.code }, { path = "/a/" .. one.id },
      { path = "/a/" .. one.id .. "/poster.jpg" }, { path = "/s/" .. one.code .. ".gif" },
      { path = "/s/" .. one.code .. ".json" } } do
      what.expires_in = 600
      local url = s:request({ "POST", "/api/v1/signed-urls", token = owner, json = what }).json.url
      one.signed[#one.signed + 1] = url:match "^https?://[^/]+(.*)$"
    end
    local job = s:request { "POST", "/api/v1/jobs", token = owner, json = { type = "render", asset_id = one.id,
      recipe = { format = "webp", width = 32 } } }
    if job.status == 202 then
      server.wait_until("the job", function()
        local found = s:request({ "GET", "/api/v1/jobs/" .. job.json.id, token = owner }).json
        one.job, one.made = job.json.id, type(found.result) == "table" and found.result.url or nil
        return found.state == "completed" or found.state == "failed"
      end, 20)
    end
    return one
  end

  --- Paths under which its media and its page were, all that are ours.
  local function places(one)
    local out, id, code = {}, one.id, one.code
    for _, ext in ipairs { "", ".gif", ".png", ".jpg", ".jpeg", ".webp", ".mp4", ".webm", ".json", ".activity",
      ".bin" } do
      out[#out + 1] = "/a/" .. id .. ext
      out[#out + 1] = "/s/" .. code .. ext
      out[#out + 1] = "/s/" .. one.other .. ext
    end
    for _, name in ipairs { "poster", "poster.jpg", "poster.jpeg", "mp4", "mp4.mp4", "gif", "webp", "webm", "thumb",
      "small", "preview", "gif.gif", "webp.webp", "original", "still", "card" } do
      out[#out + 1] = "/a/" .. id .. "/" .. name
    end
    if one.made then out[#out + 1] = one.made:match "^https?://[^/]+(.*)$" or one.made end
    for _, more in ipairs { "?download=1", "?s=" .. code, "?s=" .. one.other, "?show=1", "?v=" .. one.digest } do
      out[#out + 1] = "/a/" .. id .. more
      out[#out + 1] = "/s/" .. code .. more
    end
    for _, path in ipairs(one.signed) do out[#out + 1] = path end
    for _, signed in ipairs(one.signed) do -- what one signature opens, tried for the others
      out[#out + 1] = "/a/" .. id .. "/poster.jpg" .. signed:match "%?.*$"
      out[#out + 1] = "/a/" .. id .. ".mp4" .. signed:match "%?.*$"
    end
    for _, url in ipairs { "/s/" .. code, "/s/" .. one.other, "/a/" .. id } do
      for _, format in ipairs { "", "&format=xml", "&type=photo", "&maxwidth=100" } do
        out[#out + 1] = "/oembed?url=" .. (s.url .. url):gsub("[:/]", { [":"] = "%3A", ["/"] = "%2F" }) .. format
      end
    end
    for _, path in ipairs { "/api/v1/assets/" .. id, "/api/v1/assets/" .. id .. "/metrics",
      "/api/v1/shares/" .. code, "/api/v1/shares/" .. code .. "/unfurl", "/api/v1/shares/" .. code .. "/metrics",
      "/api/v1/assets/" .. id .. "/events", "/p/desk/shares/" .. code, "/p/desk/assets/" .. id,
      "/api/v1/jobs/" .. (one.job or "1"), "/api/v1/shares", "/p/desk/shares", "/api/v1/jobs",
      "/api/v1/moderation/asset/" .. id, "/api/v1/moderation/queue", "/appeals/" .. code,
      "/blobs/" .. one.digest, "/" .. one.digest, "/a/" .. one.digest, "/web/" .. one.digest } do
      out[#out + 1] = path
    end
    return out
  end

  --- The same addresses as somebody would write them who hopes that two parts of a server read them differently.
  local function spellings(one)
    local id, code, out = one.id, one.code, {}
    local function both(fmt)
      out[#out + 1] = fmt:gsub("ID", "/a/" .. id)
      out[#out + 1] = fmt:gsub("ID", "/s/" .. code)
    end
    for _, fmt in ipairs { "ID/", "/ID", "ID//", "ID/.", "ID/..", "/.ID", "/xID", "/x/..ID", "ID%00", "ID%20", "ID%0a",
      "ID;a=b", "ID%3fx", "ID%2egif", "ID%252egif", "ID.GIF", "ID.Gif", "ID.gif/", "ID.gif%00.txt", "ID.gif?", "ID#x",
      "ID%2fposter.jpg", "ID/%70oster.jpg", "ID/POSTER.JPG", "ID/poster.jpg/..", "ID/../poster.jpg", "ID?%73how=1",
      "ID\\", "ID%5c", "ID..gif", "ID.gif.gif", "ID.gif?signature=", "ID?signature=A&expires=9999999999&kid=x",
      "ID?prefix=/a/", "ID.json?callback=x", "ID%C0%AEgif", "ID%ff" } do
      both(fmt)
    end
    for _, path in ipairs { "/A/" .. id, "/a/" .. id:upper(), "/%61/" .. id, "/a%2f" .. id, "/S/" .. code,
      "/%73/" .. code, "/s%2f" .. code, s.url .. "/a/" .. id, s.url .. "/s/" .. code, "http://other.example/a/" .. id,
      "/a/" .. id:sub(1, 12), "/a/" .. one.digest:sub(1, 18), "/a/%" .. ("%02x"):format(id:byte()) .. id:sub(2),
      "/s/%" .. ("%02X"):format(code:byte()) .. code:sub(2) } do
      out[#out + 1] = path
    end
    return out
  end

  local asks = {
    {},
    { Range = "bytes=0-99" }, { Range = "bytes=-50" }, { Range = "bytes=0-0,5-9" },
    { ["If-None-Match"] = "DIGEST" }, { ["If-Modified-Since"] = "Mon, 01 Jan 2035 00:00:00 GMT" },
    { ["If-Range"] = "DIGEST", Range = "bytes=0-99" },
    { Accept = "video/mp4,image/*" }, { Accept = "application/activity+json" },
    { ["User-Agent"] = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" },
    { ["User-Agent"] = "facebookexternalhit/1.1" },
    { ["Save-Data"] = "on" }, { ["Accept-Encoding"] = "gzip, br, zstd" }, { ["X-Original-URL"] = "/a/ID" },
    { ["X-Forwarded-Host"] = "other.example", ["X-Forwarded-For"] = "127.0.0.1" },
    { ["Cache-Control"] = "only-if-cached, max-stale=999999" }, { Cookie = "gifd_session=x" },
    { Authorization = "Basic YWRtaW46YWRtaW4=" }, { Authorization = "Bearer" },
  }

  --- Parts of everything that was served while it might be: what is found in a reply was served.
  local function parts(one)
    local out = {}
    local function add(bytes)
      for at = 1, #bytes - 23, 24 do out[bytes:sub(at, at + 23)] = true end
    end
    for _, path in ipairs { "", "/poster.jpg", "/mp4.mp4", ".webp" } do
      local reply = s:request { "GET", "/a/" .. one.id .. path }
      if reply.status == 200 then add(reply.body) end
    end
    return out
  end

  local media = { ["image/"] = true, ["video/"] = true }

  local function check(one, known, what, status, head, body)
    assert.is_number(status, what .. ": no answer")
    local type = head:lower():match "\r\ncontent%-type: ([^\r]+)" or ""
    assert.is_nil(media[type:match "^%l+/" or ""] and status < 300 and what or nil, what .. " is served " .. type)
    assert.is_true(status ~= 304 and status ~= 206, what .. " " .. status)
    assert.is_nil(body:find(TITLE, 1, true), what .. " tells its words: " .. status)
    assert.is_nil(body:find(one.digest, 1, true), what .. " tells its digest: " .. status)
    assert.is_nil(head:find(one.digest, 1, true), what .. " tells its digest in a field: " .. status)
    for at = 1, #body - 23 do
      if known[body:sub(at, at + 23)] then error(what .. " has bytes of it") end
    end
  end

  --- All of it, as everybody but its owner and reviewers.
  local function attack(one, known)
    local tried = 0
    local function try(method, target, headers, body, who)
      local full = {}
      for name, value in pairs(headers) do
        full[name] = value:gsub("DIGEST", '"' .. one.digest .. '"'):gsub("ID", one.id)
      end
      if who.token then full.Authorization = "Bearer " .. who.token end
      local status, head, text = raw(method, target, full, body)
      check(one, known, ("%s %s by %s %s"):format(method, target, who.name, next(headers) or ""), status, head, text)
      tried = tried + 1
      return status, head
    end
    local nobody = strangers[#strangers]
    for _, path in ipairs(places(one)) do
      for _, who in ipairs(strangers) do try("GET", path, {}, nil, who) end
      try("HEAD", path, {}, nil, nobody)
      try("OPTIONS", path, {}, nil, nobody)
      try("POST", path, {}, "{}", nobody)
      for _, headers in ipairs(asks) do try("GET", path, headers, nil, nobody) end
    end
    for _, path in ipairs(spellings(one)) do
      try("GET", path, {}, nil, nobody)
      try("HEAD", path, {}, nil, nobody)
      try("GET", path, {}, nil, strangers[3])
    end
    for _, who in ipairs(strangers) do -- what would make it theirs, or show it to somebody
      for _, ask in ipairs { { "POST", "/api/v1/shares", '{"asset_id":"%s"}' },
        { "POST", "/api/v1/signed-urls", '{"asset_id":"%s"}' },
        { "POST", "/api/v1/jobs", '{"type":"render","asset_id":"%s","recipe":{"format":"webp","width":40}}' },
        { "POST", "/p/desk/shares", '{"asset_id":"%s"}' },
        { "POST", "/api/v1/moderation/asset/" .. one.id .. "/reviews", '{"decision":"approved"}' },
        { "POST", "/api/v1/moderation/asset/" .. one.id .. "/undo", "{}" },
        { "POST", "/api/v1/moderation/asset/" .. one.id .. "/claim", "{}" },
        { "PATCH", "/api/v1/shares/" .. one.code, '{"title":"new"}' },
        { "PATCH", "/p/desk/shares/" .. one.code, '{"title":"new"}' },
        { "DELETE", "/api/v1/shares/" .. one.code } } do
        local status = try(ask[1], ask[2], {}, ask[3] and ask[3]:format(one.id), who)
        assert.is_true(status >= 400 or ask[2]:match "^/p/desk" ~= nil, ask[1] .. " " .. ask[2] .. " by " .. who.name)
      end
    end
    return tried
  end

  for _, row in ipairs { { "flagged", { decision = "flagged" }, 404 },
    { "rejected", { decision = "rejected", reason = "adult", category = "nsfw" }, 410 },
    { "quarantined", { decision = "quarantined" }, 404 },
    { "taken down by law", { decision = "rejected", legal = true }, 451 } } do
    it("is not served once it is " .. row[1], function()
      local one = thing()
      local known = parts(one)
      for _ = 1, 2 do -- into every cache
        for _, path in ipairs(places(one)) do
          raw("GET", path)
          raw("GET", path, { Range = "bytes=0-9" })
        end
      end
      assert.equal(one.bytes, s:request({ "GET", "/a/" .. one.id }).body)
      local done = s:request { "POST", "/api/v1/moderation/asset/" .. one.id .. "/reviews", token = reviewer,
        json = row[2] }
      assert.equal(200, done.status, done.body)
      local tried = attack(one, known)
      assert.equal(row[3], s:request({ "GET", "/a/" .. one.id }).status)
      assert.equal(row[3], s:request({ "GET", "/s/" .. one.other }).status)
      print(("%s: %d ways, none works"):format(row[1], tried))
      assert.equal(one.bytes, s:request({ "GET", "/a/" .. one.id, token = reviewer }).body)
    end)
  end

  it("is no word of a share that was refused, while its picture is another's too", function()
    local one = thing()
    s:request { "PATCH", "/api/v1/shares/" .. one.other, token = owner, json = { title = "fine" } }
    for _, decision in ipairs { "flagged", "rejected", "quarantined" } do
      local standing = s:request({ "GET", "/api/v1/shares/" .. one.code, token = reviewer }).json.moderation.scan_id
      assert.equal(200, s:request({ "POST", "/api/v1/moderation/share/" .. one.code .. "/reviews", token = reviewer,
        json = { decision = decision, based_on = standing } }).status)
      for _, path in ipairs(places(one)) do
        for _, more in ipairs { "", "&download=1&s=" .. one.code } do
          local target = more ~= "" and not path:find("?", 1, true) and path .. "?" .. more or path .. more
          local _, head, body = raw("GET", target)
          assert.is_nil((head .. body):find(TITLE, 1, true), target .. " tells its words")
        end
      end
      assert.equal(one.bytes, s:request({ "GET", "/a/" .. one.id }).body)
      assert.is_true(s:request({ "GET", "/s/" .. one.code .. ".gif" }).status >= 400)
    end
  end)

  it("is not served to who was waiting for it when it was decided", function()
    local waited = 0
    for round = 1, 6 do
      number = number + 1
      local made = s:upload(pictures.gif { frames = 30, width = 200 + number, height = 150 }, owner, "title=" .. TITLE)
      local id, asked = made.json.asset.id, {}
      local host, port = s.url:match "^http://([^:]+):(%d+)$"
      for i, name in ipairs { "poster.jpg", "mp4.mp4", "webp.webp", "gif.gif" } do
        local c = assert(socket.connect(host, tonumber(port)))
        c:settimeout(10)
        c:send(("GET /a/%s/%s HTTP/1.0\r\nHost: x\r\n\r\n"):format(id, name))
        asked[i] = c
      end
      socket.sleep(0.01 * round)
      local reply = s:request { "POST", "/api/v1/moderation/asset/" .. id .. "/reviews", token = reviewer,
        json = { decision = "rejected" } }
      assert.equal(200, reply.status, reply.body)
      local before = {}
      for _, c in ipairs(socket.select(asked, nil, 0)) do before[c] = true end
      socket.sleep(0.05) -- what was on its way then comes through
      for _, c in ipairs(socket.select(asked, nil, 0)) do before[c] = before[c] or "maybe" end
      for _, c in ipairs(asked) do
        if before[c] ~= true then
          local status = tonumber(c:receive("*l"):match "^HTTP/1.1 (%d+)")
          assert.is_true(status >= 400 or before[c] == "maybe", "served after the decision: " .. status)
          if status >= 400 then waited = waited + 1 end
        end
        c:close()
      end
    end
    print(waited .. " waited for it in vain")
    assert.is_true(waited > 0)
  end)
end)
