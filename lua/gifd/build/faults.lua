--- build/faults: what is wrong, of all files, collected to be told together: { file, line, path, message, nearest }, of
-- which file and message are always there and the others gifd.null when there is nothing to say.
local scalar_max = 1000 -- bytes of a message

local M = {}
M.__index = M

function M.new() return setmetatable({ list = {}, more = 0 }, M) end

local function text(value, max)
  if value == nil or value == "" then return gifd.null end
  value = tostring(value)
  return #value > max and value:sub(1, max) .. "..." or value
end

function M:add(file, line, path, message, nearest)
  self.list[#self.list + 1] = { file = file, line = line or gifd.null, path = text(path, 400),
    message = text(message, scalar_max), nearest = text(nearest, 200) }
end

--- Those of gifd.schema about what stands in `file`; line_of(keys): see gifd.lines.
function M:merge(found, file, line_of)
  for _, f in ipairs(found) do self:add(file, line_of and line_of(f.keys), f.path, f.message, f.nearest) end
  if found.more then self:add(file, nil, nil, ("%d more faults"):format(found.more)) end
end

function M:any() return self.list[1] ~= nil end

local function number(line) return line == gifd.null and math.huge or line end

--- By file, those of `first` before all others, and by line.
function M:sorted(first)
  for i, f in ipairs(self.list) do f.at = i end
  table.sort(self.list, function(a, b)
    if a.file ~= b.file then
      if a.file == first or b.file == first then return a.file == first end
      return a.file < b.file
    end
    if a.line ~= b.line then return number(a.line) < number(b.line) end
    return a.at < b.at
  end)
  for _, f in ipairs(self.list) do f.at = nil end
  return self.list
end

return M
