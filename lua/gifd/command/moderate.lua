--- command/moderate: gifd moderate rescan: judges look again at what they had decided; the other verbs:
-- command/explain, command/hashes, command/review.
local S = require "gifd.schema"
local arguments = require "gifd.command.arguments"
local hashes = require "gifd.command.hashes"
local explain = require "gifd.command.explain"
local job_list = require "gifd.model.job_list"
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"
local rescan_model = require "gifd.model.rescan"
local review = require "gifd.command.review"

local OK, FAILED, USAGE = 0, 1, 2
local LOOK, PAGE, WAITING_MOST = 0.25, 500, 1000

local function complain(code, text)
  gifd.console.error("gifd moderate: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end
local function failed(err) return complain(FAILED, tostring(err.message or err.code)) end

--- "2030-01-31", a time, or "7d" ago -> microseconds, or nil
local function since_of(text)
  if not text then return 0 end
  local seconds = gifd.time.parse(text:match("^%d+%-%d+%-%d+$") and text .. "T00:00:00Z" or text)
  if seconds then return math.floor(seconds * 1e6) end
  local ago, faults = S.check(S.duration { min = 1 }, text)
  return #faults == 0 and math.max(0, moment.now() - math.floor(ago * 1e6)) or nil
end

local function print_changes(id, options)
  local after = { kind = "", subject = "" }
  repeat
    local rows, err = rescan_model.changes(id, after, PAGE)
    if not rows then return nil, err end
    for _, c in ipairs(rows) do
      if options.json then
        c.reasons = gifd.json.array(c.reasons)
        write("%s", gifd.json.encode(c))
      else
        write("%s %s\t%s -> %s\t%s\t%s", c.kind, c.subject, c.was, c.decision, c.category,
          table.concat(c.reasons, "; "))
      end
    end
    after = rows[#rows]
  until #rows < PAGE
  return true
end

--- Until it is over -> row, or nil, err
local function awaited(id)
  while true do
    local job, err = job_list.find(id)
    if not job then return nil, err or gifd.err("not_found", { message = "the job is gone" }) end
    if job_list.over[job.state] or job.state == "parked" then return job end
    local slept, sleep_err = gifd.time.sleep(LOOK)
    if not slept then return nil, sleep_err end
  end
end

local function rescan(words, options)
  if words[1] then return complain(USAGE, "rescan takes --dry-run, --since, --judge and --no-wait") end
  local since = since_of(options.since)
  if not since then return complain(USAGE, "--since is a time such as 7d, 2030-01-31 or 2030-01-31T12:00:00Z") end
  local id, made = job_model.enqueue({ name = "rescan", lane = "plugin", key = "rescan",
    payload = gifd.json.encode { dry_run = options["dry-run"] or false, since = since, judge = options.judge },
    priority = job_model.priorities.low }, WAITING_MOST)
  if not id then return failed(made) end
  if not made then return complain(FAILED, "job " .. id .. " rescans already") end
  gifd.jobs.wake()
  if options["no-wait"] then
    write(options.json and '{"job":"%s"}' or "job %s", tostring(id))
    return OK
  end
  local job, err = awaited(tostring(id))
  if not job then return failed(err) end
  if job.state ~= "completed" then return complain(FAILED, ("job %s: %s"):format(id, tostring(job.error))) end
  local told, tell_err = print_changes(id, options)
  if not told then return failed(tell_err) end
  local result = gifd.json.decode(job.result)
  if not options.json then
    write("%d looked at, %d %s, %d that a judge could not answer for now", result.looked, result.changed,
      options["dry-run"] and "would change" or "changed", result.unsure)
  end
  return OK
end

local verbs = { rescan = function(_, words, options) return rescan(words, options) end, explain = explain }

--- Verbs with a file of their own, which names their options.
local others = { hashes = hashes }
for name, verb in pairs(review.verbs) do others[name] = verb end

return function(app)
  return function(args)
    local other = others[args[1]]
    local options, words = arguments(args, other and other.options or { json = "flag", ["dry-run"] = "flag",
      ["no-wait"] = "flag", since = "value", judge = "value" })
    if not options then return complain(USAGE, words) end
    local name = table.remove(words, 1) or ""
    if other then return other.run(app, words, options) end
    if not verbs[name] then
      return complain(USAGE, "say queue, show, approve, reject, quarantine, escalate, undo, stats, rescan, explain or "
        .. "hashes")
    end
    return verbs[name](app, words, options)
  end
end
