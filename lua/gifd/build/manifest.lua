--- build/manifest: plugin.lua of a plugin's folder: data, evaluated within the budget of config.lua where nothing but
-- the constructors of `schema` can be called.
local S = require "gifd.schema"
local grants = require "gifd.plugin.grants"
local lines = require "gifd.lines"
local nearest = require "gifd.nearest"
local scalar = require "gifd.schema.scalar"

local build = gifd.build

local M = {}

local schema = S.record {
  name = S.string { pattern = "^[a-z][a-z0-9-]*$", max = 64, expects = "must be a name of a-z, 0-9 and -",
    doc = "the name of the folder" },
  api = S.integer { min = 1, max = 1, doc = "of the primitives that it was written for" },
  version = S.string { min = 1, max = 32, doc = "its own" },
  summary = S.string { default = "", max = 200, doc = "what it is for, in a line" },
  uses = S.list { of = S.string { min = 1, max = 200 }, max = 100, default = {},
    doc = "capabilities; docs/plugins.md lists them" },
  config = S.any { optional = true, doc = "what its part of config.lua may say, made with schema" },
  needs = S.map { of = S.string { min = 1, max = 200 }, max = 10, default = {},
    doc = "settings without which it is not loaded while everything else goes on, each with what to do about it" },
  pixels = S.either { S.boolean {}, S.string { min = 1, max = 64 }, default = false,
    expects = "must be true, or the name of the setting with which it does",
    doc = "its judge looks at pixels: true, or the setting with which it does" },
}

local constructors = { "list", "map", "record", "either", "optional" }
for kind in pairs(scalar.kinds) do constructors[#constructors + 1] = kind end

local function unknown(what, name, names)
  local near = type(name) == "string" and nearest(name, names)
  error(("there is no %s%s"):format(what, near and ", did you mean " .. near .. "?" or ""), 3)
end

local function environment()
  local own = {}
  for _, name in ipairs(constructors) do own[name] = S[name] end
  local function find(_, name) return own[name] or unknown("schema." .. tostring(name), name, constructors) end
  local function refuse() error("schema may not be written", 2) end
  local sealed = setmetatable({}, { __metatable = false, __newindex = refuse, __index = find })
  return setmetatable({}, { __metatable = false, __index = function(_, name)
    if name == "schema" then return sealed end
    unknown(tostring(name) .. " here: a manifest can call schema only", name, { "schema" })
  end })
end

--- Names of the plugins that there are, sorted; and the same as a set.
function M.names()
  local names, seen = {}, {}
  for _, path in ipairs(build.files("plugins/")) do
    local name = path:match("^plugins/([^/]+)/plugin%.lua$")
    if name then names[#names + 1], seen[name] = name, true end
  end
  table.sort(names)
  return names, seen
end

--- What the host, not the plugin, takes from the plugin's part of config.lua.
local host = { trusted = S.boolean { default = false, doc = "runs compiled and without budgets" } }

--- The node of the plugin's part of config.lua.
local function node_of(config, summary)
  local fields = {}
  for _, from in ipairs { config and config.fields or {}, host } do
    for name, field in pairs(from) do fields[name] = field end
  end
  return S.record(fields, { doc = summary, open = config and config.open, rules = config and config.rules })
end

--- The settings that the manifest names must be there.
local function check_names(checked, complain)
  local fields = checked.config and checked.config.fields or {}
  for name in pairs(checked.needs) do
    if not fields[name] then complain({ "needs", name }, "is no setting of its config") end
  end
  if type(checked.pixels) == "string" and not fields[checked.pixels] then
    complain({ "pixels" }, ("%q is no setting of its config"):format(checked.pixels))
  end
  for i, use in ipairs(checked.uses) do
    local name = use:match("^fetch:{(.*)}$")
    if name and not (fields[name] and fields[name].kind == "url") then
      complain({ "uses", i }, ("%q is no setting of its config that is a url"):format(name))
    end
  end
end

local function check_config(checked, complain)
  if checked.config == nil then return end
  local ok = S.is_node(checked.config) and checked.config.kind == "record"
  if not ok then
    complain({ "config" }, "must be made with schema, as in schema.record { ... }")
    checked.config = nil
  elseif checked.config.fields.trusted then
    complain({ "config", "trusted" }, "is a word of the host; choose another")
  end
end

--- The manifest of a plugin that is there, with `node` for its part of config.lua; nil when it is no manifest. What is
-- wrong with it goes to faults.
function M.read(faults, name)
  local path = "plugins/" .. name .. "/plugin.lua"
  local file = build.origin(path)
  local text, err = build.read(path)
  if not text then return faults:add(file, nil, nil, err.message) end
  local value
  value, err = build.run(text, path, environment())
  if err then return faults:add(file, err.line, nil, err.message) end
  local line_of = lines.of(text)
  local function complain(keys, message, near) faults:add(file, line_of(keys), S.path(keys), message, near) end
  if type(value) ~= "table" or S.is_node(value) then return complain({}, "must return a table: the manifest") end
  local checked, found = S.check(schema, value)
  faults:merge(found, file, line_of)
  if found[1] then return nil end
  if checked.name ~= name then complain({ "name" }, ("must be %q, the name of its folder"):format(name)) end
  check_config(checked, complain)
  for i, use in ipairs(checked.uses) do
    local known, why = grants.known(use)
    if not known then complain({ "uses", i }, why, nearest(use, grants.words())) end
  end
  check_names(checked, complain)
  checked.file, checked.node = file, node_of(checked.config, checked.summary)
  return checked
end

return M
