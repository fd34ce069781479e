--- categories: what their categories are called here, and what scores mean. Pure.
local M = {}

local ours = {
  sexual = "nsfw", ["sexual/minors"] = "illegal",
  violence = "graphic_violence", ["violence/graphic"] = "graphic_violence",
  hate = "hate_speech", ["hate/threatening"] = "hate_speech",
  harassment = "hate_speech", ["harassment/threatening"] = "hate_speech",
  illicit = "illegal", ["illicit/violent"] = "illegal",
  ["self-harm"] = "unknown", ["self-harm/intent"] = "unknown", ["self-harm/instructions"] = "unknown",
}

--- One that they may add later is unknown, and counts all the same.
function M.of(theirs) return ours[theirs] or "unknown" end

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

--- answer = { flagged, categories, scores } of moderation.lua -> { decision, category, confidence, violations }.
-- Confidence is of the category named: of "safe" it is 1 less the highest score.
function M.judged(config, answer)
  local highest, violations = 0, {}
  for _, score in pairs(answer.scores) do highest = math.max(highest, score) end
  if not answer.flagged and 1 - highest >= config.approve then
    return { decision = "approved", category = "safe", confidence = 1 - highest, violations = violations }
  end
  local worst, score = worst_of(answer)
  for name, value in pairs(answer.scores) do
    if name == worst or answer.categories[name] == true or value >= config.reject then
      violations[#violations + 1] = name
    end
  end
  table.sort(violations)
  return { decision = highest >= config.reject and "rejected" or "flagged", category = M.of(worst), confidence = score,
    violations = violations }
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
