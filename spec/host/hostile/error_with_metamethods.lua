-- refused: a table without a message
local function spin() while true do end end
return function()
  error(setmetatable({}, { __tostring = spin, __index = spin, __concat = spin, __metatable = spin }))
end
