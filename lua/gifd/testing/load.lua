--- testing/load: a plugin from its folder, with the configuration of a test, into an environment where the clock and
-- other servers are the test's.
local S = require "gifd.schema"
local assertions = require "gifd.testing.assertions"
local grants = require "gifd.plugin.grants"
local load_plugin = require "gifd.plugin.load"
local mark = require "gifd.schema.mark"

local M = {}

--- The manifest of a folder; throws what is wrong with it.
function M.manifest(folder)
  local run, err = gifd.console.load(folder .. "/plugin.lua", { schema = S })
  if not run then error(tostring(err.message), 0) end
  local manifest = run()
  if type(manifest) ~= "table" or type(manifest.name) ~= "string" then
    error(folder .. "/plugin.lua: must return a table with a name: see gifd check", 0)
  end
  for i, use in ipairs(manifest.uses or {}) do
    local known, why = grants.known(use)
    if not known then error(("%s/plugin.lua: uses[%d]: %s"):format(folder, i, why), 0) end
  end
  return manifest
end

--- A test says secrets as they are; a schema takes marks in their place. told: text -> mark
local function mark_texts(value, told)
  if type(value) == "string" then told[value] = mark.secret("file", value, #value)
  elseif type(value) == "table" then for _, item in pairs(value) do mark_texts(item, told) end end
end

local function unmark(value)
  local what = mark.of(value)
  if what then return what.name end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = unmark(item) end
  return out
end

--- The plugin's part of config.lua, checked by its schema; throws its faults.
function M.config(manifest, given)
  local told, out = {}, {}
  mark_texts(given, told)
  local checked, faults = S.check(manifest.config or S.record {}, given or {}, { told = told })
  for i, fault in ipairs(faults) do
    out[i] = ("config.%s %s%s"):format(fault.path, fault.message,
      fault.nearest and (" (did you mean %s?)"):format(fault.nearest) or "")
  end
  if out[1] then error(table.concat(out, "\n"), 0) end
  return unmark(checked)
end

local function migrations(folder)
  local out = {}
  for _, name in ipairs(gifd.workbench.list(folder .. "/sql") or {}) do
    if name:match("%.sql$") then
      out[#out + 1] = { name = name:gsub("%.sql$", ""), sql = gifd.try(gifd.workbench.read(folder .. "/sql/" .. name)) }
    end
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

--- An empty database of the plugin's own, if it has one.
function M.database(manifest, folder)
  for _, use in ipairs(manifest.uses or {}) do
    if use == "db" or use == "kv" then
      gifd.try(gifd.workbench.fresh_database(manifest.name, migrations(folder)))
      return
    end
  end
end

local numbers = {} -- by which C knows a plugin: one each, however often it is loaded

--- services: as for grants.give, with stand_in(gifd of the plugin)
function M.plugin(manifest, folder, config, budget, services)
  local name = manifest.name
  numbers[name] = numbers[name] or gifd.plugin.register(name, budget)
  return load_plugin({ name = name, version = manifest.version or "0", uses = manifest.uses or {}, config = config,
    number = numbers[name], open = function(path, env)
      return gifd.console.load(path:gsub("^plugins/[^/]+", (folder:gsub("%%", "%%%%"))), env)
    end }, budget, services)
end

M.shown = assertions.shown

return M
