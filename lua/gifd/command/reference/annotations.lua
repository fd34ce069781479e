--- command/reference/annotations: what editors read (LuaLS): gifd.* with its classes, the surface and the schema.
local deprecated = require "gifd.plugin.deprecated"
local contracts = require "gifd.plugin.contracts"
local forms = require "gifd.plugin.forms"
local signature = require "gifd.command.reference.signature"

local M = {}

local HEAD = "---@meta\n-- luacheck: ignore\n-- Printed by './dev docs' from the tables that check calls. What "
  .. "is written here is lost.\n"

local function sorted(map)
  local out = {}
  for name in pairs(map) do out[#out + 1] = name end
  table.sort(out)
  return out
end

--- A type that may be nil.
local function maybe(type_)
  if type_:match("[| ]") then return type_ .. "|nil" end
  return type_ .. "?"
end

local function returns_of(form)
  local out = {}
  for i, r in ipairs(form.returns) do
    local type_ = r.optional and maybe(r.type) or r.type
    if form.fails then type_ = i == 1 and maybe(r.type) or type_ .. "|gifd.Err" end
    if i > 2 and form.fails then type_ = maybe(r.type) end
    out[i] = ("---@return %s%s"):format(type_, r.name and " " .. r.name or "")
  end
  if form.fails and #out < 2 then out[#out + 1] = "---@return gifd.Err? err" end
  return out
end

--- -> lines of one function; head: "gifd.time.sleep" or "Reader:next"
local function function_lines(out, form, head, doc)
  out[#out + 1] = "---" .. doc
  local names, generic = {}, false
  for i, p in ipairs(form.params) do
    names[i] = p.name
    generic = generic or p.type:match("^T%??$") ~= nil
  end
  if generic then out[#out + 1] = "---@generic T" end
  if deprecated.names[head] then out[#out + 1] = "---@deprecated " .. deprecated.names[head] end
  for _, p in ipairs(form.params) do
    out[#out + 1] = ("---@param %s%s %s"):format(p.name, p.optional and "?" or "", p.type)
  end
  for _, line in ipairs(returns_of(form)) do out[#out + 1] = line end
  out[#out + 1] = ("function %s(%s) end\n"):format(head, table.concat(names, ", "))
end

local function class_lines(out, name, parent, doc, fields)
  out[#out + 1] = "---" .. doc
  out[#out + 1] = ("---@class gifd.%s%s"):format(name, parent and ": gifd." .. parent or "")
  for _, field in ipairs(fields) do
    local form = signature.item(field:match("^(.-) %-%- ") or field)
    out[#out + 1] = ("---@field %s%s %s %s"):format(form.name, form.optional and "?" or "", form.type,
      field:match(" %-%- (.*)$") or "")
  end
end

--- A node of a schema as a type.
local function type_of(n)
  local kind = n.kind
  if kind == "integer" or kind == "number" or kind == "boolean" or kind == "any" then return kind end
  if kind == "bytes" or kind == "duration" then return "number|string" end
  if kind == "list" then
    local of = type_of(n.of)
    return of:match("|") and ("(%s)[]"):format(of) or of .. "[]"
  end
  if kind == "map" then return ("table<string, %s>"):format(type_of(n.of)) end
  if kind == "one_of" then return '"' .. table.concat(n.values, '"|"') .. '"' end
  if kind == "record" then return "table" end
  if kind ~= "either" then return "string" end
  local out = {}
  for i, choice in ipairs(n.choices) do out[i] = type_of(choice) end
  return table.concat(out, "|")
end
M.type_of = type_of

function M.is_optional(n) return n.optional or n.default ~= nil end

local function schema_class(out, name, doc, node, run)
  local fields = {}
  for _, field in ipairs(sorted(node.fields)) do
    local n = node.fields[field]
    local type_ = field == "run" and run or field == "body" and run and "gifd.Schema" or type_of(n)
    fields[#fields + 1] = ("%s%s: %s -- %s"):format(field, field ~= "run" and M.is_optional(n) and "?" or "", type_,
      n.doc or "")
  end
  class_lines(out, name, nil, doc, fields)
  out[#out + 1] = ""
end

local function gives(hook)
  if hook.gives then return "gifd." .. hook.gives end
  return hook.returns and type_of(hook.returns):gsub("^table%[%]$", "gifd.Rung[]") or nil
end

local function hook_type(hook)
  local result = gives(hook)
  local fails = result and maybe(result) .. ", gifd.Err?" or "nil, gifd.Err?"
  return ("fun(ctx: gifd.Ctx, %s): %s"):format(hook.gets, fails)
end

local function surface(out)
  local hooks = { "---What a plugin does when something happens", "---@class gifd.Hooks" }
  for _, hook in ipairs(contracts.hooks) do
    if hook.gives then schema_class(out, hook.gives, "what the hook " .. hook.name .. " returns", hook.returns) end
    local alias = "gifd.hook." .. hook.name:match("^[%w_]+")
    out[#out + 1] = ("---@alias %s %s\n"):format(alias, hook_type(hook))
    hooks[#hooks + 1] = ("---@field %s %s|{run: %s, after?: string|string[], before?: string|string[], slow?: boolean, "
      .. "timeout?: number|string} %s: %s"):format(hook.pattern and "[string]" or hook.name .. "?", alias, alias,
      hook.name, hook.doc)
  end
  out[#out + 1] = table.concat(hooks, "\n") .. "\n"
  schema_class(out, "Route", 'an entry of routes, named "GET /path"', contracts.options.route,
    "fun(ctx: gifd.Ctx, req: gifd.Request): gifd.Answer?, gifd.Err?")
  schema_class(out, "Work", "an entry of jobs", contracts.options.job,
    "fun(ctx: gifd.Ctx, payload: any): any, gifd.Err?")
  out[#out + 1] = "---@alias gifd.JobFunction fun(ctx: gifd.Ctx, payload: any): any, gifd.Err?\n"
  class_lines(out, "Surface", nil, "what init.lua returns: all that a plugin does", {
    "hooks?: gifd.Hooks -- by name", "routes?: table<string, gifd.Route> -- below /p/NAME",
    "jobs?: table<string, gifd.Work|gifd.JobFunction> -- by name",
    "check?: fun(ctx: gifd.Ctx): true?, gifd.Err? -- before its generation goes live" })
  out[#out + 1] = ""
end

local function begin(codes)
  return { HEAD, "---The closed list of codes.", '---@alias gifd.Code "' .. table.concat(codes, '"|"') .. '"\n' }
end

function M.begin() return { HEAD } end

M.fn, M.class = function_lines, class_lines

local function classes(out, methods)
  for _, class in ipairs(forms.classes) do
    class_lines(out, class.name, class.parent, class.doc, class.fields)
    out[#out + 1] = ""
  end
  for _, class in ipairs(sorted(methods)) do
    out[#out + 1] = ("---@class gifd.%s\nlocal %s = {}\n"):format(class, class)
    for _, row in ipairs(methods[class]) do
      function_lines(out, row.form, class .. ":" .. row.form.name, row.form.doc)
    end
  end
end

local function globals(out, entries)
  local seen = {}
  out[#out + 1] = "---@class gifd\ngifd = {}\n"
  for _, entry in ipairs(entries) do
    local space = entry.path:match("^(.*)%.[^.]*$")
    if space and not seen[space] then
      out[#out + 1] = ("---@class gifd.%s\ngifd.%s = {}\n"):format(space, space)
      seen[space] = true
    end
    local doc = entry.form.doc
    if entry.needs and #entry.needs > 0 then
      doc = ('%s (uses: "%s")'):format(doc, table.concat(entry.needs, '" or "'))
    end
    if entry.form.value then
      out[#out + 1] = ("---%s\n---@type %s\ngifd.%s = nil\n"):format(doc, entry.form.value, entry.path)
    else function_lines(out, entry.form, "gifd." .. entry.path, doc) end
  end
end

--- What plugins see. entries, methods, codes: of primitives.lua
function M.plugin(entries, methods, codes)
  local out = begin(codes)
  classes(out, methods)
  surface(out)
  globals(out, entries)
  out[#out + 1] = "---Describes data: in manifests, and for the bodies of routes.\nschema = {}\n"
  for _, row in ipairs(forms.schema) do
    local form = signature.parse(row.signature)
    function_lines(out, form, "schema." .. form.name, form.doc)
  end
  return (table.concat(out, "\n"):gsub("[ \t]+\n", "\n"))
end

--- What host Lua and `gifd lua` see.
function M.host(entries, methods, codes)
  local out = begin(codes)
  classes(out, methods)
  globals(out, entries)
  return (table.concat(out, "\n"):gsub("[ \t]+\n", "\n"))
end

return M
