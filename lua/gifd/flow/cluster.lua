--- flow/cluster: assets that are nearly the same picture as one, so that what is decided of it may be decided of them.
--
-- Another asset belongs to it when at least half of the pictures of whichever has fewer are within DISTANCE bits of the
-- other's: one title card in common does not make two films the same. Only those that are near the asset itself, not
-- those that are near these: a chain of small changes leads anywhere.
local fact_model = require "gifd.model.fact"
local facts = require "gifd.flow.facts"

local DISTANCE = 31

local M = {}

--- How many of another's pictures there are, to compare with how many were met.
local function belongs(id, met, own)
  local theirs, err = fact_model.hashes(id)
  if theirs == nil then return nil, err end
  local fewer = math.max(1, math.min(own, theirs and #theirs or own))
  return met * 2 >= fewer
end

--- -> { { asset_id, distance }, ... } without the asset itself, the nearest first, at most 100; or nil, err (busy while
-- the index of hashes is being made). distance: bits of the nearest pictures.
function M.members(asset_id)
  local hashes, err = fact_model.hashes(asset_id)
  if hashes == nil then return nil, err end
  local met, least, order, out = {}, {}, {}, {}
  for _, h in ipairs(hashes or {}) do
    local found, near_err = facts.near(h.hash, DISTANCE)
    if not found then return nil, near_err end
    for _, f in ipairs(found) do
      if f.asset_id ~= asset_id then
        if not met[f.asset_id] then order[#order + 1] = f.asset_id end
        met[f.asset_id] = (met[f.asset_id] or 0) + 1
        least[f.asset_id] = math.min(least[f.asset_id] or DISTANCE, f.distance)
      end
    end
  end
  for _, id in ipairs(order) do
    local member, member_err = belongs(id, met[id], #hashes)
    if member == nil then return nil, member_err end
    if member then out[#out + 1] = { asset_id = id, distance = least[id] } end
  end
  table.sort(out, function(a, b)
    if a.distance ~= b.distance then return a.distance < b.distance end
    return a.asset_id < b.asset_id
  end)
  for i = #out, 101, -1 do out[i] = nil end
  return out
end

return M
