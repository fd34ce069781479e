--- moderation-keywords: a judge of shares by whole words. "Essex", "bloodhound" and "premature" contain listed words
-- but are
--- none; "graphic design" is a phrase in which one is innocent. What it does not know, it has no opinion about.
local lists = require "lists"

local compiled = {} -- config of a generation -> matchers; filled at the first call

local function compile(config)
  local categories = {}
  for name, category in pairs(lists.categories) do categories[name] = category end
  for name, category in pairs(config.categories) do categories[name] = category end
  local allow = {}
  for _, phrase in ipairs(lists.allow) do allow[#allow + 1] = phrase end
  for _, phrase in ipairs(config.allow) do allow[#allow + 1] = phrase end
  local out = { categories = {}, allow = gifd.text.words(allow) }
  for name, category in pairs(categories) do
    if #category.words > 0 then
      out.categories[#out.categories + 1] = {
        name = name, decision = category.decision, confidence = category.confidence,
          words = gifd.text.words(category.words) }
    end
  end
  table.sort(out.categories, function(a, b)
    if a.decision ~= b.decision then return a.decision == "rejected" end
    if a.confidence ~= b.confidence then return a.confidence > b.confidence end
    return a.name < b.name
  end)
  return out
end

local function inside(hit, spans)
  for _, span in ipairs(spans) do
    if hit.from >= span.from and hit.to <= span.to then return true end
  end
  return false
end

--- Every match that no allowed phrase covers, of one text.
local function matches_in(field, text, matchers, out)
  if text == "" then return end
  local innocent
  for _, category in ipairs(matchers.categories) do
    for _, hit in ipairs(category.words:find(text)) do
      innocent = innocent or matchers.allow:find(text)
      if not inside(hit, innocent) then
        out[#out + 1] = { category = category.name, word = hit.word, field = field, decision = category.decision,
          confidence = category.confidence }
      end
    end
  end
end

local function worst_of(matches)
  local worst = matches[1]
  for _, m in ipairs(matches) do
    if m.decision ~= worst.decision then
      if m.decision == "rejected" then worst = m end
    elseif m.confidence > worst.confidence then worst = m end
  end
  return worst
end

local function judge(ctx, subject)
  if subject.kind ~= "share" then return nil end
  local matchers = compiled[ctx.config]
  if not matchers then
    matchers = compile(ctx.config)
    compiled[ctx.config] = matchers
  end
  local matches = {}
  matches_in("title", subject.title, matchers, matches)
  matches_in("description", subject.description, matchers, matches)
  for _, tag in ipairs(subject.tags) do matches_in("tags", tag, matchers, matches) end
  if #matches == 0 then return nil end
  local worst, reasons, told = worst_of(matches), {}, {}
  for _, m in ipairs(matches) do
    local reason = ("the %s contains %q (%s)"):format(m.field, m.word, m.category)
    if not told[reason] and #reasons < 20 then reasons[#reasons + 1] = reason end
    told[reason] = true
  end
  return { decision = worst.decision, category = worst.category, confidence = worst.confidence, reasons = reasons,
           data = { matches = matches } }
end

return { hooks = { judge = judge } }
