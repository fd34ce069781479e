-- refused: stack overflow
local t = setmetatable({}, { __index = function(t, key) return (("x"):gsub("x", t)) end })
return function() return (("x"):gsub("x", t)) end
