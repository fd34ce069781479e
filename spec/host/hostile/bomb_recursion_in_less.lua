-- refused: stack overflow or budget
local mt = {}
local function two() return { setmetatable({}, mt), setmetatable({}, mt) } end
mt.__lt = function() table.sort(two()) return true end
return function() table.sort(two()) end
