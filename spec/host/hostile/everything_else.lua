-- prints: none
local reads = {
  function() return debug end, function() return ffi end, function() return io end, function() return jit end,
  function() return os end, function() return package end, function() return dofile end, function() return loadfile end,
  function() return collectgarbage end, function() return rawget end, function() return rawequal end,
  function() return module end, function() return gcinfo end, function() return _G end, function() return _VERSION end,
  function() return coroutine end, function() return arg end, function() return newproxy end,
}
return function()
  local found = "none"
  for i, read in ipairs(reads) do
    if pcall(read) then found = "the " .. i .. "th" end
  end
  print(found)
end
