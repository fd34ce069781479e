-- refused: ran for more than 2 s in all
-- Never long at a stretch, but for ever.
return function()
  while true do
    for i = 1, 1e5 do local _ = i * i end
    gifd.time.sleep(0)
  end
end
