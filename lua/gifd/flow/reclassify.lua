--- flow/reclassify: what was counted by rules that have changed is judged again, and sums follow.
--
-- A row is judged by the text of its asker (flow/askers); one without such a text, by the rule that it was counted by.
-- What a row was taken for because of what happened (HEAD, a burst, played in a page) it stays, unless its asker is now
-- known to be a program. What was reported stays reported.
local askers = require "gifd.flow.askers"
local event_model = require "gifd.model.event"
local evidence = require "gifd.flow.evidence"
local kinds = require "gifd.model.event_kinds"
local rules = require "gifd.flow.evidence_rules"

local M = {}

--- By events, not by what the asker says of itself.
local happened = { [kinds.PLAYED] = true, [rules.HEAD] = true, [rules.BURST] = true, [rules.HEADS] = true,
  [rules.NO_MEDIA] = true }

--- kind, texts by ids -> what it is by the rules of now
function M.becomes(kind, texts)
  local type, _, _, reason, asker = kinds.split(kind)
  if reason == kinds.REPORT then return kind end
  local text = texts[asker]
  local bits = text and askers.of_text(text).bits or evidence.bits[reason]
  if not bits then return kind end
  local _, _, verdict = kinds.split(bits)
  if happened[reason] and verdict == 0 then return kind end
  return type + bits + asker * kinds.PAIR
end

--- since: microseconds; dry: only looks -> events, rows that changed (nil when dry), or nil, err
function M.run(since, dry)
  local found, err = gifd.rollup.kinds(since)
  if not found then return nil, err end
  local ids, seen = {}, {}
  for _, row in ipairs(found.rows) do
    local _, _, _, _, asker = kinds.split(row.kind)
    if asker > 0 and not seen[asker] then ids[#ids + 1], seen[asker] = asker, true end
  end
  local texts, texts_err = event_model.askers(ids)
  if not texts then return nil, texts_err end
  local changes, events = {}, 0
  for _, row in ipairs(found.rows) do
    local becomes = M.becomes(row.kind, texts)
    if becomes ~= row.kind then
      changes[#changes + 1], events = { 0, row.kind, becomes }, events + row.n
    end
  end
  if dry or not changes[1] then return events, 0 end
  local revised, revise_err = gifd.rollup.revise(since, changes, kinds.counted, false)
  if not revised then return nil, revise_err end
  return events, revised.result
end

return M
