--- command/plugins: gifd plugin list|graph|trace: what plugins take part in, in which order, how long that takes, and
-- what one does right now.
local arguments = require "gifd.command.arguments"
local contracts = require "gifd.plugin.contracts"
local job_list = require "gifd.model.job_list"
local moment = require "gifd.moment"
local stats = require "gifd.plugin.stats"
local trace = require "gifd.plugin.trace"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function say(code, text)
  gifd.console.error("gifd plugin: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function time(seconds)
  if seconds >= 1 then return ("%.3g s"):format(seconds) end
  if seconds >= 1e-3 then return ("%.3g ms"):format(seconds * 1e3) end
  return ("%.3g us"):format(seconds * 1e6)
end

local function numbers(row)
  if row.calls == 0 then return "not called yet" end
  return ("%d calls, %d failed, mean %s, last %s, longest %s"):format(row.calls, row.failures, time(row.mean),
    time(row.last), time(row.max))
end

local function with(row, all, plugin, what)
  for field, value in pairs(stats.of(all, plugin, what)) do row[field] = value end
  return row
end

--- Hooks by name, each with its plugins in the order in which they run.
local function hooks_of(registry, all)
  local names, out = {}, {}
  for name in pairs(registry.hooks) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local plugins = {}
    for k, entry in ipairs(registry.hooks[name]) do
      plugins[k] = with({ plugin = entry.plugin.name, slow = entry.slow, at = gifd.bundle.where(entry.run),
        after = gifd.json.array(entry.after), before = gifd.json.array(entry.before) }, all, entry.plugin.name, name)
    end
    out[i] = { hook = name, kind = contracts.hook(name).kind, plugins = gifd.json.array(plugins) }
  end
  return out
end

local function routes_of(registry, all)
  local out = {}
  for i, route in ipairs(registry.routes) do
    out[i] = with({ plugin = route.plugin.name, method = route.method, pattern = route.pattern, auth = route.auth },
      all, route.plugin.name, route.name)
  end
  return out
end

--- -> array, or nil, err
local function jobs_of(registry, all)
  local rows, err = job_list.schedules()
  if not rows then return nil, err end
  local next_run, ids, out = {}, {}, {}
  for _, row in ipairs(rows) do next_run[row.plugin .. "/" .. row.name] = row end
  for id in pairs(registry.jobs) do ids[#ids + 1] = id end
  table.sort(ids)
  for i, id in ipairs(ids) do
    local job, row = registry.jobs[id], next_run[id]
    out[i] = with({ plugin = job.plugin.name, job = job.name, every = job.every,
      cron = job.cron and job.cron.text, timeout = job.timeout,
      next = row and job.every and moment.text(row.run_after) or nil, error = row and row.error }, all,
      job.plugin.name, "job " .. job.name)
  end
  return out
end

local function graph(app, json)
  local all = stats.read()
  local jobs, err = jobs_of(app.registry, all)
  if not jobs then return say(FAILED, tostring(err.message)) end
  local hooks, routes = hooks_of(app.registry, all), routes_of(app.registry, all)
  if json then
    write("%s", gifd.json.encode { hooks = gifd.json.array(hooks), routes = gifd.json.array(routes),
      jobs = gifd.json.array(jobs) })
    return OK
  end
  for _, hook in ipairs(hooks) do
    write("%s (%s)", hook.hook, hook.kind)
    for i, row in ipairs(hook.plugins) do
      write("  %d. %s%s\t%s", i, row.plugin, row.slow and " (slow)" or "", numbers(row))
    end
  end
  for _, row in ipairs(routes) do
    write("%s %s (%s)\t%s", row.method, row.pattern, row.auth, numbers(row))
  end
  for _, row in ipairs(jobs) do
    local when = row.cron and ("at %s UTC, next %s"):format(row.cron, row.next or "when the runner sees it")
      or row.every and ("every %g s, next %s"):format(row.every, row.next or "when the runner sees it")
      or "when asked for"
    write("job %s/%s (%s)\t%s", row.plugin, row.job, when, numbers(row))
  end
  return OK
end

local function list(app, json)
  local all, out = stats.read(), {}
  for i, plugin in ipairs(app.registry.plugins) do
    local sum = { name = plugin.name, version = plugin.version, uses = gifd.json.array(plugin.uses),
      lacking = plugin.lacking, calls = 0, failures = 0, seconds = 0, max = 0 }
    for _, row in pairs(all[plugin.name] or {}) do
      sum.calls, sum.failures, sum.seconds = sum.calls + row.calls, sum.failures + row.failures,
        sum.seconds + row.seconds
      sum.max = math.max(sum.max, row.max)
    end
    out[i] = sum
  end
  if json then
    for _, p in ipairs(out) do write("%s", gifd.json.encode(p)) end
    return OK
  end
  for _, p in ipairs(out) do
    write("%s %s\t%d calls, %d failed, %s in all, longest %s", p.name, p.version, p.calls, p.failures,
      time(p.seconds), time(p.max))
    if p.lacking then write("  %s", p.lacking) end
  end
  return OK
end

local CLAIM, LOOK = 5, 1 -- seconds

local function happened(m, json)
  if json then return write("%s", gifd.json.encode(m)) end
  write("%s  %-5s  %8s  %s%s%s", gifd.time.rfc3339(m.at):sub(12, 19), m.kind, time(m.seconds), m.what,
    m.result and "  -> " .. m.result or "", m.request_id and "  (" .. m.request_id:sub(1, 8) .. ")" or "")
  if m.error then write("                            failed: %s", m.error) end
end

--- Until somebody ends it.
local function follow(app, json, name)
  local known = false
  for _, plugin in ipairs(app.registry.plugins) do known = known or plugin.name == name end
  if not known then return say(NOT_FOUND, ("the live generation has no plugin %s"):format(name)) end
  local reader, err = gifd.bus.subscribe(trace.topic(name))
  if not reader then return say(FAILED, tostring(err.message)) end
  say(OK, ("following %s; Ctrl-C ends it"):format(name))
  while true do
    local claimed, claim_err = gifd.trace.follow(CLAIM)
    if not claimed then return say(FAILED, tostring(claim_err.message)) end
    local message, lost = reader:next(LOOK)
    if message then
      happened(message, json)
      if lost > 0 then say(OK, ("%d were too many to be told"):format(lost)) end
    elseif lost.code ~= "timeout" then return say(FAILED, tostring(lost.message)) end
  end
end

local verbs = { list = list, graph = graph, trace = follow }

return function(app)
  return function(args)
    local options, words = arguments(args, { json = "flag" })
    if not options then return say(USAGE, words) end
    local verb = verbs[words[1] or ""]
    if not verb then return say(USAGE, "say list, graph or trace NAME") end
    return verb(app, options.json, words[2])
  end
end
