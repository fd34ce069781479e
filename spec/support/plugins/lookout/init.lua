--- lookout: flags what looks like an asset that is there already, and says by how many bits it differs.
local function nearest(hashes, own_id)
  local best
  for _, h in ipairs(hashes) do
    local found, err = gifd.media.near(h.hash, 64)
    if not found then return nil, err end
    for _, one in ipairs(found) do
      if one.asset_id ~= own_id and (not best or one.distance < best.distance) then best = one end
    end
  end
  return best or false
end

local function judge(ctx, subject)
  if subject.kind ~= "asset" then return nil end
  local hashes, err = subject.hashes()
  if not hashes then return nil, err end
  local frames, frames_err = subject.frames { count = ctx.config.frames, width = 64 }
  if not frames then return nil, frames_err end
  local times = {}
  for i, frame in ipairs(frames) do
    times[i] = ("%.2f %s %dx%d %d"):format(frame.at, frame.type, frame.width, frame.height, #frame.bytes)
  end
  ctx.log.info("looked", { hashes = #hashes, frames = table.concat(times, ", "), known = subject.facts.hashes ~= nil })
  local known, near_err = nearest(hashes, subject.id)
  if known == nil then return nil, near_err end
  if not known then return { decision = "approved" } end
  return { decision = "flagged", reasons = { ("%s differs by %d bits"):format(known.asset_id, known.distance) } }
end

return { hooks = { judge = judge } }
