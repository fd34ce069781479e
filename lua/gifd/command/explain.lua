--- command/explain: gifd moderate explain TEXT: what the judge of words says of a title, and which rule matched where.
-- Nothing is written; no server is needed.
local context = require "gifd.plugin.context"
local hooks = require "gifd.plugin.hooks"

local JUDGE = "moderation-words"
local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function complain(code, fmt, ...)
  gifd.console.error("gifd moderate: " .. fmt:format(...) .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function entry_of(app)
  for _, entry in ipairs(app.registry.hooks.judge or {}) do
    if entry.plugin.name == JUDGE then return entry end
  end
end

local function ctx_of(plugin, deadline) return context.make(plugin, { request_id = "explain", deadline = deadline }) end

local function told(ballot)
  local out = gifd.json.array {}
  for i, m in ipairs(ballot and ballot.data.matches or {}) do
    out[i] = { rule = m.rule, category = m.category, decision = m.decision, confidence = m.confidence,
      field = m.field, from = m.from, to = m.to, text = m.text, list = m.list }
  end
  if not ballot then return { decision = "approved", category = "safe", confidence = 1, matches = out } end
  return { decision = ballot.decision, category = ballot.category, confidence = ballot.confidence, matches = out }
end

return function(app, words, options)
  if not words[1] or words[2] then return complain(USAGE, "explain takes one TEXT, in quotes") end
  local entry = entry_of(app)
  if not entry then return complain(NOT_FOUND, "the plugin %s is not loaded", JUDGE) end
  local subject = { kind = "share", title = words[1], description = "", tags = {}, visibility = "public" }
  local ballot = hooks.vote({ entry }, ctx_of, function() return subject end)[1]
  if ballot and ballot.failed then return complain(FAILED, "%s", tostring(ballot.failed.message)) end
  local answer = told(ballot)
  if options.json then
    write("%s", gifd.json.encode(answer))
    return OK
  end
  write("%s, %s (%.2f)", answer.decision, answer.category, answer.confidence)
  for _, m in ipairs(answer.matches) do
    write("  %d-%d\t%s\trule %s\t%s, %s (%.2f)\tlist %s", m.from, m.to, (m.text:gsub("%c", " ")), m.rule, m.category,
      m.decision, m.confidence, m.list)
  end
  return OK
end
