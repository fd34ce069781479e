--- build/reference: the page that says what config.lua may have in it: docs/reference/config.md, and the same with
-- plugins of one's own by `gifd config reference`.
local S = require "gifd.schema"
local rule = require "gifd.schema.rule"
local scalar = require "gifd.schema.scalar"

local M = {}

local type_names = { string = "text", integer = "whole number", number = "number", boolean = "true or false",
  bytes = 'size ("10 MiB" or bytes)', duration = 'time ("5m" or seconds)', address = '"ADDRESS:PORT"',
  network = 'address or range ("10.0.0.0/8")', url = "URL", glob = 'text with * and ? ("*.gif")', secret = "secret",
  any = "anything", record = "table" }

local function range(n)
  if not n.min and not n.max then return "" end
  local unit = n.kind == "string" and " characters" or ""
  local low = n.min and scalar.show(n.kind, n.min)
  local high = n.max and scalar.show(n.kind, n.max)
  if low and high then return (", %s to %s%s"):format(low, high, unit) end
  return low and (", at least %s%s"):format(low, unit) or (", at most %s%s"):format(high, unit)
end

--- "size ("10 MiB" or bytes), 1 KiB to 1 MiB"
function M.type_text(n)
  if n.kind == "one_of" then
    local out = {}
    for i, value in ipairs(n.values) do out[i] = ('"%s"'):format(value) end
    return table.concat(out, ", ")
  end
  if n.kind == "list" then
    local most = n.max and (" (at most %d)"):format(n.max) or ""
    return (n.single and "%s, or a list of them%s" or "list of: %s%s"):format(M.type_text(n.of), most)
  end
  if n.kind == "map" then return "table of: " .. M.type_text(n.of) end
  if n.kind == "either" then
    local out = {}
    for i, choice in ipairs(n.choices) do out[i] = M.type_text(choice) end
    return table.concat(out, " or ")
  end
  if n.kind == "secret" then return "secret" .. (n.env and (" (or %s in the environment)"):format(n.env) or "") end
  return type_names[n.kind] .. (n.kind == "secret" and "" or range(n))
end

local function written(value)
  if type(value) == "string" then return ('"%s"'):format(value) end
  if type(value) ~= "table" then return type(value) == "number" and ("%.15g"):format(value) or tostring(value) end
  local out = {}
  for i, item in ipairs(value) do out[i] = written(item) end
  return out[1] and "{ " .. table.concat(out, ", ") .. " }" or "{}"
end

local function default_text(n)
  if n.default ~= nil then return "`" .. written(n.default) .. "`" end
  return n.optional and "none" or "must be given"
end

local function cell(text) return (text:gsub("|", "\\|")) end

local function sorted(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- What stands inside the tables of a list, a map or a choice.
local function inner_record(n)
  if n.fields then return n end
  if n.of then return inner_record(n.of) end
  for _, choice in ipairs(n.choices or {}) do
    local found = inner_record(choice)
    if found then return found end
  end
end

local function rows(out, node, prefix)
  for _, name in ipairs(sorted(node.fields)) do
    local n, key = node.fields[name], name:match("^[%a_][%w_]*$") and name or ('["%s"]'):format(name)
    local path = prefix .. key
    if n.fields then rows(out, n, path .. ".")
    else
      out[#out + 1] = ("| `%s` | %s | %s | %s |"):format(path, cell(M.type_text(n)), default_text(n), cell(n.doc or ""))
      local inner = inner_record(n)
      if inner then rows(out, inner, path .. (n.kind == "map" and "[...]." or n.single and "." or "[].")) end
    end
  end
end

local function table_of(out, node, prefix)
  out[#out + 1] = "| key | takes | default | what |\n| --- | --- | --- | --- |"
  rows(out, node, prefix)
  for _, each in ipairs(node.rules or {}) do out[#out + 1] = "\n" .. rule.text(each) .. "." end
end

local top = [[
# config.lua, key by key

This page is printed by `gifd config reference` from the schemas that check the file; `gifd config schema` prints them
as JSON Schema, `gifd config explain KEY` what holds and where it comes from, `gifd config diff` what differs from the
defaults. How the parts work together is told in [operations.md](../operations.md).

`config.lua` returns a table of data. Sizes are numbers of bytes or texts such as `"10 MiB"` (B, KB, MB, GB, TB, KiB,
MiB, GiB, TiB), times are numbers of seconds or texts such as `"5m"` (ms, s, m, h, d, w). Three functions can be called:

| | |
| --- | --- |
| `env("NAME", default)` | a variable of the environment |
| `file("PATH")` | a text file, beside config.lua or by its whole path |
| `secret { env = "NAME" }` | a secret of the environment |
| `secret { file = "PATH" }`, `secret "PATH"` | a secret in a file, without line breaks and spaces at its end |
| `secret { credential = "NAME" }` | a credential of systemd (`LoadCredential=`) |

A key that takes a secret takes nothing else: a text that stands in config.lua itself is refused.
]]

local function with_kinds(out, settings)
  local scalars, sections = {}, {}
  for _, name in ipairs(sorted(settings.fields)) do
    local n = settings.fields[name]
    if n.fields then sections[#sections + 1] = name elseif name ~= "plugins" then scalars[name] = n end
  end
  out[#out + 1] = "\n## At the top\n"
  scalars.plugins = settings.fields.plugins
  table_of(out, { fields = scalars }, "")
  for _, name in ipairs(sections) do
    local n = settings.fields[name]
    out[#out + 1] = ("\n## %s\n\n%s.\n"):format(name, (n.doc:gsub("^%l", string.upper)))
    table_of(out, n, name .. ".")
  end
  out[#out + 1] = "\n## What holds between keys\n"
  for _, each in ipairs(settings.rules or {}) do out[#out + 1] = "- " .. rule.text(each) .. "." end
end

--- settings: the schema of config.lua; manifests: of plugins, by name -> Markdown
function M.page(settings, manifests)
  local out = { top }
  out[1] = out[1]:gsub("\n$", "")
  with_kinds(out, settings)
  for _, name in ipairs(sorted(manifests)) do
    local manifest = manifests[name]
    out[#out + 1] = ("\n## %s\n\n%s.\n"):format(S.path { "plugins", name }, (manifest.summary:gsub("%.$", "")))
    table_of(out, manifest.node, "")
  end
  return table.concat(out, "\n") .. "\n"
end

return M
