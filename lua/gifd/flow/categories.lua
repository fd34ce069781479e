--- flow/categories: the few words for what is wrong with a thing, and what judges' own words mean in them.
local M = {}

M.list = { "safe", "nsfw", "graphic_violence", "hate_speech", "illegal", "spam", "unknown" }

--- What a page says of a thing that was refused, in general terms.
M.said = {
  nsfw = "It shows or describes adult content.",
  graphic_violence = "It shows or describes violence.",
  hate_speech = "It attacks people for who they are.",
  illegal = "It may be against the law.",
  spam = "It looks like advertising.",
  unknown = "It does not fit the rules of this site.",
}

local known, unsafe = {}, {}
for _, name in ipairs(M.list) do
  known[name] = true
  unsafe[name] = name ~= "safe" and name ~= "unknown"
end

--- Judge -> its own word -> ours. Whatever is not here, is not one of ours, and not in config.lua
-- (moderation.categories) is "unknown".
M.judges = {
  ["ai-safety"] = {
    sexual = "nsfw", ["sexual/minors"] = "illegal", violence = "graphic_violence",
    ["violence/graphic"] = "graphic_violence", ["self-harm"] = "graphic_violence",
    ["self-harm/intent"] = "graphic_violence", ["self-harm/instructions"] = "graphic_violence", hate = "hate_speech",
    ["hate/threatening"] = "hate_speech", harassment = "hate_speech", ["harassment/threatening"] = "hate_speech",
    illicit = "illegal", ["illicit/violent"] = "illegal",
  },
}

function M.known(name) return known[name] == true end

function M.unsafe(name) return unsafe[name] == true end

--- own: of config.lua, judge -> word -> ours
function M.of(own, judge, word)
  if not word then return "unknown" end
  local mine, theirs = own and own[judge], M.judges[judge]
  local mapped = mine and mine[word] or theirs and theirs[word] or word
  return known[mapped] and mapped or "unknown"
end

return M
