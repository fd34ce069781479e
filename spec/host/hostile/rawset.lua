-- refused: global "rawset" does not exist
return function() rawset(string, "find", nil) end
