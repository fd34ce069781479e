--- jobs/counts: every second, what was counted in shared memory is written into rows (model/count has the protocol).
local count = require "gifd.model.count"

local BATCH = 2000

local M = {}

--- Slots to fold, and slots to let go: state remembers which did not move since the last fold.
local function due(listing, marks, state)
  local slots, idle = {}, {}
  for _, s in ipairs(listing.slots) do
    local mark = marks[s.slot] and marks[s.slot].key == s.key and marks[s.slot].mark or 0
    if s.frozen then idle[#idle + 1] = s -- its whole count is in the row already
    elseif s.count > mark then slots[#slots + 1] = { slot = s.slot, key = s.key, count = s.count, mark = mark }
    elseif state.last[s.slot] == s.count then idle[#idle + 1] = s end
    state.last[s.slot] = s.count
  end
  return slots, idle
end

--- Calls fn with a part of the list at a time, until one fails.
local function in_parts(list, fn)
  for first = 1, #list, BATCH do
    local part = {}
    for i = first, math.min(first + BATCH - 1, #list) do part[#part + 1] = list[i] end
    local done, err = fn(part)
    if not done then return nil, err end
  end
  return true
end

--- written(slots), if given, hears of what is in rows now.
local function fold(epoch, slots, askers, written)
  return in_parts(slots, function(part)
    local done, err = count.fold(epoch, part, askers)
    if done and written then written(part) end
    return done, err
  end)
end

--- Frozen, unmarked, freed: a kill between any two of these leaves a frozen slot, which the next runner finishes.
local function release(epoch, idle)
  return in_parts(idle, function(part)
    local frozen = {}
    for _, s in ipairs(part) do
      if gifd.tally.freeze(s.slot, s.count) then frozen[#frozen + 1] = s.slot end
    end
    if #frozen == 0 then return true end
    local done, err = count.unmark(epoch, frozen)
    if not done then return nil, err end
    for _, slot in ipairs(frozen) do gifd.tally.free(slot) end
    return true
  end)
end

function M.once(state, askers, written)
  local listing = gifd.tally.list()
  if state.epoch ~= listing.epoch then
    local done, err = count.forget_other_epochs(listing.epoch)
    if not done then return nil, err end
    state.epoch, state.last = listing.epoch, {}
  end
  if #listing.slots == 0 then return true end
  local marks, err = count.marks(listing.epoch)
  if not marks then return nil, err end
  local slots, idle = due(listing, marks, state)
  local done, fold_err = fold(listing.epoch, slots, askers, written)
  if not done then return nil, fold_err end
  return release(listing.epoch, idle)
end

--- Until the generation drains. What is counted after the last fold stays in the segment for the next runner.
function M.run(askers, written)
  local state = { last = {} }
  while true do
    local done, err = M.once(state, askers, written)
    if not done and err.code ~= "cancelled" then
      gifd.log.warn("counts.fold", { code = err.code, error = tostring(err.message) })
    end
    local slept = gifd.time.sleep(1)
    if not slept then return end
  end
end

--- settle (a command of the server's own): writes all that was counted into rows, when nobody counts any more and the
-- shared memory is about to be made anew in another layout -> exit code
function M.settle(askers)
  local listing = gifd.tally.list()
  local marks, err = count.marks(listing.epoch)
  local done = marks
  if marks then done, err = fold(listing.epoch, (due(listing, marks, { last = {} })), askers) end
  if done then return 0 end
  gifd.log.error("counts.settle", { code = err.code, error = tostring(err.message) })
  return 1
end

return M
