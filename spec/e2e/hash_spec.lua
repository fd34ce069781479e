-- Content that is banned or allowed: refused when it comes again, whatever its size or encoding; rejected where it is.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local scenes = require "scenes"
local server = require "server"

local function temporary(text)
  local path = os.tmpname()
  server.put(path, text)
  return path
end

--- `bytes` as ffmpeg makes it again with these arguments, as a file of this ending.
local function encoded(bytes, ending, arguments)
  local from, to = temporary(bytes), os.tmpname() .. ending
  local done = os.execute(("ffmpeg -v error -y -i %s %s %s </dev/null"):format(from, arguments, to))
  assert(done == 0 or done == true, "ffmpeg failed")
  local out = server.read_file(to)
  os.remove(from)
  os.remove(to)
  return out
end

local function digest_of(bytes)
  local path = temporary(bytes)
  local p = io.popen("sha256sum " .. path)
  local text = p:read("*a"):match("^%x+")
  p:close()
  os.remove(path)
  return text
end

describe("the lists of hashes", function()
  local s, admin, other
  setup(function()
    s = server.start { config = [[return { unseen = "approved", plugins = { ["moderation-hash"] = true } }]] }
    admin, other = s:token "admin", s:token("upload,read", "other")
  end)
  teardown(function() s:stop() end)

  local function hashes(method, json, query)
    return s:request { method, "/api/v1/moderation/hashes" .. (query or ""), token = admin, json = json }
  end

  local function refused(bytes, what)
    local reply = s:upload(bytes, other)
    assert.equal(403, reply.status, what .. ": " .. reply.body)
    assert.equal("content_banned", reply.json.code)
    assert.matches("^application/problem%+json", reply.headers["content-type"])
  end

  local function state(id) return s:request({ "GET", "/api/v1/assets/" .. id, token = admin }).json.state end

  local function becomes(id, wanted, seconds)
    server.wait_until(id .. " is " .. wanted, function() return state(id) == wanted end, seconds)
  end

  it("refuse what was banned, as it was and made anew in other ways; and what is there is rejected", function()
    local bytes = scenes.gif { seed = 11, width = 240, height = 180, frames = 3 }
    local up = s:upload(bytes, other, nil, { Prefer = "wait=20" })
    local id = up.json.asset.id
    becomes(id, "ready")
    assert.equal(200, s:request({ "GET", "/a/" .. id }).status)
    local reply = hashes("POST", { list = "ban", asset_id = id, reason = "no waves", category = "illegal" })
    assert.equal(201, reply.status, reply.body)
    assert.is_true(#reply.json.items > 3)
    becomes(id, "rejected")
    assert.equal(410, s:request({ "GET", "/a/" .. id }).status)
    refused(bytes, "the same bytes")
    refused(encoded(bytes, ".gif", "-vf scale=120:90"), "half the size")
    refused(encoded(bytes, ".mp4", "-c:v libx264 -crf 30 -pix_fmt yuv420p"), "a film")
    refused(encoded(bytes, ".webm", "-c:v libvpx-vp9 -crf 40 -b:v 0"), "another film")
    refused(encoded(bytes, ".gif", "-vf setpts=PTS/2"), "twice as fast")
    refused(encoded(bytes, ".gif", "-vf crop=iw*0.95:ih*0.95"), "a little cut off")
    refused(encoded(bytes, ".png", "-frames:v 1"), "its first picture")
    assert.equal(201, s:upload(scenes.gif { seed = 12, width = 240, height = 180 }, other).status)
    local listed = hashes("GET", nil, "?asset_id=" .. id).json
    assert.equal("illegal", listed.items[1].category)
    assert.equal(204, hashes("DELETE", nil, "?asset_id=" .. id).status)
    becomes(id, "ready")
    assert.equal(200, s:upload(bytes, other).status)
  end)

  it("ban a digest before anything looks at the bytes", function()
    local junk = "no picture at all"
    assert.equal(415, s:upload(junk, other).status)
    assert.equal(201, hashes("POST", { list = "ban", sha256 = digest_of(junk):upper() }).status)
    refused(junk, "junk")
    local body, type_ = server.multipart { { "title", "x" }, { "file", junk, filename = "a.gif" } }
    local reply = s:request { "POST", "/api/v1/assets", token = other, body = body,
      headers = { ["Content-Type"] = type_ } }
    assert.equal("content_banned", reply.json.code)
  end)

  it("ban what is there even where a person had approved it, and tell the audit log", function()
    local id = s:upload(scenes.gif { seed = 13 }, other, nil, { Prefer = "wait=20" }).json.asset.id
    local path = "/api/v1/moderation/asset/" .. id .. "/reviews"
    assert.equal(200, s:request({ "POST", path, token = admin, json = { decision = "approved" } }).status)
    local item = s:request({ "GET", "/api/v1/assets/" .. id, token = admin }).json
    assert.equal("ready", item.state)
    assert.equal(201, hashes("POST", { list = "ban", asset_id = id }).status)
    becomes(id, "rejected")
    local _, entry = s:ask("audit", "list", "--type", "hashes.add", "--limit", "1")
    assert.equal(id, entry.subject)
    assert.matches("^account:", entry.actor)
  end)

  it("remember what a decision bans, until it is taken back", function()
    local bytes = scenes.gif { seed = 14, width = 200, height = 150 }
    local id = s:upload(bytes, other, nil, { Prefer = "wait=20" }).json.asset.id
    becomes(id, "ready")
    local path = "/api/v1/moderation/asset/" .. id
    assert.equal(200, s:request({ "POST", path .. "/reviews", token = admin,
      json = { decision = "rejected", reason = "waves", ban = true } }).status)
    refused(encoded(bytes, ".gif", "-vf scale=100:-1"), "half the size")
    assert.equal(200, s:request({ "POST", path .. "/undo", token = admin, json = {} }).status)
    assert.equal(201, s:upload(encoded(bytes, ".gif", "-vf scale=100:-1"), other).status)
  end)

  it("say what is wrong with a request, and are for moderators alone", function()
    assert.equal(403, s:request({ "GET", "/api/v1/moderation/hashes", token = other }).status)
    assert.equal(403, s:request({ "POST", "/api/v1/moderation/hashes", token = other,
      json = { list = "ban", sha256 = ("a"):rep(64) } }).status)
    assert.equal(200, s:request({ "GET", "/api/v1/moderation/hashes", token = s:token("moderate", "mod") }).status)
    local wrong = { { list = "deny", sha256 = ("a"):rep(64) }, { list = "ban" }, { list = "ban", sha256 = "12" },
      { list = "ban", sha256 = ("a"):rep(64), pdq = ("a"):rep(64) }, { list = "ban", asset_id = ("0"):rep(16) },
      { list = "ban", pdq = ("a"):rep(64), distance = 65 }, { list = "ban", sha256 = ("a"):rep(64), distance = 3 },
      { list = "ban", sha256 = ("a"):rep(64), category = "safe" }, { list = "ban", sha256 = ("z"):rep(64) } }
    for i, json in ipairs(wrong) do
      local status = hashes("POST", json).status
      assert.is_true(status == 422 or status == 400, i .. " " .. status)
    end
    assert.equal(404, hashes("DELETE", nil, "/99999999").status)
    assert.equal(404, hashes("DELETE", nil, "/x").status)
  end)

  it("are walked by a cursor", function()
    for i = 1, 5 do
      assert.equal(201, hashes("POST", { list = "allow", pdq = ("%064x"):format(i), distance = 0 }).status)
    end
    local seen, cursor = {}, nil
    repeat
      local page = hashes("GET", nil, "?list=allow&limit=2" .. (cursor and "&cursor=" .. cursor or "")).json
      for _, e in ipairs(page.items) do seen[#seen + 1] = e.hash end
      cursor = page.next ~= cjson.null and page.next
    until not cursor
    assert.equal(5, #seen)
    local id = hashes("GET", nil, "?list=allow&limit=1").json.items[1].id
    assert.equal(204, hashes("DELETE", nil, "/" .. id).status)
    assert.equal(4, #hashes("GET", nil, "?list=allow").json.items)
  end)

  it("come and go as CSV, and a bad line is told without harm to the others", function()
    local bytes = scenes.gif { seed = 15 }
    local lines = { "kind,hash,reason,list,distance,category",
      "sha256," .. digest_of(bytes) .. ',"a ""waved"" one, bad",,,illegal',
      "pdq,12,short,ban,,", "pdq," .. ("c"):rep(64) .. ",far,ban,99,", "md5," .. ("d"):rep(64) .. ",,ban,,",
      "pdq," .. ("e"):rep(64) .. ",fine,allow,12,nsfw", "", 'sha256,"' .. ("f"):rep(64) .. '",open "quote,ban,,' }
    local path = temporary(table.concat(lines, "\r\n"))
    local code, answer, err = s:ask("moderate", "hashes", "import", path, "--list", "ban")
    os.remove(path)
    assert.equal(8, code, err)
    assert.same({ imported = 3, refused = 3 }, answer)
    for _, number in ipairs { 3, 4, 5 } do assert.matches("line " .. number .. ": ", err) end
    assert.is_nil(err:match("line 2:") or err:match("line 6:"))
    refused(bytes, "listed in the file")
    local _, out = server.command("moderate", "hashes", "export", "--data", s.data, "--list", "ban")
    assert.is_truthy(out:find(('ban,sha256,%s,0,illegal,"a ""waved"" one, bad"\n'):format(digest_of(bytes)), 1, true))
    path = temporary(out)
    code, answer = s:ask("moderate", "hashes", "import", path)
    os.remove(path)
    assert.equal(0, code)
    assert.equal(0, answer.refused)
  end)

  it("and a judge flags what looks like something that was rejected; both are a cluster", function()
    local first = s:upload(scenes.gif { seed = 16, width = 240, height = 180 }, other, nil, { Prefer = "wait=20" })
    local id = first.json.asset.id
    becomes(id, "ready")
    assert.equal(200, s:request({ "POST", "/api/v1/moderation/asset/" .. id .. "/reviews", token = admin,
      json = { decision = "rejected", reason = "waves" } }).status)
    local like = s:upload(scenes.gif { seed = 16, width = 120, height = 90 }, other).json.asset.id
    becomes(like, "flagged")
    assert.matches("^it looks like " .. id,
      s:request({ "GET", "/api/v1/assets/" .. like, token = admin }).json.reasons[1])
    local script = temporary([[
      local members = assert(require("gifd.flow.cluster").members(arg[1]))
      for _, m in ipairs(members) do print(m.asset_id, m.distance) end]])
    local code, out, err = server.command("lua", "--data", s.data, script, id)
    os.remove(script)
    assert.equal(0, code, err)
    assert.matches("^" .. like .. "\t%d+\n$", out)
  end)

  it("are known again after a kill and without their index", function()
    local bytes = scenes.gif { seed = 17, width = 200, height = 150 }
    local id = s:upload(bytes, other, nil, { Prefer = "wait=20" }).json.asset.id
    becomes(id, "ready")
    assert.equal(201, hashes("POST", { list = "ban", asset_id = id }).status)
    s:kill()
    os.remove(s.data .. "/near-listed")
    s:begin()
    becomes(id, "rejected")
    refused(encoded(bytes, ".gif", "-vf scale=100:-1"), "half the size")
  end)
end)

describe("an allowed picture", function()
  it("is approved whatever judges and rules say, and no longer when it is off the list", function()
    local s = server.start { config = [[return { moderation = { strict = true } }]] }
    local admin, other = s:token "admin", s:token("upload,read", "other")
    local id = s:upload(pictures.gif(), other, nil, { Prefer = "wait=20" }).json.asset.id
    local function becomes(wanted)
      server.wait_until("it is " .. wanted, function()
        return s:request({ "GET", "/api/v1/assets/" .. id, token = admin }).json.state == wanted
      end)
    end
    becomes "flagged"
    local reply = s:request { "POST", "/api/v1/moderation/hashes", token = admin,
      json = { list = "allow", asset_id = id } }
    assert.equal(201, reply.status, reply.body)
    becomes "ready"
    local entry = "/api/v1/moderation/hashes/" .. reply.json.items[1].id
    assert.equal(204, s:request({ "DELETE", entry, token = admin }).status)
    becomes "flagged"
    s:stop()
  end)
end)
