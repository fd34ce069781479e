--- build/ask: `gifd config explain|schema|diff|reference`: what is configured, why, and what could be.
--
-- Secrets are marks all the way (schema/mark.lua): there is nothing here that could print one.
local S = require "gifd.schema"
local arguments = require "gifd.command.arguments"
local configuration = require "gifd.build.configuration"
local faults_of = require "gifd.build.faults"
local json_schema = require "gifd.build.json_schema"
local keys_of = require "gifd.build.keys"
local manifest = require "gifd.build.manifest"
local mark = require "gifd.schema.mark"
local reference = require "gifd.build.reference"
local scalar = require "gifd.schema.scalar"
local settings = require "gifd.settings"
local sight = require "gifd.sight"

local OK, USAGE, NOT_FOUND = 0, 2, 4

--- A value as JSON can say it: secrets masked.
local function plain(value)
  if mark.of(value) then return "***" end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = plain(item) end
  return value[1] ~= nil and gifd.json.array(out) or out
end

local function is_list(node) return node.kind == "list" end

local function encoded(value, node)
  if value == nil then return gifd.null end
  if node and is_list(node) and type(value) == "table" and next(value) == nil then return gifd.json.array {} end
  return plain(value)
end

--- A value as it would be written in config.lua.
local function lua_text(value, node)
  if value == nil then return "nil" end
  if mark.of(value) then return "***" end
  if type(value) == "string" then return '"' .. value:gsub('[%c"\\]', function(c)
    return c:match("%c") and ("\\%d"):format(c:byte()) or "\\" .. c
  end) .. '"' end
  if type(value) == "number" and node and (node.kind == "bytes" or node.kind == "duration") and value > 0 then
    local text = scalar.show(node.kind, value)
    return text:match("bytes$") and ("%.15g"):format(value) or '"' .. text .. '"'
  end
  if type(value) ~= "table" then return type(value) == "number" and ("%.15g"):format(value) or tostring(value) end
  local out, names = {}, {}
  for i, item in ipairs(value) do out[i] = lua_text(item, node and node.of) end
  for name in pairs(value) do if type(name) == "string" then names[#names + 1] = name end end
  table.sort(names)
  for _, name in ipairs(names) do
    local written = name:match("^[%a_][%w_]*$") and name or '["' .. name .. '"]'
    local inner = node and (node.fields and node.fields[name] or node.kind == "map" and node.of)
    out[#out + 1] = written .. " = " .. lua_text(value[name], inner or nil)
  end
  return out[1] and "{ " .. table.concat(out, ", ") .. " }" or "{}"
end

--- What the command line says in place of the file: values by key.
local function overridden(args, config)
  local out, lists = {}, { ["--listen"] = "listen", ["--plugins"] = "plugin_dirs" }
  for i, word in ipairs(args) do
    local name = lists[word]
    if name then
      out[name] = out[name] or {}
      table.insert(out[name], args[i + 1])
    elseif word == "--workers" then out.workers = tonumber(args[i + 1]) or args[i + 1] end
  end
  for _, dir in ipairs(out.plugin_dirs and config.checked.plugin_dirs or {}) do table.insert(out.plugin_dirs, dir) end
  return out
end

local function place(config, keys)
  local line = config.line_of and config.line_of(keys)
  return line and ("%s:%d"):format(config.file, line) or config.file
end

local function origin(config, keys, over)
  if over[keys[1]] ~= nil then return "command line" end
  local value = keys_of.value(config.checked, keys)
  local what = mark.of(value)
  if keys_of.value(config.raw, keys) == nil then
    return what and what.from == "env" and "env " .. what.name or "default"
  end
  local at = config.line_of and place(config, keys) or "default"
  return what and ("%s, %s %s"):format(at, what.from, what.name) or at
end

--- The default in its finished form.
local function default_of(node)
  if node.default == nil then return nil end
  return (S.check(node, node.default))
end

local function explained(config, tree, keys, over)
  local node, doc = keys_of.node(tree, keys, config.checked)
  if not node then return nil, doc end
  local value = keys_of.value(config.checked, keys)
  if over[keys[1]] ~= nil then value = keys_of.value(over, keys) end
  return { key = S.path(keys), value = encoded(value, node), origin = origin(config, keys, over),
    doc = doc or gifd.null, type = reference.type_text(node), default = encoded(default_of(node), node),
    written = encoded(keys_of.value(config.raw, keys), node) }, { node = node, value = value, doc = doc }
end

--- What is to be known of `unseen` besides: who looks, and who would if it lacked nothing.
local function add_sight(config, found)
  local why = {}
  for _, sentence in pairs(config.lacking) do why[#why + 1] = sentence end
  table.sort(why)
  found.pixels, found.lacking = gifd.json.array(config.looking), gifd.json.array(why)
  found.sight, found.mend = sight.sentence(config.looking, config.checked.unseen), sight.mend
end

local function text_of(found, more)
  local out = { ("%s = %s"):format(found.key, lua_text(more.value, more.node)),
    "  from     " .. found.origin }
  local default = default_of(more.node)
  if default ~= nil then out[#out + 1] = "  default  " .. lua_text(default, more.node) end
  out[#out + 1] = "  takes    " .. found.type
  if more.doc then out[#out + 1] = "  " .. more.doc end
  if found.pixels then
    out[#out + 1] = "  pixels   " .. found.sight
    for _, why in ipairs(found.lacking) do out[#out + 1] = "  " .. why end
  end
  return table.concat(out, "\n") .. "\n"
end

local function complain(code, text) return code, "gifd config: " .. text .. "\n" end

--- Every plugin that there is, whether it is configured or not.
local function all_manifests(faults)
  local out = {}
  for _, name in ipairs((manifest.names())) do out[name] = manifest.read(faults, name) end
  return out
end

local function explain(config, words, options)
  local keys = words[2] and not words[3] and keys_of.parse(words[2])
  if not keys then return complain(USAGE, "explain one key, as in 'gifd config explain uploads.max_bytes'") end
  local tree = keys_of.tree(settings, all_manifests(faults_of.new()))
  local found, more = explained(config, tree, keys, options.over)
  if not found then
    return complain(NOT_FOUND, ("there is no key %s%s"):format(S.path(keys), more and " (did you mean " .. more .. "?)"
      or ""))
  end
  if found.key == "unseen" then add_sight(config, found) end
  return OK, options.json and gifd.json.encode(found) .. "\n" or text_of(found, more)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" or mark.of(a) or mark.of(b) then return a == b end
  for key, item in pairs(a) do if not same(item, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

--- Calls found(keys, node) for each key that has a value of its own, in order.
local function each(node, keys, found)
  local names = {}
  for name in pairs(node.fields) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    keys[#keys + 1] = name
    if node.fields[name].fields then each(node.fields[name], keys, found) else found(keys, node.fields[name]) end
    keys[#keys] = nil
  end
end

local function diff(config, words, options)
  if words[2] then return complain(USAGE, "diff takes no key") end
  local out, tree = {}, keys_of.tree(settings, config.manifests)
  each(tree, {}, function(keys, node)
    local found, more = explained(config, tree, keys, options.over)
    local default = default_of(node)
    if node.preset then default = (S.check(node, {})) end
    if same(more.value, default) then return end
    out[#out + 1] = options.json and gifd.json.encode { key = found.key, value = found.value,
      default = encoded(default, node), origin = found.origin }
      or ("%s = %s  (%s; default %s)"):format(found.key, lua_text(more.value, node), found.origin,
        default == nil and "none" or lua_text(default, node))
  end)
  return OK, out[1] and table.concat(out, "\n") .. "\n" or ""
end

local function schema(config)
  return OK, gifd.json.encode(json_schema.of(settings, all_manifests(config.faults))) .. "\n"
end

local function refer(config) return OK, reference.page(settings, all_manifests(config.faults)) end

local verbs = { explain = explain, diff = diff, schema = schema, reference = refer }

--- args: words and options of the command line -> exit code, what to print (to stderr with any but 0); or nil, nil,
-- faults
return function(args)
  local options, words = arguments(args, { json = "flag", listen = "value", plugins = "value",
    workers = "value" })
  if not options then return complain(USAGE, words) end
  local verb = verbs[words[1]]
  if not verb then return complain(USAGE, "say explain KEY, diff, schema or reference") end
  local faults = faults_of.new()
  local config = configuration.read(faults)
  local code, said
  if config and config.checked then options.over = overridden(args, config) end
  if not faults:any() then code, said = verb(config, words, options) end
  if faults:any() then return nil, nil, faults:sorted(config and config.file) end
  return code, said
end
