-- refused: has a cycle
return function()
  local t = {}
  t.t = t
  return t
end
