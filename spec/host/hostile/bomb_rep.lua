-- refused: took more than 64 MiB
return function() return #("x"):rep(2 ^ 30) end
