-- refused: ran for more than 50 ms
return function()
  while true do pcall(string.gsub, ("a"):rep(1e5), ".-b", "") end
end
