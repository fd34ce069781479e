--- jobs/runner: the runner's background task: queue, click folding and sweeps side by side, until the generation
-- drains.
local clicks = require "gifd.jobs.clicks"
local queue = require "gifd.jobs.queue"
local sweep = require "gifd.jobs.sweep"

return function(app)
  return function()
    local parts = {
      gifd.task.spawn(function() queue.run(app) end),
      gifd.task.spawn(function() clicks.run() end),
      gifd.task.spawn(function() sweep.run(app) end),
    }
    for _, part in ipairs(parts) do part:wait() end
  end
end
