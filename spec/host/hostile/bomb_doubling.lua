-- refused: took more than 64 MiB
return function()
  local s = "x"
  while true do s = s .. s end
end
