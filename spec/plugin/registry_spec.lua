-- What plugins offer together: order by relation, and what collides is refused before anybody sees it.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local hooks = require "gifd.plugin.hooks"
local registry = require "gifd.plugin.registry"

local function plugin(name, surface) return { name = name, version = "1", surface = surface } end
local function refused(...)
  local ok, err = pcall(registry, { ... })
  assert.is_false(ok)
  return tostring(err)
end
local nothing = function() end
local ctx_of = function() return {} end

describe("registry", function()
  it("orders a pipe by what its steps say, not by name", function()
    local function step(letter) return function(_, value) return value .. letter end end
    local r = registry {
      plugin("a", { hooks = { tags = { run = step "a", after = "c" } } }),
      plugin("b", { hooks = { tags = { run = step "b", before = { "c" } } } }),
      plugin("c", { hooks = { tags = step "c" } }),
    }
    assert.equal("bca", (hooks.pipe(r.hooks.tags, ctx_of, "")))
  end)

  it("refuses circles, unknown neighbours, unknown hooks and doubled claims by name", function()
    assert.matches("circle", refused(plugin("a", { hooks = { tags = { run = nothing, after = "b" } } }),
      plugin("b", { hooks = { tags = { run = nothing, after = "a" } } })))
    assert.matches('after "x", which is not loaded', refused(plugin("a", { hooks = { tags = { run = nothing,
      after = "x" } } })))
    assert.matches("did you mean judge", refused(plugin("a", { hooks = { juge = nothing } })))
    assert.matches("plugins a and b both claim", refused(plugin("a", { hooks = { ["publish.giphy"] = nothing } }),
      plugin("b", { hooks = { ["publish.giphy"] = nothing } })))
  end)

  it("mounts routes under the plugin's name, the root with and without a slash", function()
    local r = registry { plugin("echo", { routes = { ["GET /"] = { auth = "public", run = nothing } } }) }
    local found = {}
    for _, route in ipairs(r.routes) do found[route.method .. " " .. route.pattern] = true end
    assert.same({ ["GET /p/echo"] = true, ["GET /p/echo/"] = true }, found)
  end)

  it("refuses a route without a permission", function()
    assert.matches("must say auth", refused(plugin("a", { routes = { ["GET /x"] = { run = nothing } } })))
  end)
end)

describe("hooks", function()
  local function vote(run) return hooks.vote({ { plugin = plugin "j", run = run } }, ctx_of, {}) end

  it("counts a judge that throws, or answers nonsense, as a failure and never as approval", function()
    assert.equal("script", vote(function() error "typo" end)[1].failed.code)
    assert.equal("script", vote(function() return { decision = "fine" } end)[1].failed.code)
    assert.equal("script", vote(function() return "approved" end)[1].failed.code)
  end)

  it("has no ballot from a judge without an opinion", function()
    assert.same({}, vote(function() return nil end))
  end)

  it("skips a failing step of a pipe and says which", function()
    local value, skipped = hooks.pipe({ { plugin = plugin "bad", run = function() error "x" end },
      { plugin = plugin "good", run = function(_, v) return v + 1 end } }, ctx_of, 1)
    assert.equal(2, value)
    assert.equal("bad", skipped[1].plugin)
  end)
end)
