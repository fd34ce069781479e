-- refused: budget
return function() return #("x"):rep(1e4):gsub("x", ("y"):rep(1e5)) end
