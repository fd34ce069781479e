-- refused: global "coroutine" does not exist
return function()
  local co = coroutine.wrap(function() while true do end end)
  co()
end
