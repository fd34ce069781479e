-- Hooks of plugins over the real program: judges, pipes and listeners that fail, and what people see of that.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

local function config(plugins, more)
  return ("return { judge_deadline = %q, plugins = { %s } }"):format(more or "10m", plugins)
end

local function upload(s, token, title, query)
  local reply = s:upload(pictures.gif { frames = 3 }, token, "title=" .. title .. (query or ""))
  assert.equal(201, reply.status, reply.body)
  return reply.json.share, reply.json
end

local function share_of(s, token, code) return s:request({ "GET", "/api/v1/shares/" .. code, token = token }).json end

--- Lines of the log with all of these texts.
local function logged(s, ...)
  local out, wanted = {}, { ... }
  for line in (s:errors() or ""):gmatch("[^\n]+") do
    local all = true
    for _, text in ipairs(wanted) do all = all and line:find(text, 1, true) ~= nil end
    if all then out[#out + 1] = line end
  end
  return out
end

describe("a hook that fails", function()
  local s, owner, admin, other
  setup(function()
    s = server.start { plugins = { "spec/support/plugins" }, config = config("fickle = true") }
    owner, admin, other = s:token("trusted", "owner"), s:token("admin"), s:token("upload", "other")
  end)
  teardown(function() s:stop() end)

  it("is a flag when a judge returns rubbish, seen by the owner, in detail by an admin, by nobody else", function()
    local share = upload(s, owner, "rubbish")
    assert.equal("flagged", share.state)
    local failure = share_of(s, owner, share.code).hook_failures[1]
    assert.equal("judge fickle script", failure.hook .. " " .. failure.plugin .. " " .. failure.code)
    assert.is_nil(failure.detail)
    local detail = share_of(s, admin, share.code).hook_failures[1].detail
    assert.matches("plugins/fickle/init%.lua:%d+: plugin fickle: hook \"judge\" returned confidence: must be a number",
      detail)
    assert.equal(404, s:request({ "GET", "/api/v1/shares/" .. share.code, token = other }).status)
    local fine = upload(s, owner, "fine")
    assert.is_table(share_of(s, owner, fine.code).hook_failures)
    assert.is_nil(share_of(s, other, fine.code).hook_failures)
  end)

  it("is a flag when a judge throws, or answers with a word", function()
    for _, title in ipairs { "throws", "word" } do
      local share = upload(s, owner, title)
      assert.equal("flagged", share.state, title)
      assert.same({ "fickle could not judge this" }, share.reasons)
    end
  end)

  it("cannot spoil what the next one sees", function()
    local share = upload(s, owner, "clean")
    assert.equal("clean", share_of(s, owner, share.code).title)
  end)

  it("leaves a share pending while a judge may yet answer, and an upload waits only so long for it", function()
    local began = os.time()
    local share = upload(s, owner, "sleeps")
    assert.equal("pending", share.state)
    assert.is_true(os.time() - began < 6)
    local failure = share_of(s, owner, share.code).hook_failures[1]
    assert.equal("timeout", failure.code)
  end)

  it("lets a pipe add tags, and skips a step that throws or returns rubbish, on record", function()
    local share = upload(s, owner, "fine", "&tags=a")
    assert.same({ "a", "fickle-moving" }, share.tags)
    for _, title in ipairs { "tagfail", "notags" } do
      share = upload(s, owner, title, "&tags=a")
      assert.same({ "a" }, share.tags, title)
      local failure = share_of(s, admin, share.code).hook_failures[1]
      assert.equal("tags fickle", failure.hook .. " " .. failure.plugin)
    end
  end)

  it("lets a pipe add to the ladder", function()
    local _, made = upload(s, owner, "fine")
    local names
    server.wait_until("the ladder", function()
      names = {}
      local asset = s:request({ "GET", "/api/v1/assets/" .. made.asset.id, token = owner }).json
      for _, r in ipairs(asset.renditions) do names[r.name] = r.width end
      return asset.state == "ready"
    end)
    assert.is_number(names.poster)
    assert.is_number(names.mini)
    assert.equal(200, s:request({ "GET", ("/a/%s/mini.png"):format(made.asset.id), token = owner }).status)
  end)

  it("tells listeners of each event after it happened, and records one that fails", function()
    local share = upload(s, owner, "fine")
    for _, event in ipairs { "on_upload", "on_share", "on_verdict" } do
      server.wait_until(event, function() return logged(s, "plugin.told", event, share.code)[1] end)
    end
    assert.matches("account=owner", logged(s, "plugin.told", "on_share", share.code)[1])
    server.wait_until("on_rendition", function() return logged(s, "plugin.told", "on_rendition")[1] end)
    s:request { "DELETE", "/api/v1/shares/" .. share.code, token = owner }
    server.wait_until("on_delete", function() return logged(s, "plugin.told", "on_delete", share.code)[1] end)
    share = upload(s, owner, "fine", "&visibility=unlisted")
    server.wait_until("the record", function()
      local failure = share_of(s, owner, share.code).hook_failures[1]
      return failure and failure.hook == "on_share" and failure.code == "script"
    end)
    assert.equal(1, #logged(s, "plugin.told", "on_share", share.code))
  end)
end)

describe("a judge that fails for now", function()
  it("is asked again until the deadline, then it is a flag", function()
    local s = server.start { plugins = { "spec/support/plugins" }, config = config("fickle = true", "3s") }
    local owner = s:token("trusted", "owner")
    local share = upload(s, owner, "later")
    assert.equal("pending", share.state)
    server.wait_until("the verdict", function() return share_of(s, owner, share.code).state == "flagged" end)
    assert.is_true(#logged(s, "plugin.judged", "later") >= 2)
    s:stop()
  end)
end)

describe("a slow judge", function()
  local function start(seconds)
    local s = server.start { plugins = { "spec/support/plugins" },
      config = config(("fickle = true, ponder = { seconds = %g }"):format(seconds)) }
    return s, s:token("trusted", "owner")
  end

  it("decides after the upload was answered; who has spoken is not asked again", function()
    local s, owner = start(0.5)
    local good, bad = upload(s, owner, "good"), upload(s, owner, "bad")
    assert.equal("pending", good.state)
    assert.equal(404, s:request({ "GET", "/s/" .. good.code }).status)
    server.wait_until("both verdicts", function()
      return share_of(s, owner, good.code).state == "live" and share_of(s, owner, bad.code).state == "rejected"
    end)
    assert.same({ "on reflection" }, share_of(s, owner, bad.code).reasons)
    assert.equal(1, #logged(s, "plugin.judged", "title=good"))
    s:stop()
  end)

  it("is not waited for when a fast one rejects, and is asked again after kill -9", function()
    local s, owner = start(2)
    local share = upload(s, owner, "good")
    server.wait_until("the job", function() return #s:children("runner") > 0 end)
    s:kill()
    s:begin()
    assert.equal("pending", share_of(s, owner, share.code).state)
    server.wait_until("the verdict", function() return share_of(s, owner, share.code).state == "live" end, 20)
    s:stop()
  end)
end)
