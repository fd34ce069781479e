--- jobs/sweep: seeks verdicts that a kill or a failing judge left open, and removes what has run out.
local account_flow = require "gifd.flow.account"
local audit = require "gifd.flow.audit"
local context = require "gifd.plugin.context"
local job_list = require "gifd.model.job_list"
local moderate = require "gifd.flow.moderate"
local moment = require "gifd.moment"
local session_model = require "gifd.model.session"

local JUDGE_EVERY, CLEAN_EVERY, AT_ONCE = 1, 60, 2000

local M = {}

local function clean(app)
  local keep = app.settings.retention
  local done, err = session_model.sweep()
  if done then done, err = account_flow.sweep() end
  if done then done, err = audit.sweep() end
  while done do
    done, err = job_list.sweep(moment.now() - keep.jobs * 1e6, keep.jobs_count, AT_ONCE)
    if done and done < AT_ONCE then break end
  end
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
      clean(app)
      cleaned = gifd.time.now()
    end
    if not gifd.time.sleep(JUDGE_EVERY) then return end
  end
end

return M
