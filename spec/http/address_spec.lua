-- Links are made with a host only if it is an address of this machine, and cookies are believed only from our own
-- pages.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local address = require "gifd.http.address"
local auth = require "gifd.http.auth"

describe("address", function()
  local loopback = { { address = "127.0.0.1:8080" } }
  local everywhere = { { address = "0.0.0.0:80" } }

  it("believes loopback and what is listened on, and no stranger's name", function()
    for _, host in ipairs { "localhost:8080", "127.0.0.1:8080",
      "[::1]:1" } do assert.is_true(address.believed(host, loopback), host) end
    for _, host in ipairs { "evil.example", "10.0.0.1", 'a"><b', "localhost.evil.example" } do
      assert.is_false(address.believed(host, loopback), host)
    end
    assert.is_true(address.believed("10.0.0.1:80", everywhere))
    assert.is_false(address.believed("evil.example", everywhere))
  end)

  it("uses the configured address above all", function()
    local settings = { site = { base_url = "https://g.example/" }, listen = loopback }
    assert.equal("https://g.example", address.base(settings, { host = "localhost:8080" }))
    settings.site.base_url = nil
    assert.equal("http://localhost:8080", address.base(settings, { host = "localhost:8080" }))
    assert.equal("http://127.0.0.1:8080", address.base(settings, { host = "evil.example" }))
    local told = { host = "g.example", host_told = true, scheme = "https" }
    assert.equal("https://g.example", address.base(settings, told))
    assert.equal("http://127.0.0.1:8080", address.base(settings, { host = "g'example", host_told = true }))
  end)
end)

describe("auth", function()
  local function from(origin) return auth.same_origin({ host = "g.example", headers = { origin = origin } },
    "https://g.example") end

  it("takes a missing, null or foreign Origin for another site", function()
    assert.is_false(from(nil))
    assert.is_false(from "null")
    assert.is_false(from "https://evil.example")
    assert.is_false(from "https://g.example.evil.example")
    assert.is_true(from "https://g.example")
  end)

  it("grants what a scope implies and nothing else", function()
    local function who(scopes) return auth.identity("token", { id = 1, account_id = 1, account = "a",
      scopes = scopes }) end
    assert.is_true(who "admin":may "upload")
    assert.is_true(who "admin":trusted())
    assert.is_true(who "trusted":may "upload")
    assert.is_true(who "upload":may "read")
    assert.is_false(who "upload":trusted())
    assert.is_false(who "read":may "upload")
    assert.is_true(who "read":may "user")
  end)
end)
