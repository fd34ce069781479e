--- build/keys: finding things by the path of a key, as people write it: `uploads.max_bytes`, `listen[1]`,
-- `plugins["moderation-words"].allow`, and without quotes where that is clear.
local S = require "gifd.schema"
local nearest = require "gifd.nearest"

local M = {}

--- -> keys, or nil when it is no path
function M.parse(text)
  local keys, at = {}, 1
  while at <= #text do
    local key, behind = text:match('^%.?%["([^"]*)"%]()', at)
    if not key then key, behind = text:match("^%.?%['([^']*)'%]()", at) end
    if not key then
      key, behind = text:match("^%[(%d+)%]()", at)
      key = tonumber(key)
    end
    if not key then
      key, behind = text:match(at == 1 and "^([^%.%[%]]+)()" or "^%.([^%.%[%]]+)()", at)
    end
    if not key then return nil end
    keys[#keys + 1], at = key, behind
  end
  return keys[1] and keys or nil
end

--- The alternative of an `either` that says something about what is inside.
local function inner_choice(node)
  for _, choice in ipairs(node.choices) do
    if choice.fields or choice.of then return choice end
  end
end

local function step(node, key)
  if node.kind == "either" then node = inner_choice(node) or node end
  if node.kind == "list" and node.single and type(key) == "string" then return step(node.of, key) end
  if node.fields then return node.fields[key] end
  if node.kind == "list" then return type(key) == "number" and node.of or nil end
  local fits = node.kind == "map" and type(key) == "string" and (not node.keys or key:match(node.keys))
  return fits and node.of or nil
end

local function names_of(node, value)
  if node.kind == "either" then node = inner_choice(node) or node end
  if node.kind == "list" and node.single then node = node.of end
  local out = {}
  for name in pairs(node.fields or type(value) == "table" and value or {}) do
    if type(name) == "string" then out[#out + 1] = name end
  end
  table.sort(out)
  return out
end

--- The node of the settings, with those of plugins in their places. manifests: by name
function M.tree(settings, manifests)
  local fields, own = {}, {}
  for name, node in pairs(settings.fields) do fields[name] = node end
  for name, manifest in pairs(manifests) do own[name] = S.optional(manifest.node) end
  fields.plugins = S.record(own, { doc = settings.fields.plugins.doc })
  return S.record(fields, { doc = settings.doc, rules = settings.rules })
end

function M.value(tree, keys)
  for _, key in ipairs(keys) do
    if type(tree) ~= "table" then return nil end
    local next_one = tree[key]
    if next_one == nil and type(key) == "string" and type(tree[1]) == "table" then next_one = tree[1][key] end
    tree = next_one
  end
  return tree
end

--- The node at keys and what it is for (or what it is in); nil, the nearest path there is or nil.
-- values: what there is besides what the schema names
function M.node(tree, keys, values)
  local node, walked, doc = tree, {}, nil
  for i, key in ipairs(keys) do
    local inner = step(node, key)
    local value = M.value(values, walked)
    local is_there = inner and (node.kind ~= "list" and node.kind ~= "map" or type(value) ~= "table"
      or value[key] ~= nil)
    if not is_there then
      local near = type(key) == "string" and nearest(key, names_of(node, value))
      if not near then return nil end
      walked[i] = near
      for k = i + 1, #keys do walked[k] = keys[k] end
      local path = S.path(walked)
      if i < #keys and not M.node(tree, walked, values) then
        for k = #walked, i + 1, -1 do walked[k] = nil end
        path = S.path(walked)
      end
      return nil, path
    end
    node, walked[i], doc = inner, key, inner.doc or doc
  end
  return node, doc
end

return M
