--- jobs/runner: the runner's background task: queue, folding of counts and sweeps side by side, until the generation
-- drains.
local askers = require "gifd.flow.askers"
local audit = require "gifd.flow.audit"
local bursts = require "gifd.jobs.bursts"
local counts = require "gifd.jobs.counts"
local facts = require "gifd.jobs.facts"
local orphans = require "gifd.jobs.orphans"
local purges = require "gifd.jobs.purges"
local queue = require "gifd.jobs.queue"
local sight = require "gifd.sight"
local rollup = require "gifd.jobs.rollup"
local signing = require "gifd.flow.signing"
local spans = require "gifd.flow.spans"
local sweep = require "gifd.jobs.sweep"

--- The audit log says which configuration, host code and plugins serve from now on.
local function enter()
  local facts_now = gifd.health.facts()
  local done, err = audit.generation(facts_now.digest, facts_now.generation)
  if not done and err.code ~= "cancelled" then
    gifd.log.error("audit.generation", { code = err.code, error = tostring(err.message) })
  end
end

return function(app)
  return function()
    sight.tell(app.settings)
    enter()
    local watched = bursts.watch(app.settings.events.settle)
    local parts = {
      gifd.task.spawn(function() queue.run(app) end),
      gifd.task.spawn(function()
        counts.run(askers, watched and function(slots) bursts.feed(watched, slots) end)
      end),
      gifd.task.spawn(function() sweep.run(app) end),
      gifd.task.spawn(function() rollup.run(app) end),
      gifd.task.spawn(function() purges.run(app) end),
      gifd.task.spawn(function() orphans.run(app) end),
      gifd.task.spawn(function() facts.run(app) end),
      gifd.task.spawn(signing.watch),
      gifd.task.spawn(function() spans.run(app) end),
    }
    if watched then parts[#parts + 1] = gifd.task.spawn(function() bursts.run(watched) end) end
    for _, part in ipairs(parts) do part:wait() end
  end
end
