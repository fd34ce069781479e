-- refused: xxxxxxxx
return function() error(("x"):rep(3e7), 0) end
