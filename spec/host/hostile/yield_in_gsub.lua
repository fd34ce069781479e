-- refused: may not wait inside a C call
return function()
  return (("x"):gsub(".", function() gifd.time.sleep(0.01) end))
end
