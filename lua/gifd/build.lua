--- build: from sources to a generation, or to every fault in them.
--
-- Runs in the builder's own VM, which can read the named files and nothing else (gifd.build). Checks config.lua and the
-- manifests it names (build/configuration.lua), compiles host Lua and plugins. Returns { settings, put = { {name,
-- bytes}, ... } } or { faults = { {file, line, path, message, nearest}, ... } }. No side effect, so that start, check
-- and reload are one path.
local configuration = require "gifd.build.configuration"
local deprecated = require "gifd.plugin.deprecated"
local faults_of = require "gifd.build.faults"
local mark = require "gifd.schema.mark"
local tls = require "gifd.build.tls"

local build = gifd.build

local function compile(faults, put, path)
  local text, err = build.read(path)
  local file, code = build.origin(path), nil
  if text then code, err = build.compile(text, "@" .. path) end
  if not code then faults:add(file, err.line, nil, err.message)
  else put[#put + 1] = { path, code } end
end

--- A plugin's migrations: numbered, and only for one that has a database.
local function check_sql(faults, manifest, path)
  local file, owns = build.origin(path), false
  for _, use in ipairs(manifest and manifest.uses or { "db" }) do owns = owns or use == "db" end
  if not owns then faults:add(file, nil, nil, 'has no effect: the plugin does not use "db"') end
  if not path:match("/sql/%d%d%d%d_[a-z0-9_]+%.sql$") then
    faults:add(file, nil, nil, "a migration is named as in sql/0001_tables.sql")
  end
end

local function warn_of_deprecated(name)
  for _, path in ipairs(next(deprecated.names) and build.files("plugins/" .. name .. "/") or {}) do
    for _, use in ipairs(path:match("%.lua$") and deprecated.uses(build.read(path) or "") or {}) do
      gifd.log.warn("plugin.deprecated", { at = ("%s:%d"):format(build.origin(path), use.line), name = use.name,
        instead = use.instead })
    end
  end
end

local function warn_of_lacking(lacking)
  local names = {}
  for name in pairs(lacking) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do gifd.log.warn("plugin.lacking", { plugin = name, message = lacking[name] }) end
end

local function plugin_files(faults, put, name, manifest, sources)
  for _, path in ipairs(build.files("plugins/" .. name .. "/")) do
    local runs = not path:match("/spec/")
    if path:match("/plugin%.lua$") then put[#put + 1] = { path, build.read(path) }
    elseif runs and path:match("%.lua$") then
      compile(faults, put, path)
      if sources then put[#put + 1] = { "source/" .. path, build.read(path) } end
    elseif runs and path:match("/sql/[^/]+%.sql$") then
      check_sql(faults, manifest, path)
      put[#put + 1] = { path, build.read(path) }
    end
  end
  warn_of_deprecated(name)
  for _, link in ipairs(build.links()) do
    if link.path:sub(1, #name + 9) == "plugins/" .. name .. "/" then
      faults:add(link.file, nil, nil, "is a link, and links are not followed: put the file itself there")
    end
  end
end

local function host_files(faults, put)
  for _, path in ipairs(build.files("lua/")) do
    if path:match("^lua/gifd/web/") or path:match("%.sql$") then put[#put + 1] = { path, build.read(path) }
    elseif path:match("%.lua$") and not path:match("^lua/gifd/build[./]") then compile(faults, put, path) end
  end
end

local function copy(value)
  if type(value) ~= "table" or mark.of(value) then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

--- Takes the secrets out of `value`, and says in `list` where each belongs and where it is to be had.
local function take_secrets(value, path, list)
  for key, item in pairs(value) do
    local what = mark.of(item)
    path[#path + 1] = key
    if what then
      list[#list + 1] = { path = copy(path), [what.from] = what.name, stamp = what.stamp }
      value[key] = "***"
    elseif type(item) == "table" then
      take_secrets(item, path, list)
    end
    path[#path] = nil
  end
end

local function milliseconds(http)
  local out = {}
  for name, value in pairs(http) do
    local stem = name:match("^(.*)_timeout$") or name == "drain" and name
    if stem then out[stem .. "_ms"] = value * 1000 else out[name] = value end
  end
  return out
end

--- The forms that C and generations read: plugins in a list, milliseconds, listeners as tables.
local function settings_of(config)
  local settings, list = copy(config.checked), {}
  settings.http, settings.limits = milliseconds(settings.http), config.limits
  for i, entry in ipairs(settings.listen) do
    if type(entry) == "string" then settings.listen[i] = { address = entry } end
  end
  for i, name in ipairs(config.wanted) do
    local manifest, own = config.manifests[name], settings.plugins[name]
    local trusted = own.trusted
    own.trusted = nil
    list[i] = { name = name, version = manifest.version, summary = manifest.summary, uses = manifest.uses, config = own,
      trusted = trusted, pixels = manifest.pixels, lacking = config.lacking[name] }
  end
  settings.plugins = list
  tls.finish(config, settings)
  local secrets = {}
  take_secrets(settings, {}, secrets)
  table.sort(secrets, function(a, b) return table.concat(a.path, "\0") < table.concat(b.path, "\0") end)
  settings.secrets = secrets
  return settings
end

--- sources: the texts of plugins are wanted too
return function(sources)
  local faults, put = faults_of.new(), {}
  local config = configuration.read(faults)
  for _, name in ipairs(config and config.wanted or {}) do
    plugin_files(faults, put, name, config.manifests[name], sources)
  end
  host_files(faults, put)
  local settings = not faults:any() and settings_of(config)
  if not settings or faults:any() then return { faults = faults:sorted(config and config.file) } end
  warn_of_lacking(config.lacking)
  return { settings = settings, put = put }
end
