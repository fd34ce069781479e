--- nearest: the candidate closest to a mistyped word, or nil when they have nothing in common.
local function distance(a, b, limit)
  local previous = {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row, best = { [0] = i }, i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + cost)
      best = math.min(best, row[j])
    end
    if best > limit then return best end
    previous = row
  end
  return previous[#b]
end

--- @param word string
--- @param candidates string[]
return function(word, candidates)
  local found, best
  for _, candidate in ipairs(candidates) do
    if #candidate <= 200 and #word <= 200 then
      local limit = math.max(#word, #candidate) - 1
      local d = distance(word:lower(), candidate:lower(), limit)
      if d <= limit and (not best or d < best) then found, best = candidate, d end
    end
  end
  return found
end
