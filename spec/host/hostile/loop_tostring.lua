-- refused: ran for more than 50 ms
local t = setmetatable({}, { __tostring = function() while true do end end })
return function() while true do pcall(tostring, t) end end
