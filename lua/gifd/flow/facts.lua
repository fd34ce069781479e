--- flow/facts: what an asset looks like, told once: hashes, colours, placeholder; and which others look like it.
--
--   first renditions (or a judge that asks sooner) --gifd.media.look--> asset_facts, asset_hashes --M.sync--> index
--
-- Rows are the truth; the index "stored" is a copy (flow/near).
local fact_model = require "gifd.model.fact"
local near = require "gifd.flow.near"

local M = {}

local source = { index = "stored", since = fact_model.since, extent = fact_model.extent }

local nothing = { hashes = {}, colors = {} }

function M.limits(settings)
  local u = settings.uploads
  return { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline }
end

--- -> look, or nil, err when it may work another time. What cannot be looked at has nothing to be told of.
--- what: its digest, or a draft.
local function look_at(settings, asset, what)
  local limits = M.limits(settings)
  limits.pixels = asset.width * asset.height * asset.frames
  local look, err = gifd.catch(gifd.media.look, what or asset.digest, limits)
  if look then return look end
  gifd.log.info("facts.none", { asset = asset.id or "new", code = err.code, error = tostring(err.message) })
  if err.retryable or err.code == "cancelled" then return nil, err end
  return nothing
end

--- What a draft of these facts looks like -> look, or nil, err
function M.look(settings, draft, facts) return look_at(settings, facts, draft) end

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

--- The index is brought up to date -> true, or nil, err
function M.sync() return near.sync(source) end

--- And is emptied when it cannot be a copy.
function M.check() return near.check(source) end

--- An asset has gone; whoever still finds it asks the rows.
function M.forget(place) near.forget(source, place) end

--- Assets with a picture within `distance` bits of `hash`: { { asset_id, distance }, ... } the nearest first, at most
-- 100; or nil, err (busy while the index is being made). synced: the caller has called M.sync.
function M.near(hash, distance, synced)
  if not synced then M.sync() end -- where it cannot be, somebody else is at it
  local found, err = gifd.near.search("stored", hash, distance)
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
