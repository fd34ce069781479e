-- Plugins over the real program: loaded only when named, mounted under their name, refused with a reason.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"

local function with_config(text, ...)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  local code, out, err = server.command("check", "--config", path, "--root", ".", ...)
  os.remove(path)
  return code, out .. err
end

describe("a plugin", function()
  it("answers under its name with and without a slash", function()
    local s = server.start { plugins = { "spec/support/plugins" }, config = "return { plugins = { echo = true } }" }
    for _, path in ipairs { "/p/echo/", "/p/echo" } do
      local reply = s:request { "POST", path, body = "one\0two" }
      assert.equal(200, reply.status, path)
      assert.equal("one\0two", reply.body)
      assert.equal("echo\n", s:request({ "GET", path }).body)
    end
    assert.equal(404, s:request({ "GET", "/p/other/" }).status)
    s:stop()
  end)

  it("is not loaded unless named", function()
    local s = server.start { plugins = { "spec/support/plugins" } }
    assert.equal(404, s:request({ "GET", "/p/echo/" }).status)
    s:stop()
  end)
end)

describe("gifd check", function()
  it("passes the shipped configuration", function()
    assert.equal(0, (server.command("check", "--config", "config.lua", "--root", ".")))
  end)

  it("names file, line and the nearest key", function()
    local code, text = with_config([[
return {
  uploads = {
    max_bites = 1,
  },
  plugins = { ["moderation-keyword"] = true },
}]])
    assert.equal(3, code)
    assert.matches(":3: uploads%.max_bites: unknown key.*max_bytes", text)
    assert.matches(":5: .*moderation%-keywords", text)
  end)

  it("names the line of a syntax error", function()
    local code, text = with_config("return {\n  site = {\n")
    assert.equal(3, code)
    assert.matches(":%d+: ", text)
  end)

  it("keeps config.lua to data and three functions", function()
    local code, text = with_config('return { site = { name = os.getenv("HOME") } }')
    assert.equal(3, code)
    assert.matches("os", text)
  end)
end)
