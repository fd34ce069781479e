-- ai-safety through the real program: an upload, a judge in the background, and a stand-in for the other side that
-- takes what is documented and nothing else. Whatever that answers but a well-formed "harmless", nothing is approved.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local openai = require "openai"
local pictures = require "pictures"
local server = require "server"
local setenv = require "posix.stdlib".setenv
local stand = require "stand"

local function config(api, settings, more)
  return ([[return { fetch = { allow = { "127.0.0.1" } }, unseen = "approved", judge_deadline = "%s",
    plugins = { ["ai-safety"] = { base_url = "%s", %s } } }]]):format(more or "10m", api.base_url, settings or "")
end

local function upload(s, token, title, more)
  local reply = s:upload(pictures.gif { frames = 6, width = 90, height = 60 }, token, "title=" .. title .. (more or ""))
  assert.equal(201, reply.status, reply.body)
  return reply.json
end

local function state_of(s, token, made)
  local share = s:request({ "GET", "/api/v1/shares/" .. made.share.code, token = token }).json
  local asset = s:request({ "GET", "/api/v1/assets/" .. made.asset.id, token = token }).json
  return share, asset
end

--- Both, when they are judged.
local function settled(s, token, made, seconds)
  local share, asset
  server.wait_until("the verdicts", function()
    share, asset = state_of(s, token, made)
    return share.state ~= "pending" and asset.state ~= "pending"
  end, seconds or 20)
  return share, asset
end

local function words_of(...) return (settled(...)).state end

local function picture_of(...)
  local state = select(2, settled(...)).state
  return (state == "flagged" or state == "rejected") and state or "live"
end

describe("ai-safety", function()
  local api, s, owner

  setup(function()
    setenv("OPENAI_API_KEY", openai.key)
    api = openai.start()
    s = server.start { config = config(api, 'vision_model = "gpt-4o-mini", timeout = "1s", retries = 1, cache = 0') }
    owner = s:token("upload,read", "owner")
  end)

  teardown(function()
    s:stop()
    api:stop()
    setenv("OPENAI_API_KEY", nil)
  end)

  before_each(function() api:set "" end)

  it("approves what is harmless, asking for words and each picture as documented", function()
    local before = api:count "refused"
    local made = upload(s, owner, "a%20cat", "&tags=cat,garden")
    assert.same({ "pending", "pending" }, { made.share.state, made.asset.state })
    assert.equal("live", picture_of(s, owner, made))
    assert.equal("live", words_of(s, owner, made))
    assert.equal(before, api:count "refused")
    assert.equal(1, api:count "words")
    assert.equal(4, api:count "picture")
    assert.equal(1, api:count "vision")
    assert.equal(200, s:request({ "GET", "/s/" .. made.share.code }).status)
  end)

  it("looks at large pictures that hardly compress, made as small as they may be", function()
    local before = api:count "picture"
    local reply = s:upload(pictures.noise(1100), owner, "title=noise")
    assert.equal(201, reply.status, reply.body)
    assert.equal("live", picture_of(s, owner, reply.json, 40))
    assert.equal(4, api:count "picture" - before)
  end)

  it("rejects by words, and says which kind", function()
    local share = settled(s, owner, upload(s, owner, "forbidden"))
    assert.equal("rejected", share.state)
    assert.same({ "text: sexual" }, share.reasons)
    assert.not_equal(200, s:request({ "GET", "/s/" .. share.code }).status)
  end)

  it("rejects by pictures, and flags what it is not sure about", function()
    api:set "unsafe"
    local share, asset = settled(s, owner, upload(s, owner, "sunny"))
    assert.equal("rejected", asset.state)
    assert.same({ "visual: sexual" }, asset.reasons)
    assert.not_equal(200, s:request({ "GET", "/s/" .. share.code }).status)
    assert.not_equal(200, s:request({ "GET", "/a/" .. asset.id }).status)
    api:set "unsure"
    asset = select(2, settled(s, owner, upload(s, owner, "sunny")))
    assert.equal("flagged", asset.state)
    assert.same({ "ai-safety is not sure (0.60): visual: violence" }, asset.reasons)
    assert.equal("flagged", words_of(s, owner, upload(s, owner, "doubtful")))
  end)

  it("waits as it is told when there were too many requests", function()
    api:set "limited"
    local made = upload(s, owner, "busy")
    assert.same({ "live", "live" }, { words_of(s, owner, made), picture_of(s, owner, made) })
  end)

  it("approves nothing on an answer that is not what was asked for", function()
    local other = stand.start()
    for _, mode in ipairs { "types", "empty", "none", "blind", "utf8", "huge", "quota", "should", "fenced", "prose",
      "refusal", "cut", "contrary", "extra", "seen", "to " .. other.url .. "/hello", "to http://169.254.169.254/" } do
      api:set "" -- so that failures are not in a row
      assert.equal("live", picture_of(s, owner, upload(s, owner, "fine")))
      api:set(mode)
      assert.equal(mode == "seen" and "rejected" or "flagged", picture_of(s, owner, upload(s, owner, "fine")), mode)
    end
    assert.equal(0, other:count "connection")
    other:stop()
  end)

  it("tells nobody the key, or what people wrote", function()
    api:set ""
    settled(s, owner, upload(s, owner, "doubtful%20sesquipedalian"))
    local log = s:errors()
    assert.is_nil(log:find(openai.key, 1, true))
    assert.is_nil(log:find("sesquipedalian", 1, true))
  end)
end)

