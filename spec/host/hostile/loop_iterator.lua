-- refused: ran for more than 50 ms
return function()
  while true do
    pcall(function() for _ in function() return true end do end end)
  end
end
