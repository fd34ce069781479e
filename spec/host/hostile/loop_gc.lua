-- refused: __gc is not allowed
return function()
  setmetatable({}, { __gc = function() while true do end end })
end
