-- refused: budget
-- One small table, in another twice, and that in a third twice, ...
return function()
  local t = { 1 }
  for _ = 1, 60 do t = { t, t } end
  return #gifd.json.encode(t)
end
