--- moderation-hash: a judge of assets by likeness. What looks like something that was rejected goes to a person, or is
-- rejected too. What is on the lists of hashes itself never gets here: those are the host's, and speak before judges.

local states = { rejected = true, quarantined = true }

--- The nearest rejected asset that has one of these pictures -> { asset_id, distance, category }, or nil; or nil, err
local function nearest(ctx, subject, hashes)
  local best, known = nil, {}
  for _, h in ipairs(hashes) do
    local found, err = gifd.media.near(h.hash, ctx.config.distance)
    if not found then return nil, err end
    for _, f in ipairs(found) do
      local id = f.asset_id
      if id ~= subject.id and (not best or f.distance < best.distance) then
        if known[id] == nil then
          local asset, asset_err = gifd.assets.find(ctx, id)
          if asset == nil then return nil, asset_err end
          known[id] = asset and states[asset.state] or false
        end
        if known[id] then best = { asset_id = id, distance = f.distance } end
      end
    end
  end
  return best
end

local function judge(ctx, subject)
  if subject.kind ~= "asset" then return nil end
  local hashes, err = subject.hashes()
  if not hashes then return nil, err end
  local like, near_err = nearest(ctx, subject, hashes)
  if not like then return nil, near_err end
  return { decision = ctx.config.decision, category = "unknown", data = like,
    reasons = { ("it looks like %s, which was rejected: %d of 256 bits differ"):format(like.asset_id, like.distance) } }
end

return { hooks = { judge = { run = judge, slow = true } } }
