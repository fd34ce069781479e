--- build/configuration: config.lua and the manifests it names, checked: what is right, and where each fault is. The
-- build goes on from here (gifd.build), and so do the questions of `gifd config` (build/ask.lua).
local S = require "gifd.schema"
local config_file = require "gifd.build.config_file"
local ladder = require "gifd.ladder"
local limits = require "gifd.limits"
local manifest = require "gifd.build.manifest"
local mark = require "gifd.schema.mark"
local nearest = require "gifd.nearest"
local routes = require "gifd.http.routes"
local settings_schema = require "gifd.settings"

local build = gifd.build

local M = {}

--- The secret that the environment holds, for a key that names a variable of its own.
local function from_env(name)
  local length = build.secret("env", name)
  return length and mark.secret("env", name, length) or nil
end

--- Paths of all keys that stand in exactly one section, by the key: "max_bytes" -> "uploads.max_bytes"
local function elsewhere()
  local found = {}
  for section, node in pairs(settings_schema.fields) do
    for key in pairs(node.fields or {}) do
      found[key] = found[key] == nil and section .. "." .. key or false
    end
  end
  return function(key) return found[key] or nil end
end

local Configuration = {}
Configuration.__index = Configuration

--- A fault of config.lua.
function Configuration:complain(keys, message, near)
  self.faults:add(self.file, self.line_of and self.line_of(keys), S.path(keys), message, near)
end

function Configuration:check(node, value, keys)
  local done, out, found = pcall(S.check, node, value,
    { keys = keys, env = from_env, told = self.told, elsewhere = not keys and elsewhere() or nil })
  if not done then
    self:complain(keys or {}, "its schema is broken: " .. tostring(out))
    return nil
  end
  self.faults:merge(found, self.file, self.line_of)
  return out
end

local function add_folders(self)
  for i, path in ipairs(self.checked.plugin_dirs or {}) do
    local whole, err = build.folder(path)
    if whole then self.checked.plugin_dirs[i] = whole
    else self:complain({ "plugin_dirs", i }, tostring(err.message)) end
  end
end

--- Plugins that were shipped once, and what to write instead.
local replaced = {
  ["moderation-keywords"] = 'is replaced by "moderation-words": name that, with its `allow`, and words of your '
    .. "own in a file of `rules`",
}

--- Why a plugin is not there although something of its name is.
local function missing(self, name, names)
  local keys = { "plugins", name }
  if replaced[name] then return self:complain(keys, replaced[name]) end
  for _, link in ipairs(build.links()) do
    if link.path == "plugins/" .. name or link.path == "plugins/" .. name .. "/plugin.lua" then
      return self:complain(keys, link.file .. " is a link, and links are not followed: put the files there, or name "
        .. "the folder they are in with plugin_dirs or --plugins")
    end
  end
  local first = build.files("plugins/" .. name .. "/")[1]
  if first then return self:complain(keys, ("%s: there is no plugin.lua beside it"):format(build.origin(first))) end
  self:complain(keys, "there is no plugin of this name", nearest(name, names))
end

--- Whether the plugin lacks what it needs, and whether its judge looks at pixels.
local function add_needs(self, name, found, value)
  local lacks = {}
  for key, what in pairs(found.needs) do if value[key] == nil then lacks[#lacks + 1] = what end end
  table.sort(lacks)
  if lacks[1] then self.lacking[name] = ("%s is not loaded: %s"):format(name, table.concat(lacks, "; ")) end
  local pixels = found.pixels
  if type(pixels) == "string" then pixels = value[pixels] ~= nil or found.needs[pixels] ~= nil end
  found.pixels = pixels
  if pixels and not lacks[1] then self.looking[#self.looking + 1] = name end
end

local function check_plugin(self, name, given)
  local found = manifest.read(self.faults, name)
  self.wanted[#self.wanted + 1] = name
  if not found then return end
  self.manifests[name] = found
  local value = given
  if given == true then value = {} end
  value = self:check(found.node, value, { "plugins", name })
  if type(value) ~= "table" then return end
  self.checked.plugins[name] = value
  add_needs(self, name, found, value)
end

local function check_plugins(self)
  local names, exists = manifest.names()
  local given, wanted = self.checked.plugins, {}
  for name, value in pairs(given) do if value ~= false then wanted[#wanted + 1] = name end end
  table.sort(wanted)
  self.checked.plugins = {}
  for _, name in ipairs(wanted) do
    if exists[name] then check_plugin(self, name, given[name]) else missing(self, name, names) end
  end
end

--- What one key alone cannot say.
local function check_together(self)
  local seen = {}
  for i, entry in ipairs(self.checked.listen or {}) do
    local text = type(entry) == "table" and entry.address or entry
    if seen[text] and not tostring(text):match(":0$") then self:complain({ "listen", i }, "is listed twice") end
    if text ~= nil then seen[text] = true end
  end
  if not self.faults:any() then ladder.check(self.checked.renditions, function(...) self:complain(...) end) end
  if type(self.checked.limits) ~= "table" then return end
  self.limits = limits.finish(self.checked.limits, routes {}, self.wanted, build.limit,
    function(...) self:complain(...) end)
end

--- faults: gets all that is wrong -> nil when config.lua is no table at all, else { file, line_of, raw: as written,
-- checked: finished and with defaults, by the keys of config.lua; wanted: names of plugins, manifests: by name, limits:
-- as routes take them; lacking: name of a plugin that is not loaded -> why; looking: names of judges of pixels }
function M.read(faults)
  local found = config_file.read(faults)
  if not found then return nil end
  local self = setmetatable({ faults = faults, file = found.file, line_of = found.line_of, told = found.told,
    raw = found.value, wanted = {}, manifests = {}, lacking = {}, looking = {} }, Configuration)
  self.checked = self:check(settings_schema, found.value)
  if type(self.checked) ~= "table" then return nil end
  add_folders(self)
  if type(self.checked.plugins) == "table" then check_plugins(self) end
  check_together(self)
  return self
end

return M
