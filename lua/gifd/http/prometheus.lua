--- http/prometheus: GET /metrics: every number of all processes, as Prometheus text (0.0.4) or OpenMetrics (1.0).
--
-- Open to whoever asks from this machine; others need the scope metrics. Series are made as they are used, so that what
-- never happened is not there.
local exposition = require "gifd.exposition"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"
local problem = require "gifd.http.problem"

local M = {}

--- From this machine, and not passed on by a proxy on it? What headers say can only take the right away.
local function here(req)
  local headers = req.headers
  local passed_on = headers["x-forwarded-for"] or headers["x-real-ip"] or headers.forwarded or headers.via
  return gifd.request.from_here() and not passed_on
end

--- What is not counted but stands somewhere: series like those of gifd.metric.list.
local function standing()
  local out = {}
  local function gauge(name, value, labels)
    out[#out + 1] = { kind = "gauge", name = name, labels = labels or {}, value = value }
  end
  local facts = gifd.health.facts()
  gauge("gifd_build_info", 1, { version = gifd.server.version })
  gauge("gifd_generation", facts.generation)
  gauge("gifd_workers", facts.workers)
  gauge("gifd_media_up", facts.media and 1 or 0)
  gauge("gifd_disk_free_bytes", facts.disk_free)
  local jobs = job_stats.read(job_model.priority_names)
  if jobs then
    gauge("gifd_jobs_active", jobs.active)
    for priority, count in pairs(jobs.waiting) do gauge("gifd_jobs_waiting", count, { priority = priority }) end
    for _, how in ipairs { "parked", "delayed", "blocked" } do gauge("gifd_jobs_" .. how, jobs[how]) end
    for _, what in ipairs { "active", "places", "waiting" } do gauge("gifd_media_" .. what, jobs.media[what]) end
    gauge("gifd_jobs_oldest_waiting_seconds", jobs.oldest_waiting_seconds)
  end
  return out
end

--- A moment that is 0 is none: of a process that is no more, of a certificate that nobody uses.
local function is_moment(name) return name:find "_timestamp_seconds$" or name:find "_time_seconds$" end

--- A long list is written by turns with what else there is to do.
local function others_first() gifd.time.sleep(0) end

function M.get(_, req, ctx)
  local identity = ctx.identity
  if not here(req) then
    if not identity then return problem.reply(req, 401, "unauthorized", "this needs a token with the scope metrics") end
    if not identity:may("metrics") then return problem.reply(req, 403, "denied", "this needs the scope metrics") end
  end
  local series = standing()
  for _, one in ipairs(gifd.metric.list()) do
    if not (one.kind == "gauge" and one.value == 0 and is_moment(one.name)) then series[#series + 1] = one end
  end
  local form = exposition.form(req.headers.accept)
  local text = exposition.text(series, form == "openmetrics", others_first)
  return { status = 200, type = exposition.types[form], body = text,
    headers = { ["Cache-Control"] = "no-store", Vary = "Accept" } }
end

return M
