-- refused: ran for more than 50 ms
return function() while true do pcall(pcall, pcall, pcall) end end
