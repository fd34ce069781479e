--- build: from sources to a generation, or to every fault in them.
--
-- Runs in the builder's own VM, which can read the named files and nothing else (gifd.build). Evaluates config.lua in
-- an environment of three functions, checks it and each plugin's part by their schemas, reads the manifests, compiles
-- host Lua and plugins. Returns { settings, put = { {name, bytes}, ... } } or { faults = { {file, line, path,
-- message, nearest}, ... } }. No side effect, so that start, check and reload are one path.
local S = require "gifd.schema"
local limits = require "gifd.limits"
local lines = require "gifd.lines"
local nearest = require "gifd.nearest"
local grants = require "gifd.plugin.grants"
local routes = require "gifd.http.routes"
local settings_schema = require "gifd.settings"

local build = gifd.build

local manifest_schema = S.record {
  name = S.string { pattern = "^[a-z][a-z0-9-]*$", max = 64 },
  api = S.integer { min = 1, max = 1 },
  version = S.string { min = 1, max = 32 },
  summary = S.string { default = "", max = 200 },
  uses = S.list { of = S.string { min = 1, max = 200 }, default = {} },
  config = S.any { optional = true },
}

local function add(faults, file, line, path, message, near)
  faults[#faults + 1] = { file = file, line = line, path = path ~= "" and path or nil, message = message,
    nearest = near }
end

local function merge(faults, found, file, line_of)
  for _, f in ipairs(found) do add(faults, file, line_of and line_of(f.keys), f.path, f.message, f.nearest) end
end

-- The three things that config.lua may call.
local function config_environment()
  local function text_of(what, path)
    local text, err = build.file(path)
    if not text then error(("%s(%q): %s"):format(what, path, err and err.message or "cannot be read"), 3) end
    return text
  end
  return {
    env = function(name, default)
      local value = build.env(name)
      if value == nil then return default end
      return value
    end,
    file = function(path) return text_of("file", path) end,
    secret = function(path) return (text_of("secret", path):gsub("%s+$", "")) end,
  }
end

local function read_config(faults)
  local text, name = build.config()
  if not text then return { plugins = { ["moderation-keywords"] = true } }, "the defaults", nil end
  local value, err = build.run(text, name, config_environment())
  if err then
    add(faults, err.file or name, err.line, "", err.message)
    return nil, name
  end
  if type(value) ~= "table" then
    add(faults, name, nil, "", "must return a table")
    return nil, name
  end
  return value, name, lines.of(text)
end

local function plugin_names()
  local names, seen = {}, {}
  for _, path in ipairs(build.files("plugins/")) do
    local name = path:match("^plugins/([^/]+)/plugin%.lua$")
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return names, seen
end

local function read_manifest(faults, name)
  local path = "plugins/" .. name .. "/plugin.lua"
  local file = build.origin and build.origin(path) or path
  local text = build.read(path)
  local value, err = build.run(text, path, { schema = S })
  if err then return add(faults, err.file or file, err.line, "", err.message) end
  if type(value) ~= "table" then return add(faults, file, nil, "", "must return a table") end
  local checked, found = S.check(manifest_schema, value)
  merge(faults, found, file, lines.of(text))
  if #found > 0 then return nil end
  if checked.name ~= name then
    add(faults, file, lines.of(text) { "name" }, "name", ("must be %q, the name of its folder"):format(name))
  end
  if checked.config ~= nil and not S.is_node(checked.config) then
    add(faults, file, lines.of(text) { "config" }, "config", "must be made with schema, as in schema.record { ... }")
    checked.config = nil
  end
  if checked.config and checked.config.fields and checked.config.fields.trusted then
    add(faults, file, lines.of(text) { "config" }, "config.trusted", "is a word of the host; choose another")
  end
  for i, use in ipairs(checked.uses) do
    local known, why = grants.known(use)
    if not known then
      add(faults, file, lines.of(text) { "uses", i }, S.path { "uses", i }, why, nearest(use, grants.words()))
    end
  end
  return checked
end

--- What the host, not the plugin, takes from the plugin's part of config.lua -> trusted, the rest
local function host_part(given)
  local rest = {}
  for key, value in pairs(given) do if key ~= "trusted" then rest[key] = value end end
  return given.trusted, rest
end

