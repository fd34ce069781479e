--- jobs/ladder: one job of the queue: the renditions of one asset.
local renditions = require "gifd.flow.renditions"

return { run = renditions.climb, failed = renditions.give_up }
