--- moderation-words: a judge of shares by whole words, read as people read them: without disguise. What it does not
-- know, it has no opinion about. A listed word inside an allowed phrase is innocent there, and only there.
local rules = require "rules"

local languages = {}
for _, name in ipairs { "en", "de", "fr", "es", "pt", "it", "ru", "tr" } do
  languages[name] = require("languages." .. name)
end

local MATCHES, PLACES, REASONS, TEXT = 100, 5, 20, 100
local severity = { flagged = 1, rejected = 2 }
local compiled = {} -- config of a generation -> matchers; filled by check, or at the first call

local function add(into, text, list)
  local found, why = rules.parse(text, list)
  if not found then return why end
  for _, rule in ipairs(found.rules) do
    local at = into.number[rule.rule]
    if not at then
      at = #into.words + 1
      into.words[at], into.number[rule.rule] = rule.rule, at
    end
    into.rules[rule.rule] = rule -- of the operator's own, the last one counts
  end
  for _, phrase in ipairs(found.allow) do into.allow[#into.allow + 1] = phrase end
end

local function compile(config)
  local into = { words = {}, number = {}, rules = {}, allow = {} }
  -- Of two entries that are read alike the first counts: so the operator's come first.
  local why = add(into, config.rules, "rules")
  if why then return nil, gifd.err("invalid", { message = why }) end
  local own = into.rules
  into.rules = {}
  for _, language in ipairs(config.languages) do
    why = add(into, languages[language], language)
    if why then return nil, gifd.err("invalid", { message = why }) end
  end
  for name, rule in pairs(own) do into.rules[name] = rule end
  for _, phrase in ipairs(config.allow) do into.allow[#into.allow + 1] = phrase end
  return { rules = into.rules, words = gifd.text.words(into.words, true), allow = gifd.text.words(into.allow, true) }
end

local function matchers_of(config)
  if not compiled[config] then
    local made, err = compile(config)
    if not made then return nil, err end
    compiled[config] = made
  end
  return compiled[config]
end

local function shown(text, hit)
  local part = text:sub(hit.from, math.min(hit.to, hit.from + TEXT - 1))
  return gifd.text.valid_utf8(part) and part or hit.word
end

--- Matches of one text that no allowed phrase covers: of each rule so many places.
local function matches_in(field, text, matchers, out)
  if text == "" or #out >= MATCHES then return end
  for _, hit in ipairs(matchers.words:find(text, { each = PLACES, except = matchers.allow })) do
    if #out == MATCHES then return end
    local rule = matchers.rules[hit.word]
    out[#out + 1] = { rule = rule.rule, category = rule.category, decision = rule.decision,
      confidence = rule.confidence, list = rule.list, field = field, from = hit.from, to = hit.to,
      text = shown(text, hit) }
  end
end

local function worst_of(matches)
  local worst = matches[1]
  for _, m in ipairs(matches) do
    local harder, as_hard = severity[m.decision] > severity[worst.decision], m.decision == worst.decision
    if harder or as_hard and m.confidence > worst.confidence then worst = m end
  end
  return worst
end

local function judge(ctx, subject)
  if subject.kind ~= "share" then return nil end
  local matchers, err = matchers_of(ctx.config)
  if not matchers then return nil, err end
  local matches = {}
  matches_in("title", subject.title, matchers, matches)
  matches_in("description", subject.description, matchers, matches)
  for _, tag in ipairs(subject.tags) do matches_in("tags", tag, matchers, matches) end
  if not matches[1] then return nil end
  local worst, reasons, told = worst_of(matches), {}, {}
  for _, m in ipairs(matches) do
    local reason = ("the %s contains %q (%s)"):format(m.field, m.text, m.category)
    if not told[reason] and #reasons < REASONS then reasons[#reasons + 1] = reason end
    told[reason] = true
  end
  return { decision = worst.decision, category = worst.category, confidence = worst.confidence, reasons = reasons,
    data = { matches = matches } }
end

--- A faulty list refuses the generation: what ran goes on.
local function check(ctx)
  local made, err = matchers_of(ctx.config)
  if not made then return nil, err end
  return true
end

return { hooks = { judge = judge }, check = check }
