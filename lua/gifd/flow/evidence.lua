--- flow/evidence: who asked, by what a request says of itself: a person's browser or a program (flow/evidence_rules).
--
--   HEAD, or fetched ahead of need (Sec-Purpose, Purpose, X-Moz)   preview
--   a rule's texts in the User-Agent                               that rule's: preview or bot
--   a library, a browser without a window, no User-Agent           unknown, with a reason
--   all else                                                       unknown; whoever plays in a page: human (http/plays)
local kinds = require "gifd.model.event_kinds"
local rules = require "gifd.flow.evidence_rules"

local M = {}

--- For C, by class: the texts of programs, their names, platforms, and what a hit of them is (model/event_kinds.hit)
M.classes, M.class_names, M.class_platforms, M.class_verdicts, M.class_reasons = {}, {}, {}, {}, {}
for class, rule in ipairs(rules.programs) do
  M.class_reasons[class], M.class_names[class] = rule[1], rule[2]
  M.class_verdicts[class], M.class_platforms[class] = kinds.verdict_numbers[rule[3]], rule[4] or "other"
  M.classes[class] = rule[5]
  kinds.name_reason(rule[1], rule[2])
end
for _, rule in ipairs(rules.others) do kinds.name_reason(rule[1], rule[2]) end
for number, name in pairs(rules.names) do kinds.name_reason(number, name) end

local function holds(user_agent, texts)
  for _, text in ipairs(texts) do
    if not user_agent:find(text, 1, true) then return false end
  end
  return true
end

--- The class of a User-Agent as C finds it; 0: nobody in particular
function M.class(user_agent)
  for class, texts in ipairs(M.classes) do
    if user_agent and holds(user_agent, texts) then return class end
  end
  return 0
end

local function ahead(headers)
  for _, name in ipairs { "sec-purpose", "purpose", "x-purpose", "x-moz" } do
    local value = headers[name]
    if value and (value:find("prefetch", 1, true) or value:find("preview", 1, true)) then return true end
  end
  return false
end

--- method and headers (names in small letters) of a request -> verdict, platform or "other", reason: numbers, but for
-- the platform
function M.judge(method, headers)
  local agent = headers["user-agent"] or ""
  local class = M.class(agent)
  if class > 0 then return M.class_verdicts[class], M.class_platforms[class], M.class_reasons[class] end
  if method == "HEAD" then return kinds.PREVIEW, "other", rules.HEAD end
  if ahead(headers) then return kinds.PREVIEW, "other", rules.PREFETCH end
  if agent == "" then return 0, "other", rules.NAMELESS end
  for _, rule in ipairs(rules.others) do
    for _, text in ipairs(rule[3]) do
      if agent:find(text, 1, true) then return 0, "other", rule[1] end
    end
  end
  return 0, "web", 0
end

--- What the rules say of rows of their reasons, for model/event: array of { reason, bits }
function M.given()
  local out = {}
  for class, reason in ipairs(M.class_reasons) do
    local platform = kinds.platform_numbers[M.class_platforms[class]] or 0
    out[class] = { reason = reason, bits = kinds.kind(0, platform, M.class_verdicts[class]) }
  end
  return out
end

return M
