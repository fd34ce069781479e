-- refused: too many captures
return function() return (("x"):rep(40):match(("(x)"):rep(33))) end
