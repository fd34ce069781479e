--- stills: `gifd lua --data DIR stills.lua DIGEST MS...`: makes the picture that the file shows at each time, as PNG,
-- and prints `MS DIGEST` lines, which are blobs; and `loop N`, how often it plays.
local AT_ONCE = 40

for first = 2, #arg, AT_ONCE do
  local recipes, times = {}, {}
  for i = first, math.min(first + AT_ONCE - 1, #arg) do
    times[#times + 1] = arg[i]
    recipes[#recipes + 1] = { format = "png", at = tonumber(arg[i]) / 1000 }
  end
  local made = assert(gifd.media.render(arg[1], recipes))
  print(("loop %d"):format(made.facts.loop))
  for i, output in ipairs(made.outputs) do
    local kept = assert(gifd.blob.commit(output.draft))
    print(("%s %s"):format(times[i], kept))
  end
end
