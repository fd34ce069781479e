--- rules: the text form of a list -> entries, or what is wrong with which line.
--
--   # a comment
--   [nsfw rejected 0.95]          category, what a match means, how sure that is
--   porn*, nude, "18+"            entries, by commas; a star: whatever begins so
--   nipple = flagged 0.6          one that is of its own severity
--   [allow]                       phrases in which a listed word is innocent
local M = {}

local ENTRY_MAX, ENTRIES_MAX, FAULTS_MAX = 100, 20000, 5
local categories = { nsfw = true, graphic_violence = true, hate_speech = true, illegal = true, spam = true,
  unknown = true }
local decisions = { rejected = true, flagged = true }

local function severity(decision, confidence)
  local sure = tonumber(confidence)
  if not decisions[decision] then return nil, ("%q must be rejected or flagged"):format(decision) end
  if not sure or not (sure >= 0 and sure <= 1) then
    return nil, ("%q must be a number from 0 to 1"):format(confidence)
  end
  return { decision = decision, confidence = sure }
end

local function section(text)
  if text == "allow" then return { allow = true } end
  local category, decision, confidence = text:match("^([%l_]+)%s+(%a+)%s+(%S+)$")
  if not category then return nil, "a section is [allow] or [CATEGORY rejected|flagged CONFIDENCE]" end
  if not categories[category] then return nil, ("there is no category %q"):format(category) end
  local out, why = severity(decision, confidence)
  if out then out.category = category end
  return out, why
end

local function add_entry(out, text, held, own)
  if text == "" then return "an entry is empty" end
  if #text > ENTRY_MAX then return ("an entry has more than %d bytes"):format(ENTRY_MAX) end
  if not gifd.text.valid_utf8(text) then return "an entry is no UTF-8" end
  if #out.rules + #out.allow >= ENTRIES_MAX then return ("there are more than %d entries"):format(ENTRIES_MAX) end
  if not pcall(gifd.text.words, { text }, true) then return ("%q has no letter, or too many"):format(text) end
  if held.allow then
    if own then return "what is allowed has no severity" end
    out.allow[#out.allow + 1] = text
  else
    local as = own or held
    out.rules[#out.rules + 1] = { rule = text, category = held.category, decision = as.decision,
      confidence = as.confidence, list = out.list }
  end
end

local function add_line(out, line, held)
  local own, why
  local entries, decision, confidence = line:match("^(.-)%s*=%s*(%S+)%s+(%S+)$")
  if entries then
    own, why = severity(decision, confidence)
    if not own then return why end
  elseif line:find("=", 1, true) then return "an entry's own severity is written: WORD = flagged 0.6" end
  for text in ((entries or line):gsub(",%s*$", "") .. ","):gmatch("([^,]*),") do
    why = add_entry(out, gifd.text.trim(text), held, own)
    if why then return why end
  end
end

--- list: the name that matches carry -> { rules, allow }, or nil and text: one line for each of the first faults
function M.parse(text, list)
  local out, faults, held, number = { rules = {}, allow = {}, list = list }, {}, nil, 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    line = gifd.text.trim((line:gsub("^#.*", ""):gsub("%s#.*", "")))
    local head, why = line:match("^%[(.*)%]$"), nil
    if head then
      held, why = section(head)
      held = held or { allow = true } -- what follows is not told too
    elseif line ~= "" and not held then why = "stands before the first section"
    elseif line ~= "" then why = add_line(out, line, held) end
    if why then
      faults[#faults + 1] = ("%s:%d: %s"):format(list, number, why)
      if #faults == FAULTS_MAX then break end
    end
  end
  if faults[1] then return nil, table.concat(faults, "; ") end
  return out
end

return M
