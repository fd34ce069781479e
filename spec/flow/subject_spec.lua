-- What judges are given: copies, and pixels only to whom the manifest gives them.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local fact_model = require "gifd.model.fact"
local subject = require "gifd.flow.subject"

local row = { id = "0123456789abcdef", digest = ("ab"):rep(32), type = "image/gif", bytes = 10, width = 2, height = 2,
  frames = 1, duration_ms = 100, has_alpha = false, has_audio = false, colors = {} }
local app = { settings = { uploads = {} } }
local function plugin(...) return { name = "x", uses = { ... } } end

describe("the subject of a judge", function()
  local asked
  local hashes = { { hash = ("0"):rep(64), at = 0, quality = 90 } }
  before_each(function()
    asked = 0
    stub(fact_model, "hashes", function() return hashes end)
    rawset(_G.gifd, "media", { frames = function()
      asked = asked + 1
      return { { bytes = "jpeg", at = 0 } }
    end })
  end)
  after_each(function() fact_model.hashes:revert() end)

  it("has frames() for a plugin that may read blobs, and for no other", function()
    local of = subject.of(app, "asset", row)
    assert.is_nil(of(plugin()).frames)
    assert.is_nil(of(plugin("kv", "media.near")).frames)
    assert.is_function(of(plugin("kv", "blob.read")).frames)
  end)

  it("answers the same question of two judges from one decode", function()
    local of = subject.of(app, "asset", row)
    local first = of(plugin("blob.read")).frames { count = 2 }
    first[1].bytes = "spoilt"
    assert.equal("jpeg", of(plugin("blob.read")).frames({ count = 2 })[1].bytes)
    assert.equal(1, asked)
    of(plugin("blob.read")).frames { count = 3 }
    assert.equal(2, asked)
  end)

  it("is each plugin's own copy, with the hashes that are known", function()
    local of = subject.of(app, "asset", row)
    local mine = of(plugin())
    mine.facts.hashes[1].hash, mine.facts.width = "spoilt", 99
    local other = of(plugin())
    assert.equal(("0"):rep(64), other.facts.hashes[1].hash)
    assert.equal(2, other.facts.width)
    assert.equal(("0"):rep(64), other.hashes()[1].hash)
  end)
end)
