--- jobs/orphans: removes assets that nobody shares any more and, after them, the blobs that no row names.
--
-- Rows go first, in one transaction for each asset; then bytes, which gifd.blob.drop takes only when nobody has
-- committed them for an hour. A kill between any two steps leaves at most a blob for the next look.
local audit = require "gifd.flow.audit"
local events = require "gifd.flow.events"
local facts = require "gifd.flow.facts"
local moment = require "gifd.moment"
local orphan = require "gifd.model.orphan"
local purge = require "gifd.flow.purge"

local MOST, LEAST = 600, 1  -- seconds between two looks
local SOON = 10             -- seconds from the start to the first one
local AT_ONCE, PAUSE = 20, 0.01
local TOLD = 200            -- shares of one asset that on_delete is told of

local M = {}

local function pause() return gifd.time.sleep(PAUSE) end

local function mark()
  local place = 0
  repeat
    local err
    place, err = orphan.mark(place)
    if place == nil then return nil, err end
  until not place or not pause()
  return true
end

--- What else the transaction writes: caches and plugins are told.
local function further(app, id)
  local calls = { purge.asset_call(id) }
  local shares, err = orphan.shares(id, TOLD)
  if not shares then return nil, err end
  local codes = {}
  for i, share in ipairs(shares) do
    codes[i] = share.code
    events.add(app, calls, "on_delete", { code = share.code, asset_id = id, account_id = share.account_id })
  end
  audit.add(app, calls, { action = "asset.remove", kind = "asset", subject = id,
    detail = { reason = "unshared", shares = gifd.json.array(codes) } })
  return calls
end

local function assets(app, grace)
  local removed, before = 0, moment.now() - math.floor(grace * 1e6)
  while true do
    local due, err = orphan.due(before, AT_ONCE)
    if not due then return nil, err end
    for _, asset in ipairs(due) do
      local calls, calls_err = further(app, asset.id)
      if not calls then return nil, calls_err end
      local done, remove_err = orphan.remove(asset.id, before, calls)
      if done == nil then return nil, remove_err end
      if done then
        purge.asset(nil, asset.id)
        facts.forget(asset.place)
        removed = removed + 1
      end
    end
    if #due < AT_ONCE or not pause() then return removed end
  end
end

local function blobs()
  local removed, at = 0, 0
  while at do
    local digests, next_at = gifd.blob.at_rest(at)
    if not digests then return nil, next_at end
    local unnamed, err = orphan.unnamed(digests)
    if not unnamed then return nil, err end
    for _, digest in ipairs(unnamed) do
      local gone, drop_err = gifd.blob.drop(digest)
      if gone == nil then return nil, drop_err end
      if gone then removed = removed + 1 end
    end
    at = next_at
    if not pause() then break end
  end
  return removed
end

--- One look at everything -> true, or nil, err
function M.once(app)
  local grace = app.settings.retention.unshared
  local done, err = mark()
  if not done then return nil, err end
  local assets_gone, assets_err = assets(app, grace)
  if not assets_gone then return nil, assets_err end
  local blobs_gone, blobs_err = blobs()
  if not blobs_gone then return nil, blobs_err end
  if assets_gone + blobs_gone > 0 then
    gifd.log.info("orphans.removed", { assets = assets_gone, blobs = blobs_gone })
  end
  return true
end

--- Until the generation drains.
function M.run(app)
  local every = math.max(LEAST, math.min(MOST, app.settings.retention.unshared / 4))
  local seconds = math.min(SOON, every)
  while gifd.time.sleep(seconds) do
    local done, err = M.once(app)
    if not done and err.code == "cancelled" then return end
    if not done then gifd.log.warn("orphans.look", { code = err.code, error = tostring(err.message) }) end
    seconds = every
  end
end

return M
