--- command/plugin_new: gifd plugin new NAME [--kind KIND] [--dir DIR]: the folder of a plugin that works, with a spec
-- that passes.
local annotations = require "gifd.command.reference.annotations"
local arguments = require "gifd.command.arguments"
local environment = require "gifd.plugin.environment"
local primitives = require "gifd.command.reference.primitives"
local testing_types = require "gifd.command.reference.testing"

local OK, FAILED, USAGE, CONFLICT = 0, 1, 2, 6

local kinds = {
  judge = require "gifd.command.template.judge",
  publisher = require "gifd.command.template.publisher",
  route = require "gifd.command.template.route",
  job = require "gifd.command.template.job",
}

local function fail(code, fmt, ...)
  gifd.console.error("gifd plugin new: " .. fmt:format(...) .. "\n")
  return code
end

local manifest = [[
--- The manifest: data, readable without running anything.
-- luacheck: read globals schema, no max line length
return {
  name = "@NAME@",
  api = 1,
  version = "0.1.0",
  summary = "@SUMMARY@",
@MORE@}
]]

local readme = [[
# @NAME@

@SUMMARY@.

@ABOUT@

    gifd plugin test @PATH@                      # its spec, in a moment
    gifd serve --dev --plugins @DIR@ --config config.lua    # reloads when a file is saved

It is loaded if `config.lua` names it:

```lua
plugins = { ["@NAME@"] = true } -- or a table of settings
```

| setting | meaning |
| --- | --- |
@SETTINGS@

`plugin.lua` is the manifest, `init.lua` returns all that the plugin does,
  `spec/` says what a user would notice. `.types`
is for editors (`gifd plugin new` writes it), and `.luacheckrc` knows what a plugin can name.
]]

local luarc = [[
{
  "runtime.version": "LuaJIT",
  "workspace.library": [".types"],
  "workspace.checkThirdParty": false,
  "diagnostics.globals": ["describe", "it", "pending", "before_each", "after_each", "setup", "teardown"],
  "runtime.builtin": { "io": "disable", "os": "disable", "debug": "disable", "ffi": "disable", "jit": "disable",
    "package": "disable", "coroutine": "disable" }
}
]]

local function filled(text, values)
  return (text:gsub("@(%u+)@", values))
end

--- What luacheck may know of: the environment of plugins, no more.
local function luacheckrc()
  local names = environment.names()
  local out = { "-- What a plugin can name (gifd plugin new).", "std = { read_globals = {" }
  local plain = {}
  for i, name in ipairs(names.base) do plain[i] = ("%q"):format(name) end
  out[#out + 1] = "  " .. table.concat(plain, ", ") .. ","
  for _, space in ipairs { "string", "table", "math", "bit", "schema" } do
    local fields = {}
    for i, name in ipairs(names[space]) do fields[i] = name .. " = {}" end
    out[#out + 1] = ("  %s = { fields = { %s } },"):format(space, table.concat(fields, ", "))
  end
  out[#out + 1] = "  gifd = { other_fields = true },\n} }\nmax_line_length = false"
  out[#out + 1] = 'files["plugin.lua"] = { read_globals = { schema = { other_fields = true } } }'
  out[#out + 1] = 'files["spec/*_spec.lua"] = { std = "luajit+busted", read_globals = { "gifd" } }'
  out[#out + 1] = 'exclude_files = { ".types/**" }'
  return table.concat(out, "\n") .. "\n"
end

--- { path, text } of all files.
local function files_of(app, name, kind, dir, path)
  local template = kinds[kind]
  local values = { NAME = name, SUMMARY = template.summary, MORE = template.manifest, PATH = path, DIR = dir,
    ENV = name:upper():gsub("%-", "_"), SETTINGS = template.settings, ABOUT = template.about }
  local function text(body) return filled(filled(body, values), values) end
  local host, methods, codes = primitives.host()
  local plugin = primitives.plugin(app.services)
  return {
    { "plugin.lua", text(manifest) },
    { "init.lua", "-- luacheck: read globals gifd schema, no max line length\n" .. text(template.init) },
    { "spec/" .. name:gsub("%-", "_") .. "_spec.lua",
      "-- luacheck: std +busted, read globals gifd, no max line length\n"
      .. text(template.spec) },
    { "README.md", text(readme) },
    { ".luarc.json", luarc },
    { ".luacheckrc", luacheckrc() },
    { ".types/gifd.lua", annotations.plugin(plugin, methods, codes) },
    { ".types/testing.lua", testing_types.annotations() },
  }, host
end

local function wrong_name(name)
  if not name then return "say a name, as in gifd plugin new shout" end
  if #name > 64 then return ("%q is too long for a plugin's name: at most 64 characters"):format(name) end
  if name:match("^[a-z][a-z0-9-]*$") then return nil end
  return ("%q is no name of a plugin: a-z, 0-9 and -, beginning with a letter, such as %q"):format(name,
    (name:lower():gsub("[^a-z0-9]+", "-"):gsub("^[^a-z]+", ""):gsub("%-$", "")):match("^.+$") or "shout")
end

local function write(folder, files)
  gifd.try(gifd.console.folder(folder))
  gifd.try(gifd.console.folder(folder .. "/spec"))
  gifd.try(gifd.console.folder(folder .. "/.types"))
  for _, file in ipairs(files) do
    gifd.try(gifd.console.save(gifd.try(gifd.workbench.draft(file[2])), folder .. "/" .. file[1]))
  end
end

return function(app)
  return function(args)
    local options, words = arguments(args, { kind = "value", dir = "value" })
    if not options then return fail(USAGE, "%s", words) end
    local name, kind, dir = words[1], options.kind or "judge", options.dir or "plugins"
    local wrong = wrong_name(name)
    if wrong then return fail(USAGE, "%s", wrong) end
    if words[2] then return fail(USAGE, "one name, not also %q", words[2]) end
    if not kinds[kind] then return fail(USAGE, "there is no kind %q", kind) end
    local folder = dir:gsub("/+$", "") .. "/" .. name
    if gifd.workbench.list(folder) or gifd.workbench.read(folder) then
      return fail(CONFLICT, "%s is there already; nothing was written", folder)
    end
    local made, err = gifd.console.folder(dir)
    if made then made, err = gifd.catch(function()
      write(folder, (files_of(app, name, kind, dir, folder)))
      return true
    end) end
    if not made then return fail(FAILED, "%s", tostring(err.message)) end
    gifd.console.write(("%s is there: a %s that works.\n\n  gifd plugin test %s\n  gifd serve --dev --plugins %s, with "
      .. "plugins = { [%q] = true } in config.lua\n"):format(folder, kind, folder, dir, name))
    return OK
  end
end
