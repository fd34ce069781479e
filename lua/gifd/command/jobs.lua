--- command/jobs: gifd jobs list|show|retry|cancel|tail|metrics: durable work, beside a running server or without one.
-- The runner follows within a second.
local arguments = require "gifd.command.arguments"
local job_events = require "gifd.flow.job_events"
local job_list = require "gifd.model.job_list"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"

local OK, FAILED, USAGE, NOT_FOUND, CONFLICT = 0, 1, 2, 4, 6
local PAGE, MOST, LOOK = 50, 10000, 0.25

local function complain(code, text)
  gifd.console.error("gifd jobs: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end
local function failed(err) return complain(FAILED, tostring(err.message)) end

local function text_of(value) return value ~= nil and value ~= gifd.null and tostring(value) or "" end

local function line(job, json)
  local shown = job_list.shown(job)
  if json then return write("%s", gifd.json.encode(shown)) end
  write("%s\t%s\t%s\t%s\t%d%%\t%s\t%s", shown.id, shown.type, shown.state, shown.priority, shown.progress,
    shown.created_at, text_of(job.error or job.message))
end

local function list(words, options)
  if words[1] then return complain(USAGE, "list takes --state, --type and --limit") end
  if options.state and not job_list.states[options.state] then
    return complain(USAGE, "--state is pending, running, completed, failed, cancelled or parked")
  end
  local limit = tonumber(options.limit or PAGE)
  if not limit or limit < 1 or limit % 1 ~= 0 or limit > MOST then
    return complain(USAGE, ("--limit is 1 to %d"):format(MOST))
  end
  local rows, err = job_list.list { state = options.state, type = options.type, limit = limit }
  if not rows then return failed(err) end
  for _, job in ipairs(rows) do line(job, options.json) end
  return OK
end

--- The job that the first word names -> row, or nil, exit code
local function find(words)
  if not words[1] or words[2] then return nil, complain(USAGE, "say the id that list prints, and no more") end
  local job, err = job_list.find(words[1])
  if job == nil then return nil, failed(err) end
  if not job then return nil, complain(NOT_FOUND, "there is no job " .. words[1]) end
  return job
end

local fields = { "type", "state", "priority", "progress", "message", "attempts", "waits", "error", "created_at",
  "run_at", "started_at", "ended_at" }

local function show(words, options)
  local job, code = find(words)
  if not job then return code end
  local shown = job_list.shown(job)
  if options.json then
    shown.log, shown.payload = job.log or "", gifd.json.decode(job.payload)
    write("%s", gifd.json.encode(shown))
    return OK
  end
  write("job %s", shown.id)
  for _, name in ipairs(fields) do
    local value = text_of(shown[name])
    if value ~= "" then write("  %-10s  %s", name, value) end
  end
  write("  %-10s  %s", "payload", job.payload)
  if job.result and job.result ~= "null" then write("  %-10s  %s", "result", job.result) end
  if job.log then gifd.console.write(job.log) end
  return OK
end

local function change(fn, refused)
  return function(words, options)
    local job, code = find(words)
    if not job then return code end
    local done, err = fn(job.id)
    if done == nil then return failed(err) end
    if not done then return complain(CONFLICT, refused:format(job.every and "a schedule, and " or "", job.state)) end
    gifd.jobs.wake()
    job_events.tell(job.id)
    job, code = find(words)
    if not job then return code end
    line(job, options.json)
    return OK
  end
end

--- Prints what came to the log since the last look.
local function new_log(job, seen)
  local log = job.log or ""
  if log == seen then return log end
  local last = seen:match("([^\n]*\n)$")
  local from = last and log:find(last, 1, true)
  gifd.console.write(from and log:sub(from + #last) or log)
  return log
end

local function tail(words, options)
  local log, stood = "", nil
  while true do
    local job, code = find(words)
    if not job then return code end
    local stands = table.concat({ job.state, job.percent, text_of(job.message), job.attempts }, " ")
    if not options.json then log = new_log(job, log) end
    if stands ~= stood then line(job, options.json) end
    stood = stands
    if job_list.over[job.state] then return job.state == "completed" and OK or FAILED end
    local slept = gifd.time.sleep(LOOK)
    if not slept then return FAILED end
  end
end

local function metrics(words, options)
  if words[1] then return complain(USAGE, "metrics takes no word") end
  local m, err = job_stats.read(job_model.priority_names)
  if not m then return failed(err) end
  if options.json then
    write("%s", gifd.json.encode(m))
    return OK
  end
  local w = m.waiting
  write("%d active, %d idle; %d of %d places of the media lane taken, %d wait for one", m.active, m.idle,
    m.media.active, m.media.places, m.media.waiting)
  write("waiting: %d critical, %d high, %d normal, %d low; the oldest for %.3g s", w.critical, w.high, w.normal, w.low,
    m.oldest_waiting_seconds)
  write("%d delayed, %d wait for others, %d parked", m.delayed, m.blocked, m.parked)
  write("%d processed, %d of them failed; %d attempts were followed by another", m.processed, m.failed, m.retried)
  write("%.3g s on average, 95%% within %.3g s", m.average_seconds, m.p95_seconds)
  return OK
end

local verbs = { list = list, show = show, tail = tail, metrics = metrics,
  cancel = change(job_list.cancel, "it is %s%s"),
  retry = change(job_list.again, "it is %s%s; what has failed, was cancelled or is parked can be tried again") }

return function(args)
  local options, words = arguments(args, { json = "flag", state = "value", type = "value", limit = "value" })
  if not options then return complain(USAGE, words) end
  local verb = verbs[table.remove(words, 1) or ""]
  if not verb then return complain(USAGE, "say list, show ID, retry ID, cancel ID, tail ID or metrics") end
  return verb(words, options)
end
