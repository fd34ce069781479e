-- refused: cannot change a protected metatable
return function() setmetatable(string, {}) end
