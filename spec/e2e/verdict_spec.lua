-- How verdicts come about in the real program: how sure judges are, who uploads, what happens while a judge is down.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

local made = 0
local function picture()
  made = made + 1
  return pictures.gif { frames = 1, width = 20 + made, height = 20 }
end

local function config(oracle, more)
  return ("return { plugins = { oracle = { %s } }, %s }"):format(oracle, more or "")
end

local function start(text) return server.start { config = text, plugins = { "spec/support/plugins" }, workers = 2 } end

local function reload(s, text)
  server.put(s.config, text)
  local code, _, err = server.command("reload", "--data", s.data)
  assert.equal(0, code, err)
end

local function told(s, event)
  local count = 0
  for line in s:errors():gmatch("[^\n]+") do if line:find(event, 1, true) then count = count + 1 end end
  return count
end

describe("a verdict", function()
  local s, owner
  setup(function()
    s = start(config "")
    owner = s:token("upload", "owner")
  end)
  teardown(function() s:stop() end)

  local function states(text, token, ...)
    reload(s, text)
    local reply = s:upload(picture(), token or owner, ...)
    assert.equal(201, reply.status, reply.body)
    local share = reply.json.share
    return share.state == "live" and "approved" or share.state, share.moderation
  end

  it("counts as its judge is sure", function()
    for _, row in ipairs {
      { 'says = "approved", confidence = 0.95', "approved", "safe" },
      { 'says = "approved", confidence = 0.94', "flagged", "safe" },
      { 'says = "rejected", category = "nsfw", confidence = 0.8', "rejected", "nsfw" },
      { 'says = "rejected", category = "nsfw", confidence = 0.79', "flagged", "nsfw" },
      { 'says = "rejected", category = "loud", confidence = 0.99', "rejected", "unknown" },
    } do
      local state, moderation = states(config(row[1]))
      assert.equal(row[2], state, row[1])
      assert.same({ row[2], row[3], "judges" }, { moderation.decision, moderation.category, moderation.metadata.by })
      assert.matches("^%x+$", moderation.scan_id)
      assert.matches("^%d+%-%d+%-%d+T", moderation.timestamp)
    end
    local state, moderation = states(config('says = "rejected", category = "loud"',
      'moderation = { categories = { oracle = { loud = "spam" } } }'))
    assert.same({ "rejected", "spam" }, { state, moderation.category })
  end)

  it("of an asset that nothing has looked at is a flag when the configuration is strict", function()
    local function asset_state(text)
      reload(s, text)
      return s:upload(picture(), s:token("trusted", "vip")).json.asset.state
    end
    assert.equal("flagged", asset_state(config("", "moderation = { strict = true }")))
    assert.not_equal("flagged", asset_state(config("pixels = true", "moderation = { strict = true }")))
    assert.not_equal("flagged", asset_state(config ""))
  end)

  it("follows the policy of the token and the account", function()
    local policies = config("", [[moderation = { accounts = { ann = "review", bob = "strict" },
      tokens = { ["bot one"] = "usual" } }]])
    local ann = s:token("trusted", "ann")
    assert.equal("flagged", (states(policies, ann)))
    assert.equal("approved", (states(policies, s:token("trusted", "ann", "--name", "bot one"))))
    assert.equal("flagged", s:upload(picture(), s:token("upload", "bob")).json.asset.state)
  end)

  it("is a flag after the deadline of a judge that might have answered", function()
    reload(s, config("down = true", 'judge_deadline = "1s"'))
    local reply = s:upload(picture(), owner)
    assert.equal("pending", reply.json.share.state)
    assert.equal(0, told(s, "judge.outage"))
    local moderation
    server.wait_until("a flag", function()
      local share = s:request({ "GET", "/api/v1/shares/" .. reply.json.share.code, token = owner }).json
      moderation = share.moderation
      return share.state == "flagged"
    end)
    assert.same({ "flagged", "unknown" }, { moderation.decision, moderation.category })
  end)
end)

describe("while a judge is down", function()
  it("there is one alarm; things wait past their deadline and are judged when it is back", function()
    local down = 'judge_deadline = "1s", moderation = { probe = "0.3s" }'
    local s = start(config("down = true", down))
    local owner, codes = s:token("upload", "owner"), {}
    for i = 1, 10 do codes[i] = s:upload(picture(), owner).json.share.code end
    local function count(state)
      local n = 0
      for _, code in ipairs(codes) do
        local share = s:request({ "GET", "/api/v1/shares/" .. code, token = owner }).json
        if share.state == state then n = n + 1 end
      end
      return n
    end
    server.wait_until("the alarm", function() return told(s, "judge.outage") > 0 end)
    local began = os.time()
    server.wait_until("more than the deadline", function() return os.time() - began >= 4 end)
    assert.equal(10, count "pending")
    for _, code in ipairs(codes) do assert.equal(404, s:request({ "GET", "/s/" .. code }).status) end
    assert.equal(1, told(s, "judge.outage"))
    local function gauge() return s:request({ "GET", "/metrics" }).body:match 'gifd_judge_out{judge="[^"]+"} (%d)' end
    assert.equal("1", gauge())
    s:kill()
    s:begin()
    server.wait_until("the gauge to know of it after a start", function() return gauge() == "1" end)
    reload(s, config("", down))
    server.wait_until("all to be judged", function() return count "live" == 10 end)
    assert.equal(1, told(s, "judge.back"))
    assert.same({ 0, "0" }, { count "flagged", gauge() })
    s:stop()
  end)
end)

describe("whatever is killed,", function()
  it("nothing that nobody approved is served, and no decision is lost", function()
    local pipe = io.popen("timeout 100 luajit spec/soak/verdicts.lua 4 2>&1 </dev/null; echo $?")
    local out = pipe:read "*a"
    pipe:close()
    assert.matches("\n0\n$", out)
  end)
end)
