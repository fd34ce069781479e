-- What plugins offer together: order by relation, and what collides is refused before anybody sees it.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local context = require "gifd.plugin.context"
local hooks = require "gifd.plugin.hooks"
local registry = require "gifd.plugin.registry"

local function plugin(name, surface) return { name = name, version = "1", surface = surface } end
local function refused(...)
  local ok, err = pcall(registry, { ... })
  assert.is_false(ok)
  return tostring(err)
end
local nothing = function() end
local ctx_of = function(p) return context.make(p, {}) end

describe("registry", function()
  it("orders a pipe by what its steps say, not by name", function()
    local function step(letter)
      return function(_, value)
        value[#value + 1] = letter
        return value
      end
    end
    local r = registry {
      plugin("a", { hooks = { tags = { run = step "a", after = "c" } } }),
      plugin("b", { hooks = { tags = { run = step "b", before = { "c" } } } }),
      plugin("c", { hooks = { tags = step "c" } }),
    }
    assert.same({ "b", "c", "a" }, (hooks.pipe(r.hooks.tags, ctx_of, {})))
  end)

  it("refuses circles, unknown neighbours, unknown hooks and doubled claims by name", function()
    assert.matches("circle: a after c after b after a", refused(
      plugin("a", { hooks = { tags = { run = nothing, after = "c" } } }),
      plugin("b", { hooks = { tags = { run = nothing, after = "a" } } }),
      plugin("c", { hooks = { tags = { run = nothing, after = "b" } } })))
    assert.matches('after "x", which is not loaded', refused(plugin("a", { hooks = { tags = { run = nothing,
      after = "x" } } })))
    assert.matches("did you mean on_share", refused(plugin("a", { hooks = { on_shared = nothing } })))
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
    assert.matches("auth is required", refused(plugin("a", { routes = { ["GET /x"] = { run = nothing } } })))
  end)
end)

describe("jobs and options", function()
  it("are refused with the place of the function, the field, and what would be right", function()
    assert.matches("registry_spec.lua:%d+: plugin a: job \"tidy\": every must be a length of time",
      refused(plugin("a", { jobs = { tidy = { run = nothing, every = "often" } } })))
    assert.matches("unknown key %(did you mean timeout%?%)",
      refused(plugin("a", { jobs = { tidy = { run = nothing, timeot = 1 } } })))
    assert.matches("cannot be slow", refused(plugin("a", { hooks = { tags = { run = nothing, slow = true } } })))
    assert.matches("body must be made with schema", refused(plugin("a", { routes = { ["POST /x"] = { auth = "public",
      run = nothing, body = { n = "integer" } } } })))
    assert.matches("jobs must be a table", refused(plugin("a", { jobs = "refresh" })))
  end)

  it("stand in one list by the name of plugin and job", function()
    local r = registry { plugin("a", { jobs = { tidy = { run = nothing, every = "6h" }, once = nothing } }) }
    assert.equal(21600, r.jobs["a/tidy"].every)
    assert.is_nil(r.jobs["a/once"].every)
  end)
end)

describe("hooks", function()
  local function ctx_for(p) return context.make(p, {}) end
  local function one(hook, run, name)
    return registry({ plugin(name or "p", { hooks = { [hook] = run } }) }).hooks[hook]
  end
  local function vote(run) return hooks.vote(one("judge", run), ctx_for, function() return { title = "x" } end) end

  it("counts a judge that throws, or answers nonsense, as a failure and never as approval", function()
    assert.equal("script", vote(function() error "typo" end)[1].failed.code)
    for _, rubbish in ipairs { { decision = "fine" }, "approved", 7, {}, { decision = "approved", confidence = 2 },
      { decision = "approved", reasons = "because" }, { decision = "approved", data = function() end },
      { decision = "approved", why = "x" } } do
      local failed = vote(function() return rubbish end)[1].failed
      assert.equal("script", failed.code)
      assert.matches("registry_spec.lua:%d+: plugin p: hook \"judge\" returned ", failed.message)
    end
  end)

  it("has no ballot from a judge without an opinion", function()
    assert.same({}, vote(function() return nil end))
  end)

  it("skips a failing step of a pipe and says which", function()
    local r = registry { plugin("bad", { hooks = { tags = function() error "x" end } }),
      plugin("dull", { hooks = { tags = function() return { 7 } end } }),
      plugin("good", { hooks = { tags = function(_, tags) tags[#tags + 1] = "b" return tags end } }) }
    local value, skipped = hooks.pipe(r.hooks.tags, ctx_for, { "a" })
    assert.same({ "a", "b" }, value)
    assert.equal("bad dull", skipped[1].plugin .. " " .. skipped[2].plugin)
    assert.matches("%[1%]: must be a text", skipped[2].err.message)
  end)

  it("hands a publication to its one owner and says whether to ask again", function()
    local function publish(run) return hooks.claim(one("publish.x", run)[1], ctx_for, { code = "c" }) end
    assert.same({ external_id = "1", url = "https://x.example/1", state = "published" },
      publish(function() return { external_id = "1", url = "https://x.example/1" } end))
    local done, err = publish(function() return nil, gifd.err("busy", { retryable = true }) end)
    assert.is_nil(done)
    assert.is_true(err.retryable)
    for _, rubbish in ipairs { {}, { external_id = "1", url = "javascript:" }, "1", false } do
      done, err = publish(function() return rubbish end)
      assert.is_nil(done)
      assert.equal("script", err.code)
    end
    assert.equal("script", select(2, publish(function() end)).code)
  end)

  it("ends a ctx with its call", function()
    local kept
    local entries = one("judge", function(ctx) kept = ctx end)
    hooks.vote(entries, ctx_for, function() return {} end)
    assert.has_error(function() context.call_of(entries[1].plugin, kept) end)
    assert.has_error(function() context.call_of(entries[1].plugin, { account = "admin" }) end)
  end)
end)
