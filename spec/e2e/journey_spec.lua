-- The operator's first five minutes are as docs/first-five-minutes.md tells them (else: ./dev docs).
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local journey = require "journey"
local server = require "server"

describe("an operator", function()
  local told
  lazy_setup(function() told = journey.record() end)

  it("sees what docs/first-five-minutes.md tells", function()
    assert.equal(server.read_file "docs/first-five-minutes.md", told)
  end)

  it("meets no traceback, and the secret nowhere but where it was typed", function()
    assert.is_nil(told:find("stack traceback", 1, true))
    local typed = 0
    for line in told:gmatch("[^\n]+") do
      if line:find("s3cr3t-9f27", 1, true) then
        typed = typed + 1
        assert.is_truthy(line:find("^%$ CHAT_KEY=") or line:find("key = \"s3cr3t-9f27\"", 1, true), line)
      end
    end
    assert.is_true(typed > 0)
  end)
end)
