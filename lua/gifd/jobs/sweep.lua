--- jobs/sweep: seeks verdicts that a kill or a failing judge left open, and removes what has run out.
local context = require "gifd.plugin.context"
local job_model = require "gifd.model.job"
local moderate = require "gifd.flow.moderate"
local moment = require "gifd.moment"
local session_model = require "gifd.model.session"

local JUDGE_EVERY, CLEAN_EVERY, JOBS_KEPT = 1, 600, 7 * 86400

local M = {}

local function clean()
  local done, err = session_model.sweep()
  if done then done, err = job_model.sweep(moment.now() - JOBS_KEPT * 1e6) end
  if not done and err.code ~= "cancelled" then
    gifd.log.warn("sweep.clean", { code = err.code, error = tostring(err.message) })
  end
end

function M.run(app)
  local function hook_ctx(plugin, deadline) return context.make(plugin, { deadline = deadline }) end
  local cleaned = 0
  while true do
    moderate.sweep(app, hook_ctx)
    if gifd.time.now() - cleaned >= CLEAN_EVERY then
      clean()
      cleaned = gifd.time.now()
    end
    if not gifd.time.sleep(JUDGE_EVERY) then return end
  end
end

return M
