--- flow/outage: a judge that cannot be reached is one alarm, not a thousand reviews.
--
--   fails for now, at `things` different things in a row --> open: one alarm; nobody asks it but a probe now and then,
--   and what it has not judged waits, past its own deadline --a probe succeeds--> all that waits is looked at again
--
-- The state is a row (model/outage), so that all processes hold the same. settings.moderation.outage bounds the wait.
local model = require "gifd.model.outage"

local M = {}

local gauges = {}

local function show(judge, value)
  gauges[judge] = gauges[judge] or gifd.metric.gauge("judge_out", { judge = judge })
  if gauges[judge] then gauges[judge]:set(value) end
end

M.all = model.all

--- Which judge is not to be asked now -> the ballot that stands for it, or nil: ask.
function M.ballot(settings, known, plugin)
  local outage = known[plugin.name]
  if not outage or not outage.open then return nil end
  show(plugin.name, 1) -- the row outlives the numbers, which begin anew when gifd starts
  if model.probe(plugin.name, settings.moderation.probe) then return nil end
  return { judge = plugin.name, version = plugin.version, out = true, standing = true,
    failed = { code = "closed", retryable = true, message = "it is out of order" } }
end

local function passes(ballot) return ballot.failed and ballot.failed.retryable end

--- What was learned of judges by asking them about one thing. known: of M.all
function M.learn(settings, known, ballots, thing)
  for _, ballot in ipairs(ballots) do
    local outage = known[ballot.judge]
    if passes(ballot) then
      ballot.out = outage and outage.open or nil
      if model.failed(ballot.judge, thing, settings.moderation.probe) then
        ballot.out = true
        show(ballot.judge, 1)
        gifd.log.error("judge.outage", { judge = ballot.judge, code = ballot.failed.code,
          error = tostring(ballot.failed.message), hint = "what it has not judged waits for it" })
      end
    elseif outage and model.back(outage) then
      show(ballot.judge, 0)
      gifd.log.info("judge.back", { judge = ballot.judge })
    end
  end
end

return M
