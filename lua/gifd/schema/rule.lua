--- schema/rule: what holds between the fields of a record. A rule is data, so that it can be told as well as held:
--
--   { "jobs.lease", above = "uploads.render_deadline" }     more than the other
--   { "slice", at_most = "call" }                           not more than the other
--   { "key_file", needs = "certificate_file" }              not without the other
--   { "token", excludes = "password" }                      not together with the other
--
-- Paths begin at the record. Values that are absent break no rule but `needs`. Pure.
local scalar = require "gifd.schema.scalar"

local M = {}

local tests = {
  above = function(a, b) return type(a) ~= "number" or type(b) ~= "number" or a > b end,
  at_most = function(a, b) return type(a) ~= "number" or type(b) ~= "number" or a <= b end,
  needs = function(a, b) return a == nil or b ~= nil end,
  excludes = function(a, b) return a == nil or b == nil end,
}

local texts = { above = "must be more than %s", at_most = "must not be more than %s", needs = "has no use without %s",
  excludes = "cannot stand together with %s" }

local function split(path)
  local keys = {}
  for key in path:gmatch("[^%.]+") do keys[#keys + 1] = key end
  return keys
end

local function value_at(value, keys)
  for _, key in ipairs(keys) do
    if type(value) ~= "table" then return nil end
    value = value[key]
  end
  return value
end

local function node_at(node, keys)
  for _, key in ipairs(keys) do
    node = node and node.fields and node.fields[key]
  end
  return node
end

--- -> word ("above"), path of the other
local function relation(rule)
  for word in pairs(tests) do if rule[word] then return word, rule[word] end end
end

--- Why `rules` are none for these fields, or nil.
function M.wrong(rules, fields)
  for i, rule in ipairs(rules) do
    local word, other = relation(rule)
    if type(rule[1]) ~= "string" or type(other) ~= "string" then
      return ("rules[%d] must be { \"field\", above|at_most|needs|excludes = \"field\" }"):format(i)
    end
    for _, path in ipairs { rule[1], other } do
      if not node_at({ fields = fields }, split(path)) then
        return ("rules[%d] (%s): there is no field %q"):format(i, word, path)
      end
    end
  end
end

--- Tells each rule of `node` that `value` breaks: fault(keys below the record, message).
function M.each_broken(node, value, fault)
  for _, rule in ipairs(node.rules) do
    local word, path = relation(rule)
    local keys, others = split(rule[1]), split(path)
    local other = value_at(value, others)
    if not tests[word](value_at(value, keys), other) then
      local name = path
      if type(other) == "number" then
        name = ("%s (%s)"):format(path, scalar.show(node_at(node, others).kind, other))
      end
      fault(keys, texts[word]:format(name))
    end
  end
end

--- "jobs.lease must be more than uploads.render_deadline"
function M.text(rule)
  local word, other = relation(rule)
  return ("`%s` %s"):format(rule[1], texts[word]:format("`" .. other .. "`"))
end

return M
