-- Events that others tell of: what is acknowledged is kept, whatever else stands in the body; what is wrong is named.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local server = require "server"

describe("POST /api/v1/events", function()
  local s, admin, asset, code, other
  setup(function()
    s = server.start()
    admin = s:token "admin"
    local made = s:upload(pictures.gif(), admin).json
    asset, code = made.asset.id, made.share.code
    other = s:upload(pictures.gif(), admin).json.asset.id
  end)
  teardown(function() s:stop() end)

  local function tell(body, headers)
    return s:request { "POST", "/api/v1/events", body = type(body) == "table" and cjson.encode(body) or body,
      headers = headers }
  end

  local function kept(where)
    local sql = "SELECT count(*) FROM row" .. (where and " WHERE " .. where or "")
    local pipe = io.popen(([[for f in %s/events/*.db; do sqlite3 -readonly $f "%s" 2>/dev/null; done]]):format(s.data,
      sql))
    local sum = 0
    for line in pipe:lines() do sum = sum + tonumber(line) end
    pipe:close()
    return sum
  end

  it("keeps one, a list and lines", function()
    local before = kept()
    local reply = tell { type = "view", asset_id = asset, share = code, platform = "slack", metadata = { a = 1 } }
    assert.equal(202, reply.status, reply.body)
    assert.same({ accepted = 1, rejected = {} }, reply.json)
    assert.equal(1, kept [[extra = '{\"a\":1}' AND kind >> 4 & 255 = 2 AND kind & 15 = 1 AND part > 0]])
    assert.equal(2, tell({ events = { { type = "play", asset_id = asset }, { type = "click", asset_id = asset } } })
      .json.accepted)
    assert.equal(1, tell({ { type = "play", asset_id = asset } }).json.accepted)
    local line = cjson.encode { type = "view", asset_id = asset }
    assert.equal(2, tell(line .. "\n\n" .. line).json.accepted)
    assert.equal(2, tell(line .. "\n" .. line .. "\n", { ["Content-Type"] = "application/x-ndjson" }).json.accepted)
    assert.equal(before + 8, kept())
  end)

  it("names what is wrong of one, and keeps nothing of it", function()
    local before = kept()
    local function refused(status, pointer, event)
      local reply = tell(event)
      assert.equal(status, reply.status, reply.body)
      assert.equal(pointer, reply.json.errors[1].pointer)
    end
    refused(404, "/asset_id", { type = "view", asset_id = "0123456789abcdef" })
    refused(404, "/asset_id", { type = "view", asset_id = "猫'\0\"--" })
    refused(404, "/asset_id", { type = "view", asset_id = ("x"):rep(100000) })
    refused(404, "/share", { type = "view", asset_id = asset, share = "none" })
    refused(422, "/share", { type = "view", asset_id = other, share = code })
    refused(422, "/type", { type = "look", asset_id = asset })
    refused(422, "/type", { asset_id = asset })
    refused(422, "/asset_id", { type = "view", asset_id = 5 })
    refused(422, "/at", { type = "view", asset_id = asset, at = "yesterday" })
    refused(422, "/at", { type = "view", asset_id = asset, at = os.time() - 90000 })
    refused(422, "/at", { type = "view", asset_id = asset, at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 400) })
    refused(422, "/metadata", { type = "view", asset_id = asset, metadata = "x" })
    refused(413, "/metadata", { type = "view", asset_id = asset, metadata = { x = ("y"):rep(3000) } })
    for _, garbage in ipairs { "", "{", "garbage", "\255\254", "[1", '{"type":"view"} x' } do
      assert.equal(400, tell(garbage).status, garbage)
    end
    assert.equal(before, kept())
    assert.equal(202, tell({ type = "view", asset_id = asset, at = os.time() - 80000 }).status)
  end)

  it("keeps the good ones of many, and says which were not and why", function()
    local reply = tell { events = { { type = "view", asset_id = asset }, { type = "view", asset_id = "none" }, 7,
      { type = "nap", asset_id = asset } } }
    assert.equal(202, reply.status)
    assert.equal(1, reply.json.accepted)
    local codes = {}
    for i, one in ipairs(reply.json.rejected) do codes[i] = one.index .. " " .. one.code end
    assert.same({ "1 not_found", "2 invalid", "3 invalid" }, codes)
    reply = tell(cjson.encode { type = "view", asset_id = asset } .. "\n\nno json\n")
    assert.equal(1, reply.json.accepted)
    assert.equal(3, reply.json.rejected[1].line)
    assert.same({ accepted = 0, rejected = {} }, tell("[]").json)
    local many = {}
    for i = 1, 10001 do many[i] = "1" end
    assert.equal(413, tell("[" .. table.concat(many, ",") .. "]").status)
    many[10001] = nil
    reply = tell("[" .. table.concat(many, ",") .. "]")
    assert.equal(10000, #reply.json.rejected)
  end)

  it("is there after kill -9", function()
    local before = kept()
    for _ = 1, 20 do assert.equal(202, tell({ type = "view", asset_id = asset }).status) end
    s:kill()
    assert.equal(before + 20, kept())
    s:begin()
    assert.equal(202, tell({ type = "view", asset_id = asset }).status)
    assert.equal(before + 21, kept())
  end)
end)

describe("with events = { from = 'tokens' }", function()
  local s
  setup(function() s = server.start { config = [[return { events = { from = "tokens", durability = "fast" } }]] } end)
  teardown(function() s:stop() end)

  it("only tokens may tell", function()
    local admin = s:token "admin"
    local asset = s:upload(pictures.gif(), admin).json.asset.id
    local function tell(token, event)
      return s:request { "POST", "/api/v1/events", token = token, json = event }
    end
    assert.equal(401, tell(nil, { type = "view", asset_id = asset }).status)
    assert.equal(403, tell(s:token "read", { type = "view", asset_id = asset }).status)
    local reply = tell(s:token "upload", { type = "view", asset_id = asset })
    assert.equal(202, reply.status, reply.body)
    assert.same({ accepted = 1, rejected = {} }, reply.json)
    assert.equal(404, tell(admin, { type = "view", asset_id = "none" }).status)
    assert.equal("/type", tell(admin, { type = "none", asset_id = asset }).json.errors[1].pointer)
    assert.equal(1, tell(admin, { events = { { type = "play", asset_id = asset }, 5 } }).json.rejected[1].index)
    assert.equal(400, s:request({ "POST", "/api/v1/events", token = admin, body = "x" }).status)
  end)
end)
