-- What strangers send: an answer within two seconds, the right one, and nobody else notices.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local bombs = require "bombs"
local pictures = require "pictures"
local server = require "server"
local socket = require "socket"

local ANSWER = 2

describe("a hostile file", function()
  local s, admin
  setup(function()
    s = server.start()
    admin = s:token "admin"
  end)
  teardown(function()
    local log = s:errors()
    assert.equal(0, s:stop())
    assert.is_nil(log:match("media%.child[^\n]*"), "a decoder crashed")
  end)

  for _, bomb in ipairs(bombs.all()) do
    it(("(%s) is answered in time and as it should be"):format(bomb.name), function()
      local begin = socket.gettime()
      local reply = s:upload(bomb.bytes, admin)
      local took = socket.gettime() - begin
      assert.is_true(took < ANSWER, took .. " s")
      if bomb.status then
        assert.equal(bomb.status, reply.status, reply.body)
      else
        assert.is_true(reply.status == 201 or reply.status == 415 or reply.status == 422, reply.body)
      end
      if reply.status >= 400 then
        assert.equal(reply.status == 415 and "unsupported_media" or "bad_media", reply.json.code)
        assert.is_true(#reply.json.detail >= 4, "a reason is told")
        assert.is_nil(reply.json.detail:match("stopped"), reply.json.detail)
      end
    end)
  end

  it("keeps what is behind its end to itself", function()
    local reply = s:upload(bombs.with_tail("CANARY-BEHIND"), admin, nil, { Prefer = "wait=20" })
    assert.equal("ready", reply.json.asset.state, reply.body)
    assert.is_true(#reply.json.asset.renditions > 0)
    for _, made in ipairs(reply.json.asset.renditions) do
      local got = s:request { "GET", ("/a/%s/%s"):format(reply.json.asset.id, made.name) }
      assert.is_nil(got.body:find("CANARY", 1, true), made.name)
    end
  end)

  it("that is slow to look at does not hold up others", function()
    local path = s.dir .. "/slow.gif"
    server.put(path, bombs.slow())
    for _ = 1, 6 do
      local command = "curl -s -m 20 -o /dev/null -H 'Authorization: Bearer %s' --data-binary @%s %s/api/v1/assets &"
      os.execute(command:format(admin, path, s.url))
    end
    local worst = 0
    for _ = 1, 10 do
      local begin = socket.gettime()
      assert.equal(201, s:upload(pictures.gif { frames = 2 }, admin).status)
      assert.equal(200, s:request { "GET", "/healthz" }.status)
      worst = math.max(worst, socket.gettime() - begin)
    end
    assert.is_true(worst < ANSWER, worst .. " s")
  end)
end)
