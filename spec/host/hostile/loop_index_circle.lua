-- refused: loop
return function()
  local t = {}
  setmetatable(t, { __index = t })
  return t.missing
end
