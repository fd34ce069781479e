--- http/health: alive, and able to serve.
--
-- Ready means: rows can be read and media can be looked at; what keeps it from that is `fail`, and the answer 503. A
-- full disk, a refused configuration or work that waits still serve what is there: they are `warn`: look at it.
local catalogue = require "gifd.model.catalogue"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"

local M = {}

local function json(status, value)
  return { status = status, headers = { ["Cache-Control"] = "no-store" }, json = value }
end

function M.alive() return json(200, { status = "ok" }) end

local OLD_WORK, OLD_SUMS, NEAR_END, FIRST_YEAR, SET_BACK = 600, 60, 21 * 86400, 1700000000, 5

--- Each -> "fail" or "warn" with why, or nil when all is well. c = { app, facts, now, numbers (gauges by name) }
local checks = {}

checks[1] = { "database", function()
  local readable, err = catalogue.readable()
  if not readable then return "fail", "the catalogue cannot be read: " .. tostring(err and err.code) end
end }

checks[2] = { "media", function(c)
  if c.facts.media == false then return "fail", "the media process is not there" end
end }

checks[3] = { "disk", function(c)
  local reserve = c.app.settings.uploads.disk_reserve
  if c.facts.disk_free and c.facts.disk_free < reserve then
    return "warn", "the disk is almost full: uploads are refused"
  end
end }

checks[4] = { "clock", function(c)
  if c.now < FIRST_YEAR then return "warn", "the clock is set to a time long ago" end
  local last = c.numbers.gifd_rollup_timestamp_seconds
  if last and last > c.now + SET_BACK then
    return "warn", ("the clock was set back by %d seconds or more"):format(last - c.now)
  end
end }

checks[5] = { "queue", function(c)
  if not c.readable then return end
  local jobs = job_stats.read(job_model.priority_names)
  if jobs and jobs.oldest_waiting_seconds > OLD_WORK then
    return "warn", ("work waits for %d minutes already"):format(jobs.oldest_waiting_seconds / 60)
  end
end }

checks[6] = { "events", function(c)
  local last = c.numbers.gifd_rollup_timestamp_seconds
  if last and c.now - last > OLD_SUMS then
    return "warn", ("events were last added up %d seconds ago"):format(c.now - last)
  end
end }

checks[7] = { "certificates", function(c)
  local left = c.numbers.gifd_tls_expiry_timestamp_seconds
  left = left and left - c.now
  if left and left < 0 then return "warn", "a certificate has ended" end
  if left and left < NEAR_END then return "warn", ("a certificate ends in %d days"):format(left / 86400) end
end }

checks[8] = { "generation", function(c)
  if c.numbers.gifd_generation_refused == 1 then
    return "warn", "the configuration that was last asked for is refused; the one before serves"
  end
end }

--- Of several series of one name the least counts: the certificate that ends first.
local function numbers()
  local out = {}
  for _, prefix in ipairs { "gifd_tls_expiry", "gifd_rollup_timestamp", "gifd_generation_refused" } do
    for _, series in ipairs(gifd.metric.list(prefix)) do
      local unknown = series.value == 0 and series.name:find "_timestamp_seconds$"
      if not unknown then out[series.name] = math.min(out[series.name] or math.huge, series.value) end
    end
  end
  return out
end

function M.ready(app)
  local c = { app = app, facts = gifd.health.facts(), now = gifd.time.now(), numbers = numbers(), readable = true }
  local texts, told = { fail = {}, warn = {} }, {}
  for i, check in ipairs(checks) do
    local state, why = check[2](c)
    if check[1] == "database" then c.readable = state == nil end
    if state then table.insert(texts[state], why) end
    told[i] = { name = check[1], state = state or "ok", text = why }
  end
  local ready = #texts.fail == 0
  return json(ready and 200 or 503, { status = ready and "ready" or "unready", reasons = gifd.json.array(texts.fail),
    warnings = gifd.json.array(texts.warn), checks = told, generation = c.facts.generation,
    version = gifd.server.version })
end

return M
