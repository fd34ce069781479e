-- prints: done
local function spin() while true do end end
return function()
  print "done"
  return setmetatable({}, { __index = spin, __tostring = spin, __len = spin, __call = spin })
end
