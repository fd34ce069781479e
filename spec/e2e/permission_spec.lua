-- Every route, without a permission and with too little of it; tokens, sign-in links and foreign pages.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local pictures = require "pictures"
local routes = require "gifd.http.routes"
local server = require "server"

describe("permissions", function()
  local s
  setup(function() s = server.start { plugins = { "spec/support/plugins" },
    config = 'return { plugins = { echo = true } }' } end)
  teardown(function() s:stop() end)

  local function path_of(route) return (route.pattern:gsub("{[^}]*}", "0123456789abcdef")) end

  local own_pages = { ["/api/v1/plays"] = true } -- what only pages of this server may ask

  for _, route in ipairs(routes {}) do
    it(("%s %s needs %s"):format(route.method, route.pattern, route.auth), function()
      local bare = s:request { route.method, path_of(route),
        headers = own_pages[route.pattern] and { origin = s.url } or nil }
      if route.auth == "public" then
        assert.is_true(bare.status ~= 401 and bare.status ~= 403, tostring(bare.status))
      else
        assert.equal(401, bare.status)
        assert.matches("^Bearer", bare.headers["www-authenticate"])
        local token = "gifd_" .. ("A"):rep(43)
        assert.equal(401, s:request({ route.method, path_of(route), token = token }).status)
        if route.auth ~= "user" and route.auth ~= "read" then
          assert.equal(403, s:request({ route.method, path_of(route), token = s:token "read" }).status)
        end
      end
    end)
  end

  it("end with a token's time and its revocation", function()
    local token = s:token("read", nil, "--expires", "1s")
    server.wait_until("the token's end", function() return s:request({ "GET", "/api/v1/shares",
      token = token }).status == 401 end)
    local kept = s:token("read", nil, "--name", "to be revoked")
    assert.equal(200, s:request({ "GET", "/api/v1/shares", token = kept }).status)
    local _, list = server.command("token", "list", "--data", s.data)
    local id = list:match("(%d+)\t[^\n]*to be revoked")
    assert.equal(0, (server.command("token", "revoke", id, "--data", s.data)))
    assert.equal(401, s:request({ "GET", "/api/v1/shares", token = kept }).status)
  end)

  it("of an unknown scope are not given", function()
    local code, _, err = server.command("token", "create", "--data", s.data, "--scopes", "uplod")
    assert.equal(2, code)
    assert.matches("did you mean upload", err)
  end)

  it("come by a link that works once, and only for pages of this server", function()
    local _, link = server.command("login", "--data", s.data)
    local path = link:match("(/signin%?code=%S+)")
    local entered = s:request { "GET", path }
    assert.equal(303, entered.status)
    local set = entered.headers["set-cookie"]
    for _, word in ipairs { "HttpOnly", "SameSite=Lax", "Path=/" } do assert.matches(word, set) end
    assert.equal(403, s:request({ "GET", path }).status)
    local cookie = set:match("^[^;]+")
    local function post(origin)
      return s:request { "POST", "/api/v1/assets", body = pictures.gif(),
        headers = { cookie = cookie, origin = origin } }.status
    end
    assert.equal(201, post(s.url))
    assert.equal(403, post(nil))
    assert.equal(403, post("http://evil.example"))
    assert.equal(303, s:request({ "POST", "/signout", headers = { cookie = cookie, origin = s.url } }).status)
    assert.equal(401, s:request({ "GET", "/api/v1/shares", headers = { cookie = cookie } }).status)
  end)
end)
