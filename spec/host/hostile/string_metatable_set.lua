-- refused: bad argument #1
return function() setmetatable("", {}) end
