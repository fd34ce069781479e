-- moderation-pixels through the real program, with a stand-in that looks only at questions that are signed and as
-- documented; and what is said when nobody looks at all.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local mime = require "mime"
local pictures = require "pictures"
local server = require "server"
local setenv = require "posix.stdlib".setenv
local socket = require "socket"
local stand = require "stand"

local secret = "looker-0123456789"

local function signature(text)
  local path = os.tmpname()
  server.put(path, text)
  local f = assert(io.popen(("openssl dgst -sha256 -hmac %s -r %s"):format(secret, path)))
  local hex = f:read "*a":match "^%x+"
  f:close()
  os.remove(path)
  return hex
end

local function is_question(request)
  local at, hex = (request.headers["x-gifd-signature"] or ""):match "^t=(%d+),v1=(%x+)$"
  if not at or math.abs(os.time() - tonumber(at)) > 60 or hex ~= signature(at .. "." .. request.body) then
    return false
  end
  local ok, asked = pcall(cjson.decode, request.body)
  if not ok or asked.version ~= 1 or type(asked.asset.id) ~= "string" or not asked.pictures[1] then return false end
  for _, picture in ipairs(asked.pictures) do
    local bytes = mime.unb64(picture.data)
    if bytes:sub(1, 3) ~= "\255\216\255" or picture.width > 1024 or picture.height > 1024 then return false end
  end
  return request.method == "POST" and request.target == "/judge"
end

local raw = {
  huge = function(request)
    request.send "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n{\"decision\":\"approved\",\"x\":\""
    for _ = 1, 50 do if not request.send(("x"):rep(1e6)) then break end end
  end,
  half = function(request)
    request.send "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"decision\":\"approved\""
  end,
  hang = function() socket.sleep(30) end,
}

--- mode: a decision, "down", "to URL", one of raw, or a body.
local function look(request)
  if not is_question(request) then
    request.said "refused"
    return 403, "", "not as documented"
  end
  request.said "looked"
  local mode = request.mode()
  if raw[mode] then return raw[mode](request) end
  if mode == "down" then return 503, "", "" end
  local url = mode:match "^to (.*)$"
  if url then return 307, "Location: " .. url .. "\r\n", "" end
  if mode:find "^%l+$" then
    mode = ('{"decision":"%s","category":"%s","confidence":0.99,"reasons":["looked"]}'):format(mode,
      mode == "approved" and "safe" or "nsfw")
  end
  return 200, "Content-Type: application/json\r\n", mode
end

local function upload(s, token)
  local reply = s:upload(pictures.gif { frames = 3, width = 700, height = 20 }, token, "title=x")
  assert.equal(201, reply.status, reply.body)
  return reply.json.asset
end

local function settled(s, token, asset)
  server.wait_until("the verdict", function()
    asset = s:request({ "GET", "/api/v1/assets/" .. asset.id, token = token }).json
    return asset.state ~= "pending"
  end, 60)
  return asset
end

describe("moderation-pixels", function()
  local api

  local function start(deadline, more)
    local s = server.start { config = ([[return { fetch = { allow = { "127.0.0.1" } }, judge_deadline = "%s",
      unseen = "approved", plugins = { ["moderation-pixels"] = { url = "%s/judge", retries = 0, timeout = "3s",
      secret = secret { env = "LOOKER_SECRET" }, %s } } }]]):format(deadline or "10m", api.url, more or "") }
    finally(function() s:stop() end)
    return s, s:token("upload,read", "owner")
  end

  setup(function()
    setenv("LOOKER_SECRET", secret)
    api = stand.start(look)
  end)
  teardown(function()
    api:stop()
    setenv("LOOKER_SECRET", nil)
  end)

  it("decides about pictures, and doctor knows that it looks", function()
    local s, owner = start("10m", "side = 1024")
    api:set "approved"
    local asset = upload(s, owner)
    assert.equal("pending", asset.state)
    asset = settled(s, owner, asset)
    assert.is_truthy(asset.state ~= "flagged" and asset.state ~= "rejected", asset.state)
    for _, mode in ipairs { "rejected", "flagged" } do
      api:set(mode)
      asset = settled(s, owner, upload(s, owner))
      assert.equal(mode, asset.state)
      assert.same({ "looked" }, asset.reasons)
      assert.not_equal(200, s:request({ "GET", "/a/" .. asset.id }).status)
    end
    api:set "approved"
    local noise = s:upload(pictures.noise(1100), owner, "title=noise").json.asset
    local state = settled(s, owner, noise).state
    assert.is_truthy(state ~= "flagged" and state ~= "rejected", state)
    assert.equal(0, api:count "refused")
    assert.is_nil(s:errors():find(secret, 1, true))
    assert.matches("pixels%.judged", s:errors())
    local _, out = server.command("doctor", "--data", s.data, "--config", s.config)
    assert.matches("ok +pixels +judged by moderation%-pixels", out)
  end)

  it("approves on nothing but an answer", function()
    local s, owner = start()
    local other = stand.start()
    finally(function()
      s:stop()
      other:stop()
    end)
    for _, mode in ipairs { "huge", "to " .. other.url .. "/hello", "to http://169.254.169.254/", "SAFE", "",
      '{"decision":"approved","x":"\255"}', '{"decision":"approved","confidence":"1"}', '{"decision":["approved"]}' } do
      api:set(mode)
      assert.equal("flagged", settled(s, owner, upload(s, owner)).state, mode)
    end
    assert.equal(0, other:count "connection")
  end)

  it("waits for whoever is away, until the deadline", function()
    local s, owner = start("3s")
    for _, mode in ipairs { "down", "hang", "half" } do
      api:set(mode)
      local before, asset = api:count "looked", upload(s, owner)
      assert.equal("pending", asset.state, mode)
      assert.equal("flagged", settled(s, owner, asset).state, mode)
      assert.is_true(api:count "looked" - before >= 2, mode)
    end
  end)

  it("asks nobody at an address that the operator has not allowed", function()
    local before = api:count "connection"
    local s = server.start { config = ('return { plugins = { ["moderation-pixels"] = { url = "%s/judge" } } }')
      :format(api.url) }
    finally(function() s:stop() end)
    local owner = s:token("upload,read", "owner")
    assert.equal("flagged", settled(s, owner, upload(s, owner)).state)
    assert.equal(before, api:count "connection")
  end)
end)

describe("where nobody looks at pixels", function()
  for unseen, flagged in pairs { flagged = true, approved = false } do
    it("the log and doctor say so, and what is not seen is " .. unseen, function()
      local s = server.start { config = ('return { unseen = "%s", plugins = { ["moderation-pixels"] = true } }')
        :format(unseen) }
      finally(function() s:stop() end)
      server.wait_until("the log", function() return s:errors():find("pixels.unseen", 1, true) end)
      assert.matches("nothing looks at pixels: ", s:errors())
      local owner = s:token("upload,read", "owner")
      assert.equal(flagged, settled(s, owner, upload(s, owner)).state == "flagged")
      local _, out = server.command("doctor", "--data", s.data, "--config", s.config)
      assert.matches("warn +pixels +nothing looks at pixels: ", out)
    end)
  end
end)
