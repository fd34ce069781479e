-- prints: nothing ran
-- Tables have no finalizers in this Lua: a __gc that comes later is a field like any other.
return function()
  local mt, ran, kept = {}, false, {}
  for i = 1, 2e4 do kept[i] = setmetatable({ i }, mt) end
  mt.__gc = function() ran = true while true do end end
  kept = nil
  for i = 1, 40 do local _ = ("x"):rep(1e6) .. i end
  print(ran and "it ran" or "nothing ran", kept)
end