describe("ai-safety, when the other side is down", function()
  setup(function() setenv("OPENAI_API_KEY", openai.key) end)
  teardown(function() setenv("OPENAI_API_KEY", nil) end)

  --- From upload to verdict in this mode of the stand-in -> { states (two at the upload, two at the
  -- end), reasons, log, asked }
  local function through(mode, settings, deadline)
    local api = openai.start()
    api:set(mode)
    local s = server.start { config = config(api, settings, deadline) }
    local ok, found = pcall(function()
      local owner = s:token("upload,read,trusted", "owner")
      local first = upload(s, owner, "fine")
      local share, asset = settled(s, owner, first, 30)
      return { states = { first.share.state, first.asset.state, share.state, asset.state }, reasons = asset.reasons,
        log = s:errors(), asked = api:count "POST /v1/moderations" }
    end)
    s:stop()
    api:stop()
    return ok and found or error(found, 0)
  end

  it("waits, asks again, and flags what is still unseen at the deadline", function()
    for mode, settings in pairs { down = "", hang = 'timeout = "0.2s"', half = "" } do
      local found = through(mode, settings, "3s")
      assert.same({ "pending", "pending", "flagged", "flagged" }, found.states, mode)
      assert.matches("ai%-safety could not judge this", table.concat(found.reasons, " "))
      assert.is_true(found.asked >= 5, mode)
    end
  end)

  it("rests after failures in a row, and says so once", function()
    local found = through("down", "retries = 5", "4s")
    assert.equal("flagged", found.states[4])
    assert.equal(1, select(2, found.log:gsub("circuit%.open", "")))
    assert.is_true(found.asked <= 7) -- the fifth failure ends it, but for what is under way
  end)

  it("approves as soon as the other side is back", function()
    local api = openai.start()
    api:set "down"
    local s = server.start { config = config(api, "retries = 0") }
    finally(function()
      s:stop()
      api:stop()
    end)
    local owner = s:token("upload,read", "owner")
    local made = upload(s, owner, "fine")
    server.wait_until("a failure", function() return (s:errors()):find("judge.failed", 1, true) end)
    local share, asset = state_of(s, owner, made)
    assert.same({ "pending", "pending" }, { share.state, asset.state })
    api:set ""
    assert.equal("live", picture_of(s, owner, made, 30))
    assert.equal("live", words_of(s, owner, made))
  end)

  it("spends no more than its budget, across a restart, and flags the rest", function()
    local api = openai.start()
    local s = server.start { config = config(api, "daily_requests = 5") }
    finally(function()
      s:stop()
      api:stop()
    end)
    local owner = s:token("upload,read", "owner")
    assert.equal("live", picture_of(s, owner, upload(s, owner, "first"))) -- words, and four pictures
    s:kill()
    s:begin()
    assert.equal("flagged", picture_of(s, owner, upload(s, owner, "second")))
    assert.equal(5, api:count "POST /v1/moderations")
    assert.matches("budget%.spent", s:errors())
  end)

  it("asks once about the same words and the same pictures", function()
    local api = openai.start()
    local s = server.start { config = config(api, "") }
    finally(function()
      s:stop()
      api:stop()
    end)
    local owner = s:token("upload,read", "owner")
    for _ = 1, 2 do assert.equal("live", words_of(s, owner, upload(s, owner, "twice"))) end
    assert.equal(1, api:count "words")
  end)
end)

describe("ai-safety without a key", function()
  local sentence = "ai-safety is not loaded: OpenAI API key not provided: set OPENAI_API_KEY"

  it("is not loaded, says why, and the server goes on; its pictures are not passed over", function()
    setenv("OPENAI_API_KEY", nil)
    local s = server.start { config = 'return { unseen = "approved", plugins = { ["ai-safety"] = true } }' }
    finally(function() s:stop() end)
    assert.is_truthy(s:errors():find(sentence, 1, true))
    assert.equal(200, s:request({ "GET", "/healthz" }).status)
    local owner = s:token("upload,read,trusted", "owner")
    assert.equal("flagged", picture_of(s, owner, upload(s, owner, "x")))
    local code, out = server.command("check", "--root", ".", "--config", s.config)
    assert.equal(0, code, out)
    local _, listed = server.command("plugins", "list", "--data", s.data)
    assert.is_truthy(listed:find(sentence, 1, true), listed)
    local _, found = server.command("doctor", "--data", s.data, "--config", s.config, "--json")
    local texts = {}
    for _, f in ipairs(cjson.decode(found).findings) do texts[#texts + 1] = f.text end
    texts = table.concat(texts, "\n")
    assert.is_truthy(texts:find(sentence, 1, true), texts)
    assert.is_truthy(texts:find("nothing looks at pixels", 1, true), texts)
  end)

  it("is left out by a reload, too, and what serves goes on", function()
    setenv("OPENAI_API_KEY", nil)
    local s = server.start { config = "return {}" }
    finally(function() s:stop() end)
    server.put(s.config, 'return { plugins = { ["ai-safety"] = true, ["moderation-words"] = true } }')
    assert.equal(0, (s:ask "reload"))
    assert.is_truthy(s:errors():find(sentence, 1, true))
    assert.equal(503, s:request({ "GET", "/p/ai-safety/" }).status)
    local made = upload(s, s:token("upload,read,trusted", "owner"), "nude")
    assert.equal("rejected", made.share.state) -- by another judge
  end)

  it("is not asked at an address that the operator has not allowed", function()
    setenv("OPENAI_API_KEY", openai.key)
    local api = openai.start()
    local s = server.start { config = ('return { plugins = { ["ai-safety"] = { base_url = "%s" } } }')
      :format(api.base_url) }
    finally(function()
      setenv("OPENAI_API_KEY", nil)
      s:stop()
      api:stop()
    end)
    local owner = s:token("upload,read", "owner")
    assert.equal("flagged", picture_of(s, owner, upload(s, owner, "x")))
    assert.equal(0, api:count "connection")
  end)
end)
