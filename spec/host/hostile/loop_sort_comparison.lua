-- refused: ran for more than 50 ms
return function()
  table.sort({ 3, 1, 2, 5, 4 }, function() while true do pcall(function() while true do end end) end end)
end
