-- refused: pattern too complex
return function()
  for _ in ("a"):rep(1e5):gmatch(".-b") do error "found" end
end
