--- jobs/queue: leases due jobs and runs them, a few at a time, in two lanes: the product's heavy work, and all that
-- enters a plugin, of which one plugin may have half. One runner per server; a lease that its owner did not end
-- (kill -9, a reload) is taken up again by the next one at once, or when it runs out.
local context = require "gifd.plugin.context"
local job_model = require "gifd.model.job"
local judge = require "gifd.jobs.judge"
local ladder = require "gifd.jobs.ladder"
local plugin_work = require "gifd.jobs.plugin_work"

local IDLE, MARGIN = 1, 30

local M = {}

local runs = { ladder = ladder.run, judge = judge.run }

local function hook_ctx(plugin, deadline) return context.make(plugin, { deadline = deadline }) end

local function run(app, job)
  local work = job.plugin and plugin_work.run or runs[job.name]
  if not work then
    gifd.log.error("job.unknown", { name = job.name, id = job.id })
    return gifd.db.batch { job_model.fail_statement(job, "no such kind of job") }
  end
  local outcome, err = gifd.catch(work, app, job, hook_ctx)
  if outcome or err.code == "cancelled" then return end
  if err.code == "conflict" then -- it was cancelled, or somebody else has the lease
    gifd.log.info("job.superseded", { name = job.name, id = job.id })
  else
    gifd.log.warn("job.lost", { name = job.name, id = job.id, error = tostring(err) })
  end
end

--- Plugins that run as many jobs as one may have.
local function busy(lane)
  local out = {}
  for name, count in pairs(lane.running) do if count >= lane.share then out[#out + 1] = name end end
  return out
end

--- One of a lane's few: leases and runs until there is nothing due, then waits to be woken.
local function work(app, owner, lane)
  while true do
    local due, err = job_model.due(lane.name)
    local job = false
    if due then job, err = job_model.lease(owner, lane.lease, lane.name, busy(lane)) end
    if err and err.code == "cancelled" then return end
    if err then gifd.log.warn("queue.lease", { code = err.code, error = tostring(err.message) }) end
    if job then
      local whose = job.plugin
      if whose then lane.running[whose] = (lane.running[whose] or 0) + 1 end
      run(app, job)
      if whose then lane.running[whose] = lane.running[whose] - 1 end
    else
      local woken, wait_err = gifd.jobs.wait(IDLE)
      if woken == nil and wait_err then return end
    end
  end
end

--- What the plugins of this generation can do, for the table: schedules, and jobs that need not stay parked.
local function offer(registry)
  local schedules, known = {}, {}
  for _, job in pairs(registry.jobs) do
    known[#known + 1] = job.plugin.name .. " job " .. job.name
    if job.every then
      schedules[#schedules + 1] = { plugin = job.plugin.name, name = job.name, every = math.floor(job.every * 1e6) }
    end
  end
  for name, entries in pairs(registry.hooks) do
    for _, entry in ipairs(entries) do known[#known + 1] = entry.plugin.name .. " tell " .. name end
  end
  return job_model.offer(schedules, known)
end

local function longest(registry)
  local seconds = 300
  for _, job in pairs(registry.jobs) do seconds = math.max(seconds, job.timeout) end
  for _, entries in pairs(registry.hooks) do
    for _, entry in ipairs(entries) do seconds = math.max(seconds, entry.timeout or 0) end
  end
  return seconds
end

--- Takes over the table, however often that takes -> true, or false when the generation drains.
local function begin(app, owner, own)
  while true do
    local done, err = job_model.reclaim(owner, own)
    if done then done, err = offer(app.registry) end
    if done then return true end
    if err.code == "cancelled" then return false end
    gifd.log.warn("queue.reclaim", { code = err.code, error = tostring(err.message) })
    if not gifd.time.sleep(IDLE) then return false end
  end
end

function M.run(app)
  local own = ("runner-%d-"):format(gifd.server.pid)
  local owner = own .. gifd.crypto.hex(gifd.crypto.random(4))
  if not begin(app, owner, own) then return end
  local jobs = app.settings.jobs
  local plugin_lane = { name = "plugin", lease = math.max(jobs.lease, longest(app.registry) + MARGIN), running = {},
    share = math.max(1, math.floor(jobs.plugins / 2)) }
  local media_lane = { name = "media", lease = jobs.lease, running = {}, share = 0 }
  local tasks = {}
  for _ = 1, jobs.running do tasks[#tasks + 1] = gifd.task.spawn(function() work(app, owner, media_lane) end) end
  for _ = 1, jobs.plugins do tasks[#tasks + 1] = gifd.task.spawn(function() work(app, owner, plugin_lane) end) end
  for _, handle in ipairs(tasks) do handle:wait() end
end

return M
