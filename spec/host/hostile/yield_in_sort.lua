-- refused: may not wait inside a C call
return function()
  table.sort({ 2, 1 }, function(a, b) gifd.time.sleep(0.01) return a < b end)
end
