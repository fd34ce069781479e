-- refused: pattern too complex
return function() return (("("):rep(1e5):find("%b()")) end
