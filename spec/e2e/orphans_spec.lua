-- What nobody shares any more goes, rows and files; what somebody shares at the same moment stays, whatever dies.
local files = require "spec.support.files"
local pictures = require "spec.support.pictures"
local posix = require "posix"
local server = require "spec.support.server"
local socket = require "socket"

describe("an asset without shares", function()
  local s, admin
  before_each(function()
    s = server.start { workers = 2, plugins = { "spec/support/plugins" },
      config = 'return { retention = { unshared = "1s" }, plugins = { fickle = true } }' }
    admin = s:token "admin"
  end)
  after_each(function() s:stop() end)

  local function upload(bytes, query)
    local reply = s:upload(bytes, admin, query, { Prefer = "wait=20" })
    assert.is_true(reply.status == 201 or reply.status == 200, reply.body)
    return reply.json
  end
  local function delete(made)
    assert.equal(204, s:request({ "DELETE", "/api/v1/shares/" .. made.share.code, token = admin }).status)
  end
  local function state(id)
    local reply = s:request { "GET", "/api/v1/assets/" .. id, token = admin }
    return reply.status == 200 and reply.json.state or reply.status
  end
  local function gone(id)
    server.wait_until("the end of " .. id, function() return state(id) == 404 end)
  end
  local function blobs()
    local out = {}
    for _, path in ipairs(files.lines("find '" .. s.data .. "/blobs' -type f -not -path '*/blobs/tmp/*'")) do
      out[#out + 1] = path:match("[^/]+$")
    end
    return out
  end
  --- As if the files had been there for hours.
  local function age() os.execute("find '" .. s.data .. "/blobs' -type f -exec touch -d '2 hours ago' {} +") end
  local function kill_runner()
    for _, pid in ipairs(s:children "gifd%-runner") do posix.kill(pid, posix.SIGKILL) end
  end

  it("goes after its last share was deleted, then its files do; others stay", function()
    local bytes = pictures.gif { frames = 3 }
    local kept = upload(pictures.gif { frames = 3 })
    local twice = upload(bytes)
    local again = s:request({ "POST", "/api/v1/shares", token = admin, json = { asset_id = twice.asset.id } }).json
    assert.equal(6, #blobs()) -- the same pixels have the same renditions
    delete(twice)
    age()
    socket.sleep(2.6) -- more than the grace and a look
    assert.equal("ready", state(twice.asset.id))
    delete { share = again }
    gone(twice.asset.id)
    assert.equal(404, s:request({ "GET", "/a/" .. twice.asset.id }).status)
    assert.equal(404, s:request({ "GET", "/a/" .. twice.asset.id .. "/poster.jpg", token = admin }).status)
    server.wait_until("the end of its files", function() return #blobs() == 5 end)
    assert.equal("ready", state(kept.asset.id))
    assert.equal(200, s:request({ "GET", "/a/" .. kept.asset.id .. ".mp4" }).status)
    local places = files.lines(("sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""):format(s.data,
      "SELECT highest FROM assets_gone; SELECT max(rowid_) FROM assets"))
    assert.same({ "2", "1" }, places)
    local anew = upload(bytes) -- is the same asset once more, rendered once more
    assert.same({ twice.asset.id, "ready" }, { anew.asset.id, anew.asset.state })
    assert.equal("3", files.lines(("sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""):format(s.data,
      "SELECT max(rowid_) FROM assets"))[1]) -- what was counted of another is not counted of this one
    assert.equal(bytes, s:request({ "GET", "/a/" .. anew.asset.id }).body)
    assert.equal(200, s:request({ "GET", "/a/" .. anew.asset.id .. ".mp4" }).status)
  end)

  it("goes with shares that have expired or are used up, and not with one that was prolonged", function()
    local function ending(made, fields)
      local reply = s:request { "PATCH", "/api/v1/shares/" .. made.share.code, token = admin, json = fields }
      assert.equal(200, reply.status, reply.body)
    end
    local soon = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 2)
    local expired, used, prolonged = upload(pictures.gif()), upload(pictures.gif(), "max_visits=1"),
      upload(pictures.gif())
    ending(expired, { expires_at = soon })
    ending(prolonged, { expires_at = soon })
    assert.equal(200, s:request({ "GET", "/s/" .. used.share.code }).status)
    ending(prolonged, { expires_at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 3600) })
    gone(expired.asset.id)
    gone(used.asset.id)
    assert.equal(404, s:request({ "GET", "/s/" .. expired.share.code }).status)
    server.wait_until("word of it", function()
      return s:errors():find("plugin%.told[^\n]*code=" .. expired.share.code .. "[^\n]*on_delete")
        or s:errors():find("plugin%.told[^\n]*on_delete[^\n]*code=" .. expired.share.code)
    end)
    assert.equal("ready", state(prolonged.asset.id))
  end)

  it("stays when its bytes are sent again at that moment, at whatever step of its going", function()
    local assets = {}
    for i = 1, 24 do
      local bytes = pictures.gif { frames = 2 }
      assets[i] = { bytes = bytes, made = upload(bytes) }
    end
    age()
    for _, asset in ipairs(assets) do delete(asset.made) end
    for i, asset in ipairs(assets) do -- from before the first look to after the last
      socket.sleep(0.15)
      if i == 16 then kill_runner() end
      upload(asset.bytes)
    end
    socket.sleep(2.5)
    for _, asset in ipairs(assets) do
      local id = asset.made.asset.id
      assert.equal("ready", state(id))
      assert.equal(asset.bytes, s:request({ "GET", "/a/" .. id }).body)
      assert.equal(200, s:request({ "GET", "/a/" .. id .. ".mp4" }).status)
    end
    assert.equal(#assets + 4, #blobs())
    local removed = 0
    for count in s:errors():gmatch("orphans%.removed[^\n]* assets=(%d+)") do removed = removed + tonumber(count) end
    assert.is_true(removed > 0 and removed < #assets, removed .. " were removed before they came again")
  end)

  it("goes to the end through kill -9 of the runner, and so do files that never got a row", function()
    local assets = {}
    for i = 1, 8 do assets[i] = upload(pictures.gif { frames = 2 }) end
    local stray = s.data .. "/blobs/ab/cd/" .. "abcd" .. ("0"):rep(60)
    os.execute(("mkdir -p '%s/blobs/ab/cd' && echo x >'%s'"):format(s.data, stray))
    age()
    for _, made in ipairs(assets) do delete(made) end
    for _ = 1, 10 do
      socket.sleep(0.25)
      kill_runner()
    end
    for _, made in ipairs(assets) do gone(made.asset.id) end
    server.wait_until("the end of all files", function() return #blobs() == 0 end)
    assert.is_nil(server.read_file(stray))
  end)
end)

describe("an asset whose grace is not over", function()
  it("stays, and so do files that were written a moment ago", function()
    local s = server.start { config = 'return { retention = { unshared = "4s" } }' }
    local admin = s:token "admin"
    local made = s:upload(pictures.gif(), admin, nil, { Prefer = "wait=20" }).json
    local began = socket.gettime()
    s:request { "DELETE", "/api/v1/shares/" .. made.share.code, token = admin }
    server.wait_until("its end", function()
      return s:request({ "GET", "/api/v1/assets/" .. made.asset.id, token = admin }).status == 404
    end)
    assert.is_true(socket.gettime() - began >= 4)
    local path = ("%s/blobs/%s/%s/%s"):format(s.data, made.asset.digest:sub(1, 2), made.asset.digest:sub(3, 4),
      made.asset.digest)
    socket.sleep(1.5)
    assert.is_not_nil(server.read_file(path))
    s:stop()
  end)
end)
