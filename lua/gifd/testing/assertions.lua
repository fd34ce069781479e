--- testing/assertions: what a spec of a plugin says of values: the words of busted's assert that specs are made of.
--
--   assert(value, message?)   assert.equal(a, b)   assert.same(a, b)   assert.is_nil(v)   assert.matches(pattern, text)
-- assert.has_error(fn, text?) and with `not`: assert.is_not_nil(v), assert.not_equal(a, b), assert.has_no.errors(fn)
--
-- is, are, has, was and no other word may stand between. The last argument may be a message.
local M = {}

local function shown(value, depth)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" or depth > 4 then return tostring(value) end
  local keys, out = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  for _, key in ipairs(keys) do
    local name = type(key) == "number" and key == #out + 1 and "" or (type(key) == "string" and key
      or "[" .. tostring(key) .. "]") .. " = "
    out[#out + 1] = name .. shown(value[key], depth + 1)
  end
  return #out == 0 and "{}" or "{ " .. table.concat(out, ", ") .. " }"
end
M.shown = function(value) return shown(value, 0) end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do if not same(value, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

local function text_of(err) return type(err) == "table" and tostring(err.message or err.code) or tostring(err) end

local function raises(fn, wanted)
  local ok, err = pcall(fn)
  if ok then return false, "an error" end
  if wanted == nil then return true, "no error, got " .. text_of(err) end
  local right = type(err) == "string" and type(wanted) == "string" and err:find(wanted, 1, true) ~= nil
    or same(err, wanted)
  return right, "the error " .. M.shown(wanted) .. ", got " .. text_of(err)
end

--- name -> how many arguments it takes, and f(...) -> does it hold, what was wanted
local checks = {
  equal = { 2, function(a, b) return rawequal(a, b) or a == b, ("%s, got %s"):format(M.shown(a), M.shown(b)) end },
  same = { 2, function(a, b) return same(a, b), ("%s, got %s"):format(M.shown(a), M.shown(b)) end },
  matches = { 2, function(pattern, text)
    return type(text) == "string" and text:find(pattern) ~= nil, ("%q in %s"):format(pattern, M.shown(text))
  end },
  near = { 3, function(a, b, distance)
    return math.abs(a - b) <= distance, ("%s within %s, got %s"):format(a, distance, b)
  end },
  truthy = { 1, function(v) return not not v, "a value that counts as true, got " .. M.shown(v) end },
  falsy = { 1, function(v) return not v, "nil or false, got " .. M.shown(v) end },
  ["true"] = { 1, function(v) return v == true, "true, got " .. M.shown(v) end },
  ["false"] = { 1, function(v) return v == false, "false, got " .. M.shown(v) end },
  error = { 2, raises },
}
for _, kind in ipairs { "nil", "table", "string", "number", "boolean", "function" } do
  checks[kind] = { 1, function(v) return type(v) == kind, ("a %s, got %s"):format(kind, M.shown(v)) end }
end
local others = { equals = "equal", match = "matches", errors = "error", True = "true", False = "false" }
local fillers = { is = true, are = true, has = true, was = true, does = true }

--- The check that a chain of words stands for, and whether it is turned round.
local function meaning(words)
  local turned, check = false, nil
  for _, word in ipairs(words) do
    if word == "not" or word == "no" then turned = not turned
    elseif checks[others[word] or word] and not check then check = checks[others[word] or word]
    elseif not fillers[word] then return nil, word end
  end
  return check, turned
end

--- Called in the place of whoever says it, so that level 2 is the spec.
local function holds(words, ...)
  local check, turned = meaning(words)
  if not check then error("assert." .. table.concat(words, "_") .. " does not exist", 2) end
  local ok, wanted = check[2](...)
  if ok == not turned then return ... end
  local message = select(check[1] + 1, ...)
  error((message ~= nil and text_of(message) .. ": " or "") .. "expected " .. (turned and "not " or "") .. wanted, 2)
end

local function chain(words)
  return setmetatable({}, {
    __index = function(_, name)
      local more = { unpack(words) }
      for word in tostring(name):gmatch("[^_]+") do more[#more + 1] = word end
      local _, unknown = meaning(more)
      if type(unknown) == "string" then error("assert." .. table.concat(more, "_") .. " does not exist", 2) end
      return chain(more)
    end,
    __call = function(_, ...)
      if words[1] then return holds(words, ...) end
      local value, message = ...
      if not value then error(message ~= nil and text_of(message) or "assertion failed!", 2) end
      return ...
    end,
  })
end

M.assert = chain {}

return M
