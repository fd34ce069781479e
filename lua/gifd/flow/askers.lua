--- flow/askers: who asked, by the number that stands in a key of the tally (model/count): the class of client and of
-- referrer that C has found (flow/evidence, flow/referrers).
local evidence = require "gifd.flow.evidence"
local kinds = require "gifd.model.event_kinds"
local referrers = require "gifd.flow.referrers"

local CLASSES = 32

local M = {}

local platforms = kinds.platforms_of(evidence.class_platforms, referrers.names)

--- What an event of this asker is, but for its type: platform, verdict and reason as they stand in a kind
function M.bits(asker)
  local client, referrer = asker % CLASSES, math.floor(asker / CLASSES)
  if client > 0 then
    return kinds.kind(0, platforms.clients[client], evidence.class_verdicts[client], evidence.class_reasons[client])
  end
  return kinds.kind(0, platforms.referrers[referrer] or 1, 0)
end

return M
