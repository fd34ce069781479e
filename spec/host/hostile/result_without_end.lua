-- refused: has too many entries
return function()
  local t, wide = { 1 }, {}
  for _ = 1, 40 do t = { t, t } end
  wide[1] = t
  return wide
end
