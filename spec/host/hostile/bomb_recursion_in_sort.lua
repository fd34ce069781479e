-- refused: stack overflow or budget
local function deeper(a, b)
  table.sort({ 2, 1 }, deeper)
  return a < b
end
return function() table.sort({ 2, 1 }, deeper) end
