-- Crash only: whatever process dies, what was acknowledged is there, and what was begun is finished.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

describe("after kill -9", function()
  it("of everything, acknowledged uploads are served and their renditions made", function()
    local s = server.start()
    local admin = s:token "admin"
    local bytes = pictures.gif { frames = 3 }
    local reply = s:upload(bytes, admin)
    assert.equal(201, reply.status)
    s:kill()
    s:begin()
    local id = reply.json.asset.id
    assert.equal(bytes, s:request({ "GET", "/a/" .. id }).body)
    assert.equal(200, s:request({ "GET", "/s/" .. reply.json.share.code }).status)
    server.wait_until("the renditions", function()
      return s:request({ "GET", "/api/v1/assets/" .. id }).json.state == "ready"
    end, 20)
    s:stop()
  end)

  it("of a worker no click is lost and the next request is answered", function()
    local s = server.start { config = server.unsettled }
    local code = s:upload(pictures.gif(), s:token "admin").json.share.code
    for _ = 1, 20 do assert.equal(200, s:request({ "GET", "/s/" .. code }).status) end
    local before = s:children "worker"
    assert.is_true(#before >= 1)
    for _, pid in ipairs(before) do posix.kill(pid, posix.SIGKILL) end
    server.wait_until("another worker", function()
      return s:request({ "GET", "/healthz" }).status == 200
    end)
    assert.equal(20, s:request({ "GET", "/api/v1/shares/" .. code }).json.clicks)
    s:stop()
  end)

  it("of everything, at any moment of a fold, clicks are exact", function()
    local s = server.start { config = server.unsettled }
    local code = s:upload(pictures.gif(), s:token "admin").json.share.code
    local visits = 0
    for round = 1, 3 do
      for _ = 1, 7 do
        s:request { "GET", "/s/" .. code }
        visits = visits + 1
      end
      if round > 1 then socket.sleep(0.8 + 0.1 * round) end
      s:kill()
      s:begin()
      assert.equal(visits, s:request({ "GET", "/api/v1/shares/" .. code }).json.clicks)
    end
    s:stop()
  end)

  it("of the runner its job is taken up by the next one", function()
    local s = server.start()
    local admin = s:token "admin"
    local made = s:upload(pictures.gif { frames = 5 }, admin)
    for _, pid in ipairs(s:children "runner") do posix.kill(pid, posix.SIGKILL) end
    server.wait_until("the renditions", function()
      return s:request({ "GET", "/api/v1/assets/" .. made.json.asset.id }).json.state == "ready"
    end, 20)
    s:stop()
  end)
end)

describe("a row that no judge saw", function()
  it("is judged by the sweep and hidden until then", function()
    local s = server.start()
    local reply = s:upload(pictures.gif(), s:token "admin", "title=gore")
    local code = reply.json.share.code
    local function set(what)
      os.execute(([[sqlite3 -cmd '.timeout 5000' %s/catalogue.db "UPDATE shares SET %s WHERE code = '%s'"]])
        :format(s.data, what, code))
    end
    set "verdict = 'pending', judge_after = 9000000000000000"
    assert.equal(404, s:request({ "GET", "/s/" .. code }).status)
    set "judge_after = 0"
    local admin = s:token "admin"
    server.wait_until("a verdict", function()
      return s:request({ "GET", "/api/v1/shares/" .. code, token = admin }).json.state == "rejected"
    end)
    s:stop()
  end)
end)
