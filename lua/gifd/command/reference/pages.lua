--- command/reference/pages: the pages of docs/reference as Markdown.
local annotations = require "gifd.command.reference.annotations"
local contracts = require "gifd.plugin.contracts"
local deprecated = require "gifd.plugin.deprecated"
local forms = require "gifd.plugin.forms"
local hooks = require "gifd.plugin.hooks"
local signature = require "gifd.command.reference.signature"

local M = {}

local PRINTED = "<!-- printed by './dev docs' -->\n"
M.printed = PRINTED

local function cell(text) return (tostring(text):gsub("|", "\\|"):gsub("\n", " ")) end

local function code(text) return "`" .. cell(text) .. "`" end

local function row(...)
  local out = { ... }
  return "| " .. table.concat(out, " | ") .. " |"
end

local function results(form)
  local text = signature.results(form)
  if text == "" then return "nothing" end
  return "`" .. text .. "`" .. (form.fails and " or `nil, err`" or "")
end

local function ended(doc) return doc:match("[?.]$") and doc or doc .. "." end

local function entry_lines(out, call, form, more)
  local instead = deprecated.names[call:match("^[^(]*")]
  out[#out + 1] = ("- `%s` → %s: %s%s%s"):format(call, results(form), ended(form.doc), more,
    instead and (" **Deprecated:** %s."):format(instead) or "")
end

M.entry = entry_lines

local function space_of(entry) return entry.path:match("^(.*)%.[^.]*$") or "" end

