-- refused: pattern too complex
return function()
  return (("a"):rep(40):match(("a?"):rep(40) .. ("a"):rep(40) .. "b"))
end
