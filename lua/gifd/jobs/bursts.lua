--- jobs/bursts: feeds flow/bursts with what is counted, and gives rows that turn out to be another's their kind.
local askers = require "gifd.flow.askers"
local bursts = require "gifd.flow.bursts"
local count = require "gifd.model.count"
local event_model = require "gifd.model.event"
local kinds = require "gifd.model.event_kinds"

local EVERY = 5

local M = {}

--- -> what jobs/counts is to tell of what it has written; or nil when nothing is watched. settle: seconds, 0: off
function M.watch(settle) return settle > 0 and bursts.new(settle) or nil end

--- Slots that were written: array of { key, count, mark }
function M.feed(watched, slots)
  local now = gifd.time.now()
  for _, slot in ipairs(slots) do
    local share, event, who = count.read(slot.key, askers)
    local n = slot.count - slot.mark
    if share and event == "page" then watched:page(share, who, n, now)
    elseif share and event == "head" then watched:head(share, who, n, now)
    elseif share and who.agent then watched:seen(share, who.agent) end
  end
end

local function hear_of_plays(watched, state)
  local last, err = count.last()
  if not last then return nil, err end
  if state.last and last > state.last then
    local plays, plays_err = event_model.plays(state.last)
    if not plays then return nil, plays_err end
    for _, play in ipairs(plays) do watched:seen(play.part, askers.of_text(play.text).agent) end
  end
  state.last = last
  return true
end

--- state = { last (row that was looked at) } -> rows that changed, or nil, err
function M.once(watched, state)
  local heard, err = hear_of_plays(watched, state)
  if not heard then return nil, err end
  local found = watched:changes(gifd.time.now())
  if not found[1] then return 0 end
  local texts, changes, since = {}, {}, math.huge
  for i, change in ipairs(found) do texts[i] = change.text end
  local ids, ids_err = event_model.asker_ids(texts)
  if not ids then return nil, ids_err end
  local click = kinds.type_numbers.click
  for _, change in ipairs(found) do
    local id = ids[change.text]
    if id then
      local from = math.floor((change.since - 1) * 1e6) -- rows have the time of their transaction
      changes[#changes + 1] = { change.share, click + change.was + id * kinds.PAIR,
        click + change.becomes + id * kinds.PAIR, from }
      since = math.min(since, from)
    end
  end
  if not changes[1] then return 0 end
  local revised, revise_err = gifd.rollup.revise(since, changes, kinds.counted, true)
  return revised and revised.result, revise_err
end

function M.run(watched)
  local state = {}
  while true do
    local done, err = M.once(watched, state)
    if not done and err.code ~= "cancelled" then
      gifd.log.warn("bursts.revise", { code = err.code, error = tostring(err.message) })
    end
    if not gifd.time.sleep(math.min(EVERY, watched.settle)) then return end
  end
end

return M