local function by_space(entries)
  local names, spaces = {}, {}
  for _, entry in ipairs(entries) do
    local space = space_of(entry)
    if not spaces[space] then
      spaces[space] = {}
      names[#names + 1] = space
    end
    table.insert(spaces[space], entry)
  end
  table.sort(names)
  return names, spaces
end

local every = { plugin = "load, route, job, command, check, hook", waiting = "route, job, command, check, hook" }

local function where(contexts)
  if not contexts or contexts:find("build", 1, true) or contexts == every.plugin then return "" end
  if contexts == every.waiting then return " Not while a file is loaded." end
  return " Only in: " .. contexts .. "."
end

local function spaces(out, entries, level)
  local names, of = by_space(entries)
  for _, name in ipairs(names) do
    out[#out + 1] = ("\n%s %s\n"):format(level, name == "" and "gifd" or "gifd." .. name)
    for _, entry in ipairs(of[name]) do
      local prefix = name == "" and "gifd." or "gifd." .. name .. "."
      local needs = entry.needs and #entry.needs > 0
        and (' Needs `"%s"`.'):format(table.concat(entry.needs, '"` or `"')) or ""
      if entry.form.value then
        out[#out + 1] = ("- `%s%s`: %s"):format(prefix, entry.form.name, ended(entry.form.doc))
      else
        entry_lines(out, signature.call(entry.form, prefix), entry.form, needs .. where(entry.contexts))
      end
    end
  end
end

local function methods(out, all)
  local names = {}
  for name in pairs(all) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    out[#out + 1] = ("\n### gifd.%s\n"):format(name)
    for _, entry in ipairs(all[name]) do
      entry_lines(out, signature.call(entry.form, name:lower() .. ":"), entry.form, "")
    end
  end
end

function M.class(out, class, level)
  local doc = class.doc .. (class.parent and ("; all of gifd.%s too"):format(class.parent) or "")
  out[#out + 1] = ("\n%s gifd.%s\n\n%s\n"):format(level, class.name, ended(doc:gsub("^%l", string.upper)))
  if #class.fields == 0 then return end
  out[#out + 1] = "| field | type | |\n| --- | --- | --- |"
  for _, field in ipairs(class.fields) do
    local head, about = field:match("^(.-) %-%- (.*)$")
    local form = signature.item(head)
    out[#out + 1] = row(code(form.name) .. (form.optional and " (optional)" or ""), code(form.type), cell(about))
  end
end

local function classes(out)
  for _, class in ipairs(forms.classes) do
    if #class.fields > 0 or class.parent then M.class(out, class, "###") end
  end
end

local function codes(out, list)
  out[#out + 1] = "\n## Codes of errors\n\nA failure of the world is `nil, err`; `err.code` is one of `"
    .. table.concat(list, "`, `") .. "`. Wrong arguments throw, with file and line."
end

--- plugin, host, handles, list: of primitives.lua
function M.primitives(plugin, host, handles, list)
  local out = { PRINTED .. [[
# Primitives

What Lua can ask of gifd. `name?` is optional. Every call is checked against these lines: a wrong kind of argument, or
a call where it may not be, is an error with file and line.

## What plugins have]] }
  spaces(out, plugin, "###")
  out[#out + 1] = "\n## What they give"
  methods(out, handles)
  classes(out)
  codes(out, list)
  out[#out + 1] = "\n## What host Lua and `gifd lua` have"
  spaces(out, host, "###")
  return table.concat(out, "\n") .. "\n"
end

--- "10m", "1 MiB" of a default as people write it
local function shown(value)
  if type(value) == "table" then return next(value) == nil and "empty" or "see the plugin" end
  if type(value) == "string" then return ("%q"):format(value) end
  return ("%s"):format(tostring(value))
end

local function bounds(n)
  if n.min and n.max then return ("%s to %s"):format(n.min, n.max) end
  if n.min then return "at least " .. n.min end
  if n.max then return "at most " .. n.max end
  return ""
end

--- Rows of a record's fields, those of records in it below it.
local function fields(out, node, prefix)
  local names = {}
  for name in pairs(node.fields) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local n = node.fields[name]
    local path = prefix .. name
    local inner = n.kind == "record" and n or (n.kind == "list" or n.kind == "map") and n.of.kind == "record" and n.of
    out[#out + 1] = row(code(path), code(annotations.type_of(n)), n.default ~= nil and shown(n.default)
      or n.optional and "" or inner and "" or "required", bounds(n), cell(n.doc or inner and inner.doc or ""))
    if inner then fields(out, inner, path .. (n.kind == "record" and "." or n.kind == "list" and "[]." or ".NAME.")) end
  end
end

local TABLE = "| field | type | default | bounds | |\n| --- | --- | --- | --- | --- |"

local kinds = {
  { "vote", "all together; the strictest decides", "pending while `err.retryable`, else a flag" },
  { "pipe", "`after` and `before`, else by name; each gets what the last one returned", "the step is skipped" },
  { "claim", "one owner", "asked again while `err.retryable`" },
  { "tell", "none", "told again for an hour while `err.retryable`" },
}

local function hook_lines(out, hook)
  local result = "nothing"
  if hook.returns then result = hook.gives and "this" or code(annotations.type_of(hook.returns)) end
  out[#out + 1] = ("\n## %s\n\nA %s: %s. Gets `ctx: gifd.Ctx, %s`. Returns %s, or `nil, err`%s."):format(hook.name,
    hook.kind, hook.doc, hook.gets, result, hook.nothing and "; nil for no opinion" or "")
  local node = hook.returns
  if node and node.kind == "list" and node.of.kind == "record" then node = node.of end
  if node and node.kind == "record" then
    out[#out + 1] = "\n" .. TABLE
    fields(out, node, "")
  end
end

function M.hooks()
  local out = { PRINTED .. [[
# Hooks, routes and jobs

What `init.lua` may return, and what each part gets and gives.

| kind | order | a failure | seconds |
| --- | --- | --- | --- |]] }
  for _, kind in ipairs(kinds) do
    local slow = kind[1] == "vote" and ("; `slow`: %d"):format(hooks.timeouts.slow) or ""
    out[#out + 1] = row(kind[1], kind[2], kind[3], hooks.timeouts[kind[1]] .. slow)
  end
  for _, hook in ipairs(contracts.hooks) do hook_lines(out, hook) end
  local titles = { hook = "A hook's options", route = "A route", job = "A job" }
  for _, kind in ipairs { "hook", "route", "job" } do
    out[#out + 1] = ("\n## %s\n\n%s"):format(titles[kind], TABLE)
    fields(out, contracts.options[kind], "")
  end
  out[#out + 1] = "\nThe types are in [primitives](primitives.md#what-they-give)."
  return table.concat(out, "\n") .. "\n"
end

--- manifest: as its file returns it; readme: its text, or nil
function M.bundled(manifest)
  local out = { ("%s# %s\n\n%s. Version %s, plugin API %d.\n"):format(PRINTED, manifest.name, manifest.summary or "",
    manifest.version, manifest.api) }
  local uses = manifest.uses or {}
  out[#out + 1] = #uses == 0 and "It asks for nothing beyond what all plugins have." or "It asks for `"
    .. table.concat(uses, "`, `") .. "`."
  out[#out + 1] = ("\n    plugins = { [%q] = true }    -- in config.lua; or its settings\n"):format(manifest.name)
  if manifest.config and manifest.config.fields then
    out[#out + 1] = "| setting | type | default | bounds | |\n| --- | --- | --- | --- | --- |"
    fields(out, manifest.config, "")
  end
  out[#out + 1] = ("\nMore in [its README](../../plugins/%s/README.md)."):format(manifest.name)
  return table.concat(out, "\n") .. "\n"
end

return M
