--- command/reference/primitives: all primitives as the reference knows them: those of C by their rows, and those that
-- plugins have by asking the code that gives them (plugin/grants), so that none can be forgotten.
local forms = require "gifd.plugin.forms"
local grants = require "gifd.plugin.grants"
local signature = require "gifd.command.reference.signature"

local M = {}

local function by_name(a, b) return a.path < b.path end

--- Rows of C -> { { path = "time.sleep", form, contexts }, ... }, methods = the same by class, codes
function M.host()
  local rows, codes = gifd.workbench.primitives()
  local functions, methods = {}, {}
  for _, row in ipairs(rows) do
    local form = signature.parse(row.signature)
    local public = form.name:match("^gifd%.(.*)$")
    local entry = { path = public or row.name:gsub("^gifd%.", ""), form = form, contexts = row.contexts }
    if form.class then
      methods[form.class] = methods[form.class] or {}
      table.insert(methods[form.class], entry)
    elseif public or not row.name:match("^gifd%.inner%.") then
      form.name = public and public:match("[^.]*$") or form.name
      functions[#functions + 1] = entry
    end
  end
  table.sort(functions, by_name)
  return functions, methods, codes
end

local function walk(host, out)
  for name, value in pairs(host) do
    if type(value) == "table" then
      for key in pairs(value) do out[name .. "." .. key] = true end
    else out[name] = true end
  end
  return out
end

local function given(services, uses)
  return walk(grants.give({ name = "any", uses = uses }, services), {})
end

local function dropped(form)
  if not form.params[1] or form.params[1].name ~= "plugin" then return form end
  local out = {}
  for key, value in pairs(form) do out[key] = value end
  out.params = { unpack(form.params, 2) }
  return out
end

--- What a plugin can name in `gifd` -> { { path, form, contexts, needs = { "kv", ... } }, ... }; throws when one has no
-- signature. services: as for grants.give
function M.plugin(services)
  local own, rows = {}, {}
  for _, row in ipairs(forms.functions) do own[row.name] = signature.parse(row.signature) end
  for _, row in ipairs(M.host()) do rows[row.path] = row end
  local base, found = given(services, {}), {}
  for path in pairs(base) do found[path] = {} end
  for _, word in ipairs(grants.words()) do
    local use = word:match(":$") and word .. "HOST" or word
    for path in pairs(given(services, { word:match(":$") and word .. "example.org" or word })) do
      if not base[path] then
        found[path] = found[path] or {}
        table.insert(found[path], use)
      end
    end
  end
  local out = {}
  for path, needs in pairs(found) do
    local row = rows[path] or rows[path:gsub("^db%.", "own.")] or {}
    local form = own[path] or row.form and dropped(row.form)
    if not form then error(("gifd.%s has no signature: say it in lua/gifd/plugin/forms.lua"):format(path), 0) end
    form.doc = own[path] and form.doc or row.form.doc
    out[#out + 1] = { path = path, form = form, contexts = row.contexts, needs = needs }
  end
  table.sort(out, by_name)
  return out
end

return M
