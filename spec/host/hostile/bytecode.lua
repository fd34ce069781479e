-- refused: string "dump" does not exist
return function() return string.dump(function() end) end
