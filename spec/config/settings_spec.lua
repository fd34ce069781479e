-- The schema of config.lua itself: whatever is wrong at whatever key is told there, and every key says what it is for.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local S = require "gifd.schema"
local files = require "spec.support.files"
local lines = require "gifd.lines"
local mark = require "gifd.schema.mark"
local settings = require "gifd.settings"
local values = require "values"

--- The value of a text as config.lua's environment would make it.
local function evaluated(text)
  local chunk = assert(loadstring(text))
  setfenv(chunk, { secret = function(what) return mark.secret("env", what.env, 20) end })
  return chunk()
end

--- As build/config_file.lua leaves it: what is no data is a mark.
local function marked(value)
  if type(value) == "function" or value ~= value or value == math.huge then return mark.broken("is no data") end
  if type(value) ~= "table" or mark.of(value) then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = marked(item) end
  return out
end

local function has(faults, path, line, line_of)
  for _, f in ipairs(faults) do
    local inside = f.path == path or f.path:sub(1, #path + 1):match("^" .. path:gsub("%p", "%%%0") .. "[%.%[]$")
    if inside and line_of(f.keys) == line then return true end
  end
end

describe("settings:", function()
  local keys_seen = {}
  values.each(settings, function(keys, node)
    local path = S.path(keys)
    keys_seen[#keys_seen + 1] = { keys, node }

    it(path .. " refuses what is of another kind, at its line", function()
      for _, wrong in ipairs(values.wrong(node)) do
        local text, at = values.text { { keys, wrong } }
        local _, faults = S.check(settings, marked(evaluated(text)))
        assert.is_true(has(faults, path, at[1], lines.of(text)), path .. " = " .. wrong)
      end
    end)

    it(path .. " has a doc", function()
      assert.is_string(node.doc, path)
      assert.is_true(#node.doc > 1, path)
    end)

    it(path .. " is meant by a word that is one or two letters off", function()
      local name = keys[#keys]
      local swapped = name:sub(1, 1) .. name:sub(3, 3) .. name:sub(2, 2) .. name:sub(4)
      for _, typo in ipairs { name .. "q", name:sub(1, -2), "q" .. name:sub(2), name .. "qq", swapped } do
        local close, parent = {}, settings
        for i = 1, #keys - 1 do
          close[i] = keys[i]
          parent = parent.fields[keys[i]]
        end
        if not parent.fields[typo] and #typo > 2 then
          close[#keys] = typo
          local text, at = values.text { { close, "1" } }
          local _, faults = S.check(settings, evaluated(text))
          assert.equal(S.path(close), faults[1].path)
          assert.equal("unknown key", faults[1].message)
          assert.equal(at[1], lines.of(text)(faults[1].keys))
          assert.is_string(faults[1].nearest, S.path(close))
        end
      end
    end)
  end)

  it("has them all", function() assert.is_true(#keys_seen > 60) end)

  it("are told all at once", function()
    local entries, wanted = {}, 0
    values.each(settings, function(keys, node)
      if #keys == 2 and not node.fields and not settings.fields[keys[1]].optional then
        local first = values.wrong(node)[1]
        if first then entries[#entries + 1], wanted = { keys, first }, wanted + 1 end
      end
    end)
    local tree = {}
    for _, entry in ipairs(entries) do
      tree[entry[1][1]] = tree[entry[1][1]] or {}
      tree[entry[1][1]][entry[1][2]] = evaluated("return " .. entry[2])
    end
    local _, faults = S.check(settings, tree)
    assert.is_true(#faults >= wanted)
  end)

  it("hold rules between keys, and say what of", function()
    for path, case in pairs {
      ["jobs.lease"] = { { jobs = { lease = "2m" } }, "must be more than uploads.render_deadline (2m)" },
      ["plugin_budget.slice"] = { { plugin_budget = { slice = "3s" } }, "must not be more than call (2s)" },
    } do
      local _, faults = S.check(settings, case[1])
      assert.equal(1, #faults)
      assert.same({ path, case[2] }, { faults[1].path, faults[1].message })
    end
  end)
end)

describe("schemas of plugins:", function()
  for _, path in ipairs(files.lines("ls plugins/*/plugin.lua spec/support/plugins/keeper/plugin.lua")) do
    it(path .. " says what each key is for", function()
      local chunk = assert(loadfile(path))
      setfenv(chunk, { schema = S })
      local found = chunk()
      if found.config then
        values.each(found.config, function(keys, node) assert.is_string(node.doc, path .. ": " .. S.path(keys)) end)
      end
    end)
  end

  it("refuse options that mean nothing, at the line of the author", function()
    for want, wrong in pairs {
      ["there is no option \"mn\", did you mean min"] = function() S.integer { mn = 1 } end,
      ["max must be a number"] = function() S.string { max = "9" } end,
      ["default: must be at most 3"] = function() S.integer { max = 3, default = 4 } end,
      ["of must be made with schema"] = function() S.list { of = "string" } end,
      ["b must be made with schema"] = function() S.record { b = { kind = "nothing" } } end,
      ["pattern is no pattern"] = function() S.string { pattern = "[" } end,
      ["there is no field \"c\""] = function()
        S.record({ a = S.integer { default = 1 } }, { rules = { { "a", above = "c" } } })
      end,
      ["names nothing"] = function() S.one_of {} end,
      ["takes a table of options"] = function() S.integer(7) end,
    } do
      local ok, err = pcall(wrong)
      assert.is_false(ok, want)
      assert.is_truthy(tostring(err):find(want, 1, true), tostring(err))
      assert.matches("settings_spec%.lua:%d+: schema%.", tostring(err))
    end
  end)

  it("take copies of nodes, and no node that is within itself", function()
    local node = { kind = "list", of = { kind = "integer", max = 3 } }
    assert.is_true(S.is_node(node))
    assert.is_false(S.is_node { kind = "list" })
    local round = { kind = "list" }
    round.of = round
    assert.is_false(S.is_node(round))
  end)
end)

describe("kinds:", function()
  it("a glob becomes a pattern", function()
    for glob, cases in pairs {
      ["*.gif"] = { yes = { "a.gif", ".gif" }, no = { "a/b.gif", "agif", "a.gif.exe" } },
      ["a/**/x-?.[1]"] = { yes = { "a/b/c/x-1.[1]" }, no = { "a/b/x-/.[1]", "a/b/x-1.1" } },
    } do
      local pattern = S.check(S.glob {}, glob)
      for _, text in ipairs(cases.yes) do assert.is_truthy(text:match(pattern), glob .. " " .. text) end
      for _, text in ipairs(cases.no) do assert.is_nil(text:match(pattern), glob .. " " .. text) end
    end
    for _, bad in ipairs { "", 7, "a***b", "a\nb" } do
      local _, faults = S.check(S.glob {}, bad)
      assert.equal(1, #faults)
    end
  end)

  it("a secret is a mark, never a text", function()
    local function first(value) return (select(2, S.check(S.secret {}, value))[1] or {}).message end
    assert.is_nil(first(mark.secret("env", "X", 10)))
    assert.matches("may not stand in the file itself: write secret { env", first "hunter22")
    assert.matches("too short", first(mark.secret("env", "X", 3)))
    assert.equal("***", tostring(mark.secret("env", "X", 10)))
  end)
end)
