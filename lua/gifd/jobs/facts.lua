--- jobs/facts: keeps the indexes of hashes copies of their rows, and looks at what nobody has looked at yet: assets
-- from before there were facts, and those whose look failed for a reason that passes.
local asset_model = require "gifd.model.asset"
local fact_model = require "gifd.model.fact"
local facts = require "gifd.flow.facts"
local listed = require "gifd.flow.listed"
local near = require "gifd.flow.near"

local FIRST, EVERY, PAUSE, AGAIN = 3, 1, 0.05, 3600 -- seconds: before a look, between syncs, looks, rounds over all

local M = {}

local function told(done, err)
  if done or err.code == "cancelled" or err.code == "busy" or err.code == "conflict" then return done end
  gifd.log.warn("facts.index", { code = err.code, error = tostring(err.message) })
end

local function keep_index()
  told(facts.check())
  told(near.check(listed.source))
  repeat
    told(facts.sync())
    told(near.sync(listed.source))
  until not gifd.time.sleep(EVERY)
end

--- One round over all assets.
local function look_at_missing(app)
  local place = 0
  repeat
    local ids, next_place = fact_model.missing(place)
    if not ids then return told(nil, next_place) end
    for _, id in ipairs(ids) do
      local asset = asset_model.find(id)
      if asset then told(facts.hashes(app.settings, asset)) end
      if not gifd.time.sleep(PAUSE) then return end
    end
    place = next_place
  until not place or not gifd.time.sleep(PAUSE)
end

--- Until the generation drains.
function M.run(app)
  local index = gifd.task.spawn(keep_index)
  while gifd.time.sleep(FIRST) do
    look_at_missing(app)
    if not gifd.time.sleep(AGAIN) then break end
  end
  index:wait()
end

return M
