--- flow/facts: what an asset looks like, told once: hashes, colours, placeholder; and which others look like it.
--
--   first renditions (or a judge that asks sooner) --gifd.media.look--> asset_facts, asset_hashes --M.sync--> index
--
-- Rows are the truth; the index (gifd.near) is a copy that any process brings up to date, and that is made again from
-- them when it was lost.
local fact_model = require "gifd.model.fact"

local PAGE = 1000

local M = {}

local nothing = { hashes = {}, colors = {} }

function M.limits(settings)
  local u = settings.uploads
  return { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline }
end

--- -> look, or nil, err when it may work another time. What cannot be looked at has nothing to be told of.
local function look_at(settings, asset)
  local limits = M.limits(settings)
  limits.pixels = asset.width * asset.height * asset.frames
  local look, err = gifd.catch(gifd.media.look, asset.digest, limits)
  if look then return look end
  gifd.log.info("facts.none", { asset = asset.id, code = err.code, error = tostring(err.message) })
  if err.retryable or err.code == "cancelled" then return nil, err end
  return nothing
end

--- Statements for the batch that ends the first renditions; none when the facts are known. What fails for now is left
-- to jobs/facts.
function M.statements(settings, asset)
  local known = fact_model.hashes(asset.id)
  if known ~= false then return {} end
  local look = look_at(settings, asset)
  return look and fact_model.statements(asset.id, look) or {}
end

--- Looks at it now, if nobody has -> hashes, or nil, err
function M.hashes(settings, asset)
  local known, err = fact_model.hashes(asset.id)
  if known ~= false then return known, err end
  local look, look_err = look_at(settings, asset)
  if not look then return nil, look_err end
  local done, write_err = gifd.db.batch(fact_model.statements(asset.id, look))
  if not done then return nil, write_err end
  M.sync() -- soon enough for the next upload; when it cannot be, jobs/facts does it
  return look.hashes
end

--- Brings the index up to date with the rows -> true, or nil, err. Any process may, also several at once.
function M.sync()
  while true do
    local state, err = gifd.near.state()
    if not state then return nil, err end
    local rows, mark = fact_model.since(state.mark, PAGE)
    if not rows then return nil, mark end
    local done = true
    if rows[1] then done, err = gifd.near.append(state.mark, rows, mark)
    elseif not state.ready then return gifd.near.ready(state.mark) end
    if not done and err.code ~= "conflict" then return nil, err end
    if #rows < PAGE and state.ready then return true end
  end
end

--- Empties the index when it cannot be a copy of these rows: they were restored, or a process ended between the two.
function M.check()
  local rows, mark = fact_model.extent()
  local state, err = gifd.near.state()
  if not rows or not state then return nil, mark or err end
  local before, ahead = fact_model.since(state.mark, PAGE)
  if not before then return nil, ahead end
  if state.mark > mark or #before < PAGE and state.rows + #before ~= rows then return gifd.near.reset() end
  return true
end

--- An asset has gone. When this cannot be, it is only not found (M.near asks the rows), until M.check.
function M.forget(place)
  local gone, err = gifd.near.remove(place)
  if not gone then gifd.log.info("near.forget", { code = err.code }) end
end

--- Assets with a picture within `distance` bits of `hash`: { { asset_id, distance }, ... } the nearest first, at most
-- 100; or nil, err (busy while the index is being made)
function M.near(hash, distance)
  local found, err = gifd.near.search(hash, distance)
  if not found then return nil, err end
  local keys, out = {}, {}
  for i, f in ipairs(found) do keys[i] = f.key end
  local ids, ids_err = fact_model.assets(keys)
  if not ids then return nil, ids_err end
  for _, f in ipairs(found) do
    if ids[f.key] then out[#out + 1] = { asset_id = ids[f.key], distance = f.distance } end
  end
  return out
end

return M
