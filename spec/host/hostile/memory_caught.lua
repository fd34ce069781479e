-- prints: not enough memory
-- What does not fit is refused, and whoever catches that goes on.
return function()
  local _, why = pcall(string.rep, "x", 2 ^ 27)
  print(why)
end
