--- flow/askers: who asked, by the number that stands in a key of the tally (model/count), judged once each.
--
--   below 32   a class of client that C has found (flow/evidence): where the shared memory has no room for a text
--   others     a text (core/script/caller.h): FLAGS \n FROM \n USER-AGENT; flag p: fetched ahead of need; FROM:
--              "via:WORD HOST", a host, or "/..." of this server, with the path of the share page it came from
--
-- Rows of events keep the text too, but for that path (model/count), so that they can be judged again by other rules.
local evidence = require "gifd.flow.evidence"
local kinds = require "gifd.model.event_kinds"
local referrers = require "gifd.flow.referrers"

local OWN, KNOWN_MAX, AGENT_MAX = 32, 4096, 400

local M = {}

--- What the C of a generation is told (core/script/caller.h).
M.pages = "/s/"

local function bits_of(verdict, reason, platform, from)
  local found = kinds.platform_numbers[platform]
  if verdict == 0 and (not found or platform == "web") then
    found = kinds.platform_numbers[referrers.platform(from)] or found
  end
  return kinds.kind(0, found or 0, verdict, reason)
end

local function of_text(text)
  local flags, from, agent = text:match("^(%l*)\n([^\n]*)\n(.*)$")
  if not flags then return { bits = kinds.kind(0, 1, 0), head = kinds.kind(0, 1, kinds.PREVIEW, evidence.HEAD) } end
  local ahead = flags:find("p", 1, true) ~= nil
  local verdict, platform, reason = evidence.judge_agent("GET", agent, ahead)
  local head_verdict, head_platform, head_reason = evidence.judge_agent("HEAD", agent, ahead)
  local path = from:sub(1, 1) == "/"
  return { bits = bits_of(verdict, reason, platform, from), verdict = verdict, agent = agent,
    head = bits_of(head_verdict, head_reason, head_platform, from), page = from:match("^/s/([%w_-]+)"),
    text = path and flags .. "\n/\n" .. agent or text }
end

--- The text of who asks from a page of this server
function M.own_text(agent) return "\n/\n" .. agent:sub(1, AGENT_MAX) end

local known, count = {}, 0

--- What is known of who has this text -> { bits (platform, verdict and reason as they stand in a kind), head (the same
-- of a HEAD), verdict, agent, page (code of a share, or nil), text (as it is kept) }
function M.of_text(text)
  local found = known[text]
  if found then return found end
  if count == KNOWN_MAX then known, count = {}, 0 end
  found = of_text(text)
  known[text], count = found, count + 1
  return found
end

local classes = {}
for class = 0, OWN - 1 do
  local verdict = evidence.class_verdicts[class] or 0
  local platform = class == 0 and "web" or evidence.class_platforms[class]
  classes[class] = { bits = bits_of(verdict, evidence.class_reasons[class] or 0, platform, ""), verdict = verdict }
  classes[class].head = class > 0 and classes[class].bits or bits_of(kinds.PREVIEW, evidence.HEAD, "other", "")
end

--- The same by a number
function M.of(asker)
  if asker < OWN then return classes[asker] end
  local text = gifd.tally.asker(asker)
  return text and M.of_text(text) or classes[0]
end

return M
