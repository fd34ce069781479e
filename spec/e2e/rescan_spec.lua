-- gifd moderate rescan: rules change, and judges look again at what they, and nobody else, have decided.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local server = require "server"

local config = [[return { unseen = "approved", plugins = { ["moderation-words"] = {
  rules = "[spam rejected 0.95]\n" .. %s } } }]]

describe("gifd moderate rescan", function()
  local s, owner, codes = nil, nil, {}
  local function state(code) return s:request({ "GET", "/api/v1/shares/" .. code, token = owner }).json.state end
  local function lines(...)
    local code, out, err = server.command("moderate", "rescan", "--data", s.data, "--json", ...)
    assert.equal(0, code, err)
    local found = {}
    for line in out:gmatch("[^\n]+") do
      local change = cjson.decode(line)
      found[change.subject] = change
    end
    return found
  end

  setup(function()
    s = server.start { config = config:format '"casino"' }
    owner = s:token("upload", "owner")
    for _, title in ipairs { "a+lottery", "a+casino", "a+cat", "one+lottery" } do
      codes[#codes + 1] = s:upload(pictures.gif(), owner, "title=" .. title).json.share.code
    end
    assert.equal("live", state(codes[1]))
    assert.equal("rejected", state(codes[2]))
    assert.equal(200, s:request({ "POST", "/api/v1/moderation/share/" .. codes[4] .. "/reviews",
      token = s:token "moderate", json = { decision = "approved" } }).status)
    server.put(s.config, config:format '"lottery"')
    assert.equal(0, (server.command("reload", "--data", s.data)))
  end)
  teardown(function() s:stop() end)

  it("says with --dry-run what would change, and changes nothing", function()
    local changes = lines "--dry-run"
    assert.same({ "live", "rejected" }, { state(codes[1]), state(codes[2]) })
    assert.same({ "approved", "rejected", "spam" }, { changes[codes[1]].was, changes[codes[1]].decision,
      changes[codes[1]].category })
    assert.matches("lottery", changes[codes[1]].reasons[1])
    assert.same({ "rejected", "approved" }, { changes[codes[2]].was, changes[codes[2]].decision })
    assert.is_nil(changes[codes[3]])
    assert.is_nil(changes[codes[4]]) -- a person has decided
  end)

  it("looks only at what is asked for", function()
    assert.is_nil(next(lines("--dry-run", "--since", "2099-01-01")))
    assert.is_table(lines("--dry-run", "--since", "1h", "--judge", "moderation-words")[codes[1]])
    assert.equal(2, (server.command("moderate", "rescan", "--data", s.data, "--since", "soon")))
  end)

  it("changes what is served, and leaves alone what people have decided", function()
    assert.equal(200, s:request({ "GET", "/s/" .. codes[1] }).status)
    lines()
    assert.equal(410, s:request({ "GET", "/s/" .. codes[1] }).status)
    assert.equal(200, s:request({ "GET", "/s/" .. codes[2] }).status)
    assert.equal("live", state(codes[4]))
    assert.is_nil(next(lines "--dry-run"))
  end)
end)
