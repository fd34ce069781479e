-- refused: budget
return function()
  local t = {}
  while true do pcall(function() while true do t[#t + 1] = ("x"):rep(2 ^ 20) .. #t end end) end
end
