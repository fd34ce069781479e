-- What an asset looks like: told to judges and in the API, shown before the media, and known again.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local scenes = require "scenes"
local server = require "server"

local config = [[return { unseen = "approved", plugins = { lookout = %s }, retention = { unshared = "%s" } }]]

local function start(on, unshared)
  return server.start { plugins = { "spec/support/plugins" }, config = config:format(on, unshared or "1h") }
end

local function upload(s, bytes)
  local reply = s:upload(bytes, s.owner, nil, { Prefer = "wait=20" })
  assert.is_true(reply.status == 201 or reply.status == 200, reply.body)
  return reply.json.asset, reply.json.share
end

--- Bits in which it differs from what was there, or nil when it is like nothing.
local function distance(s, bytes)
  local asset = upload(s, bytes)
  return tonumber((asset.reasons[1] or ""):match("differs by (%d+) bits")), asset
end

--- Until the judge, which waits while the index is made, has spoken.
local function judged(s, id)
  local asset
  server.wait_until("it is so", function()
    asset = s:request({ "GET", "/api/v1/assets/" .. id, token = s.owner }).json
    return asset.state ~= "pending"
  end)
  return asset
end

describe("what an asset looks like", function()
  local s
  setup(function()
    s = start "false"
    s.owner = s:token "admin"
  end)
  teardown(function() s:stop() end)

  it("is in the API once its renditions are made", function()
    local asset = upload(s, pictures.gif { frames = 3, width = 2, height = 2 })
    local shares = 0
    for _, c in ipairs(asset.colors) do
      assert.matches("^#%x%x%x%x%x%x$", c.color)
      shares = shares + c.share
    end
    assert.is_true(#asset.colors >= 1 and shares > 0.9 and shares < 1.01)
    assert.matches("^data:image/webp;base64,UklGR[%w+/]+=*$", asset.placeholder)
    assert.is_true(#asset.placeholder < 300)
    assert.is_false(asset.has_alpha)
  end)

  it("is shown on the page before the media, unless one can see through them", function()
    local asset, share = upload(s, scenes.gif { seed = 1 })
    local page = s:request { "GET", "/s/" .. share.code }
    assert.is_truthy(page.body:find('<img class="wash" src="' .. asset.placeholder .. '"', 1, true))
    assert.matches("img%-src 'self' blob: data:;", page.headers["content-security-policy"])
  end)

  it("is found out later for what was there before", function()
    local asset = upload(s, scenes.gif { seed = 8 })
    s:kill()
    os.execute("sqlite3 " .. s.data .. "/catalogue.db 'DELETE FROM asset_facts; DELETE FROM asset_hashes'")
    s:begin()
    local again = server.wait_until("the facts", function()
      local now = s:request({ "GET", "/api/v1/assets/" .. asset.id, token = s.owner }).json
      return type(now.placeholder) == "string" and now
    end, 20)
    assert.equal(asset.placeholder, again.placeholder)
    assert.same(asset.colors, again.colors)
  end)
end)

describe("a judge", function()
  local s
  setup(function()
    s = start("true", "1s")
    s.owner = s:token "admin"
  end)
  teardown(function() s:stop() end)

  it("sees frames and hashes of what it judges, and knows a picture again", function()
    local first = judged(s, (upload(s, scenes.gif { seed = 2, width = 320, height = 240, frames = 3 })).id)
    assert.equal("ready", first.state)
    local line = s:errors():match('[^\n]*looked[^\n]*')
    assert.matches("hashes[^%d]+3", line)
    assert.matches("0%.00 image/jpeg 64x48 %d+, 0%.50 image/jpeg 64x48 %d+, 1%.00 image/jpeg", line)
    local told = {}
    local function measure(what, bytes, most)
      local bits, asset = distance(s, bytes)
      told[#told + 1] = what .. " " .. tostring(bits)
      assert.is_truthy(bits, what)
      assert.is_true(bits <= most, what .. ": " .. bits)
      assert.equal("flagged", asset.state)
    end
    measure("half the size", scenes.gif { seed = 2, width = 160, height = 120, frames = 3 }, 10)
    measure("another shape", scenes.gif { seed = 2, width = 200, height = 200, frames = 3 }, 10)
    measure("one of its pictures", scenes.gif { seed = 1002, width = 240, height = 180 }, 10)
    measure("one hundredth cut from each side", scenes.gif { seed = 2, width = 300, height = 220, cut = 0.01 }, 40)
    for _, path in ipairs { ".webp", ".mp4", "/tinygif.gif" } do
      local made = s:request { "GET", "/a/" .. first.id .. path, token = s.owner }
      assert.equal(200, made.status, path)
      measure("its " .. path, made.body, 31)
    end
    if os.getenv("GIFD_TELL") then print("bits of 256: " .. table.concat(told, ", ")) end
    assert.is_nil((distance(s, scenes.gif { seed = 3, frames = 2 })))
  end)

  it("no longer knows what has gone", function()
    local asset, share = upload(s, scenes.gif { seed = 5 })
    assert.equal("ready", judged(s, asset.id).state)
    assert.equal(204, s:request({ "DELETE", "/api/v1/shares/" .. share.code, token = s.owner }).status)
    server.wait_until("it is so", function()
      return s:request({ "GET", "/api/v1/assets/" .. asset.id, token = s.owner }).status == 404
    end)
    assert.is_nil((distance(s, scenes.gif { seed = 5, width = 104, height = 77 })))
  end)

  it("knows it again after the index was damaged", function()
    local asset = upload(s, scenes.gif { seed = 6 })
    assert.equal("ready", judged(s, asset.id).state)
    s:kill()
    local f = assert(io.open(s.data .. "/near", "r+b"))
    f:write("spoilt spoilt spoilt")
    f:close()
    s:begin()
    local again = judged(s, (upload(s, scenes.gif { seed = 6, width = 120, height = 90 })).id)
    assert.matches("differs by %d bits", again.reasons[1])
  end)
end)
