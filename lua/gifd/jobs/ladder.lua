--- jobs/ladder: kinds of job of the queue that make renditions of one asset: `ladder` with its upload, `renditions`
-- what was asked for.
local renditions = require "gifd.flow.renditions"

return {
  ladder = { run = renditions.climb, failed = renditions.give_up },
  renditions = { run = renditions.render, failed = renditions.give_up_render },
}
