-- refused: ran for more than 50 ms
return function()
  local find = ("").find
  while true do pcall(find, ("a"):rep(1e5), ".-b") end
end
