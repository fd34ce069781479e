--- categories: what scores mean. Pure. Categories keep their names: the host knows what they are called here, and how
-- sure a judge must be (`moderation` of config.lua).
local UNSAFE, WORTH_SAYING = 0.5, 0.05

local M = {}

local severity = { approved = 1, flagged = 2, rejected = 3 }

--- The category that weighs most: among those that they flagged, if there are any.
local function worst_of(answer)
  local worst, score
  for _, only in ipairs { true, false } do
    for name, value in pairs(answer.scores) do
      local counts = not only or answer.categories[name] == true
      if counts and (not score or value > score or value == score and name < worst) then worst, score = name, value end
    end
    if worst then return worst, score end
  end
end

local function above(answer, least, worst)
  local out = {}
  for name, score in pairs(answer.scores) do
    if name == worst or answer.categories[name] == true or score > least then out[#out + 1] = name end
  end
  table.sort(out)
  return out
end

--- answer = { flagged, categories, scores } of moderation.lua -> { decision, category, confidence, violations }.
-- Confidence is of the category named: of "safe" it is 1 less the highest score.
function M.judged(answer)
  local highest = 0
  for _, score in pairs(answer.scores) do highest = math.max(highest, score) end
  if not answer.flagged and highest <= UNSAFE then
    return { decision = "approved", category = "safe", confidence = 1 - highest,
      violations = above(answer, WORTH_SAYING) }
  end
  local worst, score = worst_of(answer)
  return { decision = highest > UNSAFE and "rejected" or "flagged", category = worst, confidence = score,
    violations = above(answer, UNSAFE, worst) }
end

--- The strictest of several; of unsafe ones alike the surest, of safe ones the least sure. All violations.
function M.together(list)
  local out, violations, seen = list[1], {}, {}
  for _, one in ipairs(list) do
    local more = severity[one.decision] - severity[out.decision]
    local surer = one.confidence > out.confidence
    if more > 0 or more == 0 and surer == (one.decision ~= "approved") then out = one end
    for _, name in ipairs(one.violations) do
      if not seen[name] then violations[#violations + 1] = name end
      seen[name] = true
    end
  end
  return { decision = out.decision, category = out.category, confidence = out.confidence, violations = violations }
end

return M
