-- refused: pattern too complex
return function() return (("a"):rep(1e5):find(".-.-.-b")) end
