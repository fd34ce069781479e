--- flow/evidence: who asked, by what a request says of itself: a person's browser or a program (flow/evidence_rules).
--
--   a rule's texts in the User-Agent                               that rule's: preview or bot
--   HEAD, or fetched ahead of need (Sec-Purpose, Purpose, X-Moz)   preview
--   words that programs have in their names, and people's not      bot, or preview
--   NAME/VERSION or Name that is no browser                        bot
--   a library, a browser without a window, an app's own client,
--   no User-Agent                                                  unknown, with a reason
--   all else                                                       unknown; whoever plays in a page: human (http/plays)
--
-- What came of requests, not of what they say, is flow/bursts.
local kinds = require "gifd.model.event_kinds"
local rules = require "gifd.flow.evidence_rules"

local M = { HEAD = rules.HEAD }

--- For C, by class: the texts of programs, their names, platforms, and what a hit of them is (model/event_kinds.hit)
M.classes, M.class_names, M.class_platforms, M.class_verdicts, M.class_reasons = {}, {}, {}, {}, {}
for class, rule in ipairs(rules.programs) do
  M.class_reasons[class], M.class_names[class] = rule[1], rule[2]
  M.class_verdicts[class], M.class_platforms[class] = kinds.verdict_numbers[rule[3]], rule[4] or "other"
  M.classes[class] = rule[5]
  kinds.name_reason(rule[1], rule[2])
end
for _, list in ipairs { rules.others, rules.words } do
  for _, rule in ipairs(list) do kinds.name_reason(rule[1], rule[2]) end
end
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

local function ahead_of_need(headers)
  for _, name in ipairs { "sec-purpose", "purpose", "x-purpose", "x-moz" } do
    local value = headers[name]
    if value and (value:find("prefetch", 1, true) or value:find("preview", 1, true)) then return true end
  end
  return false
end

--- The first rule of a list of which one text stands in the agent (or fits, where it is a pattern)
local function first(list, agent, plain)
  for _, rule in ipairs(list) do
    for _, text in ipairs(rule[4]) do
      if agent:find(text, 1, plain) then return kinds.verdict_numbers[rule[3]], "other", rule[1] end
    end
  end
end

local function one_of(agent, texts)
  for _, text in ipairs(texts) do
    if agent:find(text, 1, true) then return true end
  end
  return false
end

--- Does it look like a person's program?
local function browser(agent)
  if agent:find("^Mozilla/%d%.%d+%w* ?[%[(].") then
    return not agent:find("compatible;", 1, true) or one_of(agent, rules.form.compatible)
  end
  return one_of(agent, rules.form.people)
end

--- Words and forms of names that nobody's browser has.
local function by_form(agent)
  local words = agent:lower()
  for _, text in ipairs(rules.innocent) do words = words:gsub(text, "") end
  local verdict, platform, reason = first(rules.words, words, false)
  if verdict then return verdict, platform, reason end
  if browser(agent) then return nil end
  local named = not agent:find("^Mozilla") and (agent:find("^[%w%-_. ]+/v?%d") or agent:find("^%u[%w%-_]+$"))
  return named and kinds.verdict_numbers.bot or 0, "other", rules.FORM
end

--- Of the User-Agent, "" for none; ahead: was it fetched ahead of need?
function M.judge_agent(method, agent, ahead)
  local class = M.class(agent)
  if class > 0 then return M.class_verdicts[class], M.class_platforms[class], M.class_reasons[class] end
  local verdict, platform, reason
  if agent ~= "" then
    verdict, platform, reason = first(rules.others, agent, true)
    if not verdict then verdict, platform, reason = by_form(agent) end
  end
  if verdict and verdict ~= 0 then return verdict, platform, reason end
  if method == "HEAD" then return kinds.PREVIEW, "other", rules.HEAD end
  if ahead then return kinds.PREVIEW, "other", rules.PREFETCH end
  if verdict then return verdict, platform, reason end
  if agent == "" then return 0, "web", rules.NAMELESS end
  return 0, "web", 0
end

--- method and headers (names in small letters) of a request -> verdict, platform or "other", reason: numbers, but for
-- the platform
function M.judge(method, headers)
  return M.judge_agent(method, headers["user-agent"] or "", ahead_of_need(headers))
end

--- Reasons of programs that have a class -> platform, verdict and reason as they stand in a kind, for rows without a
-- text
M.bits = {}
for class, reason in ipairs(M.class_reasons) do
  local platform = kinds.platform_numbers[M.class_platforms[class]] or 0
  M.bits[reason] = kinds.kind(0, platform, M.class_verdicts[class], reason)
end

return M
