--- http/health: alive, and able to serve.
local catalogue = require "gifd.model.catalogue"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"

local M = {}

local function json(status, value) return { status = status, headers = { ["Cache-Control"] = "no-store" },
  json = value } end

function M.alive() return json(200, { status = "ok" }) end

local OLD_WORK, NEAR_END, FIRST_YEAR = 600, 21 * 86400, 1700000000

--- What does not keep from serving, and somebody should look at.
local function warnings_of(app, facts)
  local out = {}
  if facts.disk_free and facts.disk_free < app.settings.uploads.disk_reserve then
    out[#out + 1] = "the disk is almost full: uploads are refused"
  end
  if gifd.time.now() < FIRST_YEAR then out[#out + 1] = "the clock is set to a time long ago" end
  local jobs = job_stats.read(job_model.priority_names)
  if jobs and jobs.oldest_waiting_seconds > OLD_WORK then
    out[#out + 1] = ("work waits for %d minutes already"):format(jobs.oldest_waiting_seconds / 60)
  end
  for _, series in ipairs(gifd.metric.list("gifd_tls_expiry")) do
    local left = series.name == "gifd_tls_expiry_timestamp_seconds" and series.value - gifd.time.now()
    if left and left < NEAR_END then
      out[#out + 1] = left < 0 and "a certificate has ended" or ("a certificate ends in %d days"):format(left / 86400)
    end
  end
  return out
end

--- Ready means: rows can be read and media can be looked at. A full disk still serves what is there, and is only told.
function M.ready(app)
  local reasons = {}
  local readable, err = catalogue.readable()
  if not readable then reasons[1] = "the catalogue cannot be read: " .. tostring(err and err.code) end
  local facts = gifd.health.facts()
  if facts.media == false then reasons[#reasons + 1] = "the media process is not there" end
  local warnings = readable and warnings_of(app, facts) or {}
  return json(#reasons == 0 and 200 or 503, {
    status = #reasons == 0 and "ready" or "unready", reasons = gifd.json.array(reasons),
      warnings = gifd.json.array(warnings),
    generation = facts.generation, version = gifd.server.version })
end

return M
