-- refused: budget
return function()
  local f
  for i = 1, 1e8 do
    local g = f
    f = function() return g, i end
  end
end
