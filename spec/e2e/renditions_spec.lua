-- Renditions over the real program: every address and every failure, made once, kept true by `gifd verify`.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local files = require "spec.support.files"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local function query(s, sql)
  return files.lines(("sqlite3 -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""):format(s.data, sql))
end

local function made(s, token, options, more)
  local reply = s:upload(pictures.gif(options), token, more, { Prefer = "wait=20" })
  assert.equal("ready", reply.json.asset.state, reply.body)
  return reply.json.asset, reply.json.share
end

local function by_file(asset)
  local out = {}
  for _, r in ipairs(asset.renditions) do out[r.name .. " " .. r.type] = r end
  return out
end

describe("renditions", function()
  local s, admin
  local function get(path, headers) return s:request { "GET", path, headers = headers } end
  setup(function()
    s = server.start { config = [[return { renditions = { own = {
      { name = "wee", format = "mp4", budget = 1000 }, { name = "far", format = "png", at = 3, width = 20 } } } }]] }
    admin = s:token "admin"
  end)
  teardown(function() assert.equal(0, s:stop()) end)

  it("are listed with their addresses, and each is there for who asks", function()
    local asset = made(s, admin, { frames = 3, width = 320, height = 240 })
    local states = {}
    for _, r in ipairs(asset.renditions) do states[r.name .. " " .. r.type] = r.state end
    assert.equal("ready", states["poster image/jpeg"])
    assert.equal("ready", states["mp4 video/mp4"])
    assert.equal("ready", states["tinygif image/gif"])
    assert.equal("possible", states["fixed_height image/webp"])
    for _, r in ipairs(asset.renditions) do
      local reply = get(r.url:sub(#s.url + 1))
      if r.name == "wee" then assert.equal(404, reply.status)
      else
        assert.equal(200, reply.status, r.url .. ": " .. reply.body:sub(1, 200))
        assert.equal(r.type, reply.headers["content-type"], r.url)
        local shows_all = r.type == "image/gif" and not r.name:match("still$")
        assert.is_true(not shows_all or #reply.body <= asset.bytes, r.url)
      end
    end
    local after = by_file(get("/api/v1/assets/" .. asset.id).json)
    for what, r in pairs(by_file(asset)) do
      if r.name ~= "wee" then
        assert.equal("ready", after[what].state, what)
        if after[what].type ~= "image/gif" then
          assert.same({ r.width, r.height }, { after[what].width, after[what].height }, what)
        end
      end
    end
    assert.is_nil(after["wee video/mp4"])
  end)

  it("have addresses by name, by name and type, and at the size of the source by type", function()
    local asset, share = made(s, admin, { frames = 3, width = 320, height = 240 })
    local a, c = "/a/" .. asset.id, "/s/" .. share.code
    for path, kind in pairs {
      [a .. "/poster"] = "image/jpeg", [a .. "/poster.webp"] = "image/webp", [a .. "/poster.jpeg"] = "image/jpeg",
      [a .. "/fixed_height"] = "image/gif", [a .. "/fixed_height.mp4"] = "video/mp4", [a .. "/mp4"] = "video/mp4",
      [a .. "/tinywebm"] = "video/webm", [a .. ".gif"] = "image/gif", [a .. ".mp4"] = "video/mp4",
      [a .. ".webm"] = "video/webm", [a .. ".webp"] = "image/webp", [a .. ".png"] = "image/png",
      [a .. ".jpg"] = "image/jpeg", [c .. ".jpeg"] = "image/jpeg", [c .. ".webp"] = "image/webp",
      [c .. ".webm"] = "video/webm", [c .. ".png"] = "image/png", [c .. ".gif"] = "image/gif",
    } do
      local reply = get(path)
      assert.equal(200, reply.status, path)
      assert.equal(kind, reply.headers["content-type"], path)
      assert.matches("public", reply.headers["cache-control"], path)
    end
    for _, path in ipairs { a .. "/poster.gif", a .. "/nothing", a .. "/nothing.gif", a .. ".exe", a .. "/tinygif.mp4",
      c .. ".exe", a .. "/r-0123456789abcdef", "/a/0123456789abcdef/poster.jpg" } do
      assert.equal(404, get(path).status, path)
    end
  end)

  it("of what cannot be are 404 with the reason, at once the second time", function()
    local still = made(s, admin, { frames = 1 })
    for _, path in ipairs { ".mp4", ".webm", "/tinymp4.mp4", "/looping" } do
      local reply = get("/a/" .. still.id .. path)
      assert.same({ 404, "impossible", "a picture that stands still is no film" },
        { reply.status, reply.json.code, reply.json.detail }, path)
    end
    assert.equal(200, get("/a/" .. still.id .. "/tinywebp.webp").status)
    local asset = made(s, admin, { frames = 3, width = 320, height = 240 })
    for _ = 1, 2 do
      local reply = get("/a/" .. asset.id .. "/wee.mp4")
      assert.same({ 404, "impossible", "no-store" }, { reply.status, reply.json.code, reply.headers["cache-control"] })
      assert.matches("%d", reply.json.detail)
    end
    assert.same({ "1" }, query(s, "SELECT count(*) FROM renditions_refused WHERE asset_id = '" .. asset.id .. "'"))
    assert.same({ "0" }, query(s, "SELECT count(*) FROM renditions_asked"))
    assert.equal(200, get("/a/" .. asset.id .. "/far.png").status) -- a time behind the end is the end
  end)

  it("of a file that cannot be decoded are not tried for ever", function()
    local bytes = pictures.gif { frames = 2 }
    bytes = bytes:gsub("\44%z%z%z%z\2%z\2%z%z\2\3\68\2\5%z", "\44\0\0\0\0\2\0\2\0\0\2\3\255\255\255\0")
    local reply = s:upload(bytes, admin, nil, { Prefer = "wait=20" })
    if reply.status == 201 then
      assert.equal("failed", reply.json.asset.state)
      local media = get("/a/" .. reply.json.asset.id .. ".mp4")
      assert.same({ 404, "impossible" }, { media.status, media.json.code })
      assert.same({}, reply.json.asset.renditions)
    else
      assert.equal(422, reply.status)
    end
  end)

  it("are made once for all who ask at the same time", function()
    local asset = made(s, admin, { frames = 8, width = 300, height = 200 })
    local url = ("%s/a/%s/tinywebp.webp"):format(s.url, asset.id)
    local ask = "for i in 1 2 3 4 5 6 7 8; do curl -s -m 9 -o /dev/null -w '%%{http_code}\\n' '%s' & done; wait"
    local codes = files.lines(ask:format(url))
    assert.equal("200200200200200200200200", table.concat(codes))
    assert.same({ "1|1" }, query(s, "SELECT count(*), max(attempts) + max(fence) FROM jobs "
      .. "WHERE unique_key = 'renditions:" .. asset.id .. "'"))
  end)

  it("that last are held for five seconds and then told to come back, uncached", function()
    local asset = made(s, admin, { frames = 2, width = 64, height = 64 })
    local media = s:children "gifd%-media"
    for _, pid in ipairs(media) do posix.kill(pid, posix.SIGSTOP) end
    local began = socket.gettime()
    local reply = get("/a/" .. asset.id .. "/nanowebp.webp")
    local held = socket.gettime() - began
    for _, pid in ipairs(media) do posix.kill(pid, posix.SIGCONT) end
    assert.same({ 503, "busy", "no-store" }, { reply.status, reply.json.code, reply.headers["cache-control"] })
    assert.matches("^%d+$", reply.headers["retry-after"])
    assert.is_true(held >= 4.9 and held < 8, held)
    assert.equal(200, server.wait_until("the rendition", function()
      local again = get("/a/" .. asset.id .. "/nanowebp.webp")
      return again.status == 200 and again.status
    end))
  end)

  it("are made again by gifd verify, which tells other versions from other bytes", function()
    local asset = made(s, admin, { frames = 3, width = 120, height = 90 })
    for _, path in ipairs { ".webm", ".webp", ".png", "/poster.webp", "/nanogif", "/looping" } do
      assert.equal(200, get("/a/" .. asset.id .. path).status)
    end
    local function verify() return server.command("verify", asset.id, "--data", s.data) end
    local code, out = verify()
    assert.equal(0, code, out)
    assert.matches("unaltered sha256 " .. asset.digest, out)
    for _, file in ipairs { "poster.jpg", "poster.webp", "still.png", "mp4.mp4", "webm.webm", "webp.webp",
      "looping.mp4" } do
      assert.matches(file:gsub("%p", "%%%0") .. " made again, the same bytes", out)
    end
    local where = " WHERE asset_id = '" .. asset.id .. "' AND name = 'webp.webp'"
    query(s, "UPDATE renditions SET recipe = json_set(recipe, '$.quality', 3), made_by = 'another'" .. where)
    code, out = verify()
    assert.equal(0, code)
    assert.matches("webp%.webp unaltered, made by other versions: another", out)
    query(s, "UPDATE renditions SET made_by = (SELECT made_by FROM renditions WHERE name = 'mp4.mp4' LIMIT 1)" .. where)
    code, out = verify()
    assert.equal(1, code)
    assert.matches("webp%.webp DIFFERS when made again", out)
    assert.equal(4, (server.command("verify", "0123456789abcdef", "--data", s.data)))
    assert.equal(2, (server.command("verify", "nonsense", "--data", s.data)))
    local digest = query(s, ("SELECT digest FROM renditions WHERE asset_id = '%s' AND name = 'mp4.mp4'")
      :format(asset.id))[1]
    local path = ("%s/blobs/%s/%s/%s"):format(s.data, digest:sub(1, 2), digest:sub(3, 4), digest)
    os.execute(("chmod u+w '%s' && printf x >> '%s'"):format(path, path))
    code, out = verify()
    assert.equal(1, code)
    assert.matches("mp4%.mp4 ALTERED", out)
  end)
end)

describe("renditions as configured", function()
  it("are all made in the background, those that are asked for first", function()
    local s = server.start {
      config = "return { renditions = { background = true, without = { 'webm', 'tinywebm', 'nanowebm' } } }" }
    local admin = s:token "admin"
    local asset = made(s, admin, { frames = 3, width = 64, height = 48 })
    server.wait_until("all of them", function()
      for _, r in ipairs(s:request({ "GET", "/api/v1/assets/" .. asset.id }).json.renditions) do
        if r.state ~= "ready" then return false end
      end
      return true
    end, 20)
    assert.equal(404, s:request({ "GET", "/a/" .. asset.id .. ".webm" }).status)
    assert.same({ "0" }, query(s, "SELECT count(*) FROM renditions_asked"))
    assert.equal(0, s:stop())
  end)

  it("keep within pixels for one file, and for all that wait", function()
    local s = server.start { config = "return { renditions = { pixels = 1e6, pixels_waiting = 1e6 } }" }
    local admin = s:token "admin"
    local asset = made(s, admin, { frames = 3, width = 500, height = 300 })
    local reply = s:request { "GET", "/a/" .. asset.id .. ".webp" }
    assert.same({ 404, "impossible" }, { reply.status, reply.json.code })
    assert.matches("1000000 pixels together", reply.json.detail)
    assert.equal(200, s:request({ "GET", "/a/" .. asset.id .. "/nanowebp.webp" }).status)
    assert.equal(0, s:stop())
    s = server.start { config = "return { renditions = { pixels_waiting = 1e6 } }" }
    admin = s:token "admin"
    asset = made(s, admin, { frames = 3, width = 900, height = 500 })
    reply = s:request { "GET", "/a/" .. asset.id .. ".webp" }
    assert.same({ 503, "busy", "no-store" }, { reply.status, reply.json.code, reply.headers["cache-control"] })
    assert.equal(0, s:stop())
  end)

  it("that are not there are a fault of the configuration, by name", function()
    local path = os.tmpname()
    server.put(path, "return { renditions = { at_once = { 'bigif' } } }")
    local code, out, err = server.command("check", "--config", path)
    os.remove(path)
    assert.equal(3, code, out)
    assert.matches("renditions%.at_once%[1%]: there is no rendition of this name", (out or "") .. (err or ""))
  end)
end)