local function compile(faults, put, path)
  local text = build.read(path)
  local file = build.origin and build.origin(path) or path
  local code, err = build.compile(text, "@" .. path)
  if not code then add(faults, file, err.line, "", err.message)
  else put[#put + 1] = { path, code } end
end

--- A plugin's migrations: numbered, and only for one that has a database.
local function check_sql(faults, manifest, path)
  local file = build.origin and build.origin(path) or path
  local owns = false
  for _, use in ipairs(manifest.uses) do owns = owns or use == "db" end
  if not owns then add(faults, file, nil, "", 'has no effect: the plugin does not use "db"') end
  if not path:match("/sql/%d%d%d%d_[a-z0-9_]+%.sql$") then
    add(faults, file, nil, "", "a migration is named as in sql/0001_tables.sql")
  end
end

local function check_plugins(faults, put, settings, config_file, line_of)
  local names, exists = plugin_names()
  local chosen = {}
  local wanted = {}
  for name, value in pairs(settings.plugins) do if value ~= false then wanted[#wanted + 1] = name end end
  table.sort(wanted)
  for _, name in ipairs(wanted) do
    local keys = { "plugins", name }
    if not exists[name] then
      add(faults, config_file, line_of and line_of(keys), S.path(keys), "there is no plugin of this name",
        nearest(name, names))
    else
      local manifest = read_manifest(faults, name)
      if manifest then
        local given, trusted = settings.plugins[name], nil
        if given == true then given = {} end
        if type(given) == "table" then trusted, given = host_part(given) end
        if trusted ~= nil and type(trusted) ~= "boolean" then
          local at = { "plugins", name, "trusted" }
          add(faults, config_file, line_of and line_of(at), S.path(at), "must be true or false")
        end
        local config, found = S.check(manifest.config or S.record {}, given, { keys = keys, env = build.env })
        merge(faults, found, config_file, line_of)
        chosen[#chosen + 1] = {
          name = name, version = manifest.version, summary = manifest.summary, uses = manifest.uses, config = config,
          trusted = trusted or false,
        }
        for _, path in ipairs(build.files("plugins/" .. name .. "/")) do
          if path:match("%.lua$") and not path:match("/spec/")
            and not path:match("/plugin%.lua$") then compile(faults, put, path)
          elseif path:match("/plugin%.lua$") then put[#put + 1] = { path, build.read(path) }
          elseif path:match("/sql/[^/]+%.sql$") then
            check_sql(faults, manifest, path)
            put[#put + 1] = { path, build.read(path) }
          end
        end
      end
    end
  end
  settings.plugins = chosen
end

local function host_files(faults, put)
  for _, path in ipairs(build.files("lua/")) do
    if path:match("^lua/gifd/web/") or path:match("%.sql$") then put[#put + 1] = { path, build.read(path) }
    elseif path:match("%.lua$") and path ~= "lua/gifd/build.lua" then compile(faults, put, path) end
  end
end

local function add_folders(faults, settings, file, line_of)
  for i, path in ipairs(settings.plugin_dirs) do
    local whole, err = build.folder(path)
    if whole then settings.plugin_dirs[i] = whole
    else
      local keys = { "plugin_dirs", i }
      add(faults, file, line_of and line_of(keys), S.path(keys), tostring(err.message))
    end
  end
end

local function finish_limits(faults, settings, file, line_of)
  local names = {}
  for i, plugin in ipairs(settings.plugins) do names[i] = plugin.name end
  settings.limits = limits.finish(settings.limits, routes {}, names, build.limit, function(keys, message, near)
    add(faults, file, line_of and line_of(keys), S.path(keys), message, near)
  end)
end

-- What one key alone cannot say, and the forms that C reads (milliseconds, { address = ... }).
local function finish(faults, settings, file, line_of)
  local timeouts = {}
  if settings.jobs and settings.uploads and settings.jobs.lease and settings.uploads.render_deadline
     and settings.jobs.lease <= settings.uploads.render_deadline then
    add(faults, file, line_of and line_of { "jobs", "lease" }, "jobs.lease",
      "must be longer than uploads.render_deadline")
  end
  for name, seconds in pairs(settings.http or {}) do
    local stem = name:match("^(.*)_timeout$")
    if stem then timeouts[stem .. "_ms"] = seconds * 1000 end
  end
  for name, ms in pairs(timeouts) do
    settings.http[name] = ms
    settings.http[name:gsub("_ms$", "_timeout")] = nil
  end
  if settings.http and settings.http.drain then
    settings.http.drain_ms, settings.http.drain = settings.http.drain * 1000, nil
  end
  local seen = {}
  for i, entry in ipairs(settings.listen or {}) do
    if type(entry) == "string" then settings.listen[i] = { address = entry } end
    local text = settings.listen[i].address
    if seen[text] and not text:match(":0$") then
      add(faults, file, line_of and line_of { "listen", i }, S.path { "listen", i }, "is listed twice")
    end
    seen[text] = true
  end
end

return function()
  local faults, put = {}, {}
  local config, file, line_of = read_config(faults)
  local settings
  if config then
    local found
    settings, found = S.check(settings_schema, config, { env = build.env })
    merge(faults, found, file, line_of)
    if type(settings) == "table" then
      if type(settings.plugin_dirs) == "table" then add_folders(faults, settings, file, line_of) end
      if type(settings.plugins) == "table" then check_plugins(faults, put, settings, file, line_of) end
      finish(faults, settings, file, line_of)
      if type(settings.limits) == "table" then finish_limits(faults, settings, file, line_of) end
    end
  end
  host_files(faults, put)
  if #faults > 0 then return { faults = faults } end
  return { settings = settings, put = put }
end
