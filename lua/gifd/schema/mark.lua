--- schema/mark: values of config.lua that are no plain data: a secret, by where it comes from, and what could not be
-- had.
--
-- A mark is an empty table that is known here and nowhere else, so that nothing which prints, copies or encodes a
-- configuration can show what it stands for. `secret` is the only kind that takes one (gifd.schema). Pure.
local M = {}

local marks = setmetatable({}, { __mode = "k" })

local function make(what)
  local mark = setmetatable({}, { __tostring = function() return "***" end, __metatable = false })
  marks[mark] = what
  return mark
end

--- from: "env", "file" or "credential"; name: of the variable, path of the file, name of the credential; length: bytes
-- of what it stands for; stamp: changes when it may have changed
function M.secret(from, name, length, stamp)
  return make { from = from, name = name, length = length, stamp = stamp }
end

--- What stands where a value is wrong whatever is wanted there: `why` becomes the fault.
function M.broken(why) return make { broken = why } end

--- What a mark stands for: { from, name, length, stamp } or { broken }; nil for any other value.
function M.of(value) return type(value) == "table" and marks[value] or nil end

return M
