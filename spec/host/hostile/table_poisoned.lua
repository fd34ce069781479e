-- refused: string "find" may not be written
return function() string.find = function() return 1 end end
