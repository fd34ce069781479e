-- refused: ran for more than 50 ms
return function()
  xpcall(function() error "x" end, function() while true do end end)
end
