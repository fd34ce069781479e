-- refused: global "loadstring" does not exist
return function() loadstring("\27LJ\2")() end
