--- flow/near: keeps an index of hashes (gifd.near) a copy of rows. Rows are the truth; any process brings the index up
-- to date, and it is made again from them when it was lost.
--
-- source = { index = "stored"|"listed", since(mark, limit) -> rows { key, hash }, mark; extent() -> count, highest
-- mark }
local PAGE = 1000

local M = {}

--- Brings the index up to date with the rows -> true, or nil, err. Any process may, also several at once.
function M.sync(source)
  local index = source.index
  while true do
    local state, err = gifd.near.state(index)
    if not state then return nil, err end
    local rows, mark = source.since(state.mark, PAGE)
    if not rows then return nil, mark end
    local done = true
    if rows[1] then done, err = gifd.near.append(index, state.mark, rows, mark)
    elseif not state.ready then return gifd.near.ready(index, state.mark) end
    if not done and err.code ~= "conflict" then return nil, err end
    if #rows < PAGE and state.ready then return true end
  end
end

--- Empties the index when it cannot be a copy of these rows: they were restored, or a process ended between the two.
function M.check(source)
  local rows, mark = source.extent()
  local state, err = gifd.near.state(source.index)
  if not rows or not state then return nil, mark or err end
  local before, ahead = source.since(state.mark, PAGE)
  if not before then return nil, ahead end
  if state.mark > mark or #before < PAGE and state.rows + #before ~= rows then return gifd.near.reset(source.index) end
  return true
end

--- A row has gone. When this cannot be, its key is only found in vain, until M.check.
function M.forget(source, key)
  local gone, err = gifd.near.remove(source.index, key)
  if not gone then gifd.log.info("near.forget", { code = err.code }) end
end

return M
