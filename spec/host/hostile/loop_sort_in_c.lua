-- refused: ran for more than 50 ms
-- Two long texts, compared again and again.
return function()
  local a, b, t = ("x"):rep(8e6) .. "a", ("x"):rep(8e6) .. "b", {}
  for i = 1, 1e4 do t[i] = i % 2 == 0 and a or b end
  table.sort(t)
end
