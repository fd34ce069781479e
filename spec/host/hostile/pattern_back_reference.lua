-- refused: pattern too complex
return function() return (("a"):rep(1e4):match("(.-)(.-)%1%2b")) end
