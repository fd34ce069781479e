--- nearest: the candidate that a mistyped word most likely meant, or nil when none is near.
--
-- Near is at most two letters off (one that is missing, one too many, another one, two neighbours swapped), or half of
-- the longer word, upper and lower case alike; and something must be left that both have.
local LENGTH_MAX = 200

--- Edits between a and b; more than `limit` may be told as any number above it.
local function distance(a, b, limit)
  local before, previous = nil, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    local row, best = { [0] = i }, i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same and 0 or 1))
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], before[j - 2] + 1)
      end
      best = math.min(best, row[j])
    end
    if best > limit + 1 then return best end
    before, previous = previous, row
  end
  return previous[#b]
end

--- Bytes that both begin with: what decides between two that are as near.
local function shared(a, b)
  local n = 0
  while n < #a and a:byte(n + 1) == b:byte(n + 1) do n = n + 1 end
  return n
end

--- @param word string
--- @param candidates string[]
return function(word, candidates)
  local found, best, begins
  if #word > LENGTH_MAX then return nil end
  local low = word:lower()
  for _, candidate in ipairs(candidates) do
    if #candidate <= LENGTH_MAX then
      local longest, other = math.max(#word, #candidate), candidate:lower()
      local limit = math.min(math.max(2, math.floor(longest / 2)), longest - 1)
      local d = distance(low, other, best and math.min(best, limit) or limit)
      local common = shared(low, other)
      if d <= limit and (not best or d < best or d == best and common > begins) then
        found, best, begins = candidate, d, common
      end
    end
  end
  return found
end
