--- jobs/judge: one job of the queue: slow judges of one subject, after whoever uploaded has had an answer.
local asset_model = require "gifd.model.asset"
local job_model = require "gifd.model.job"
local moderate = require "gifd.flow.moderate"
local share_model = require "gifd.model.share"

local M = {}

local function row_of(payload)
  if payload.kind == "asset" then return asset_model.find(payload.id) end
  return share_model.by_id(payload.id)
end

--- What a judge failed to say is for the verdict to tell; so there is no end to attempts here.
function M.attempts() return math.huge end

function M.run(app, job, ctx_of)
  local row, err = row_of(job.payload)
  if row == nil then return nil, err end
  local complete = job_model.complete_statement(job)
  if not row or row.verdict ~= "pending" then return gifd.db.batch { complete } end
  local done, changed = moderate.run(app, ctx_of, { { kind = job.payload.kind, row = row } },
    { slow = true, lost = job.attempts > app.settings.jobs.attempts, also = complete })
  if done and not changed then return true end
  local message = done and "the words changed meanwhile" or tostring(changed.message or changed.code)
  return job_model.retry(job, done and 0 or 5, message)
end

return M
