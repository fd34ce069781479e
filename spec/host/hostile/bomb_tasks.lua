-- refused: more than 4096 tasks of a plugin
local function many(depth)
  local fns = {}
  for i = 1, 64 do fns[i] = function() if depth == 0 then return gifd.time.sleep(20) end return many(depth - 1) end end
  return gifd.try(gifd.all(unpack(fns)))
end
return function() return many(3) end
