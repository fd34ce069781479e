--- jobs/queue: the runner's pump. One transaction per turn writes what is done and leases what is due; a few workers of
-- each lane run it.
--
--   turn:  outcomes of quick jobs + heartbeat + leases --> lane.ready, by priority --> workers --> outcomes
--
-- Lanes: the product's heavy work, and all that enters a plugin, of which one plugin may have half. As many jobs are
-- held as a lane has workers, and beyond that only those of kinds that were quick so far (QUICK seconds), so that
-- thousands a second need a few transactions, and nothing waits long behind what was leased before it. How many
-- the first lane has is in jobs/places. One runner per
-- server; a lease that its owner did not end (kill -9, a reload) is taken up again by the next one at once.
local attempt = require "gifd.jobs.attempt"
local cron = require "gifd.cron"
local job_events = require "gifd.flow.job_events"
local job_lease = require "gifd.model.job_lease"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"
local places = require "gifd.jobs.places"

local IDLE, BUSY, LOOK = 1, 0.25, 0.05
local ADAPT = 0.25
local QUICK, AHEAD, MANY, LOGS = 0.002, 1000, 2000, 200

local M = {}

local function kind_of(job) return (job.plugin or "") .. " " .. job.name end

local function later(a, b) -- the most urgent one stands last
  if a.priority ~= b.priority then return a.priority < b.priority end
  if a.run_after ~= b.run_after then return a.run_after > b.run_after end
  return a.id > b.id
end

--- The next ready job whose plugin does not run as many as it may have.
local function take(lane)
  for i = #lane.ready, 1, -1 do
    local job = lane.ready[i]
    if not job.plugin or (lane.running[job.plugin] or 0) < lane.share then return table.remove(lane.ready, i) end
  end
end

--- How long jobs of this kind take: the longest of late, slowly forgotten.
local function learn(self, job, seconds)
  local kind = kind_of(job)
  local known = self.pace[kind] or 4 * QUICK
  self.pace[kind] = seconds > known and seconds or known + (seconds - known) / 8
end

local function is_quick(self, job) return (self.pace[kind_of(job)] or QUICK) < QUICK end

local function note(self, lane, job, outcome, result, seconds)
  self.held[job.id] = nil
  if not job.quick then lane.slow = lane.slow - 1 end
  if job.plugin then lane.running[job.plugin] = lane.running[job.plugin] - 1 end
  if not outcome then return end
  learn(self, job, seconds)
  job_stats.add(outcome, seconds)
  if outcome == "completed" then
    self.done[#self.done + 1] = { job = job, result = result, log = job.journal:text() }
  else
    job_events.tell(job.id)
  end
end

local function ring(self)
  if self.waiting then gifd.jobs.wake() end
end

--- A worker runs what is ready until nothing is. One whose job was cancelled ends with it.
local function work(self, lane, me)
  local journal = gifd.log.journal()
  while not me.stopped and #self.done < MANY do
    local job = take(lane)
    if not job then break end
    if job.plugin then lane.running[job.plugin] = (lane.running[job.plugin] or 0) + 1 end
    journal:clear()
    job.journal, job.worker = journal, me
    local began = gifd.time.now()
    local outcome, result = attempt.run(self.app, job)
    note(self, lane, job, outcome, result, math.max(0, gifd.time.now() - began))
    ring(self)
  end
  lane.workers = lane.workers - 1
  ring(self)
end

local function staff(self, lane)
  for _ = lane.workers + 1, math.min(lane.slots, lane.workers + #lane.ready) do
    lane.workers = lane.workers + 1
    local me = {}
    me.handle = gifd.task.spawn(function() work(self, lane, me) end)
  end
end

local function ready(self, lane, rows)
  for _, job in ipairs(job_lease.leased(rows)) do
    self.held[job.id] = job
    job.quick = is_quick(self, job)
    if not job.quick then lane.slow = lane.slow + 1 end
    lane.ready[#lane.ready + 1] = job
  end
  table.sort(lane.ready, later)
end

--- Plugins that hold as many slow jobs as one may run.
local function busy(self, lane)
  local count, out = {}, {}
  for _, job in pairs(self.held) do
    if job.plugin and job.lane == lane.name and not job.quick then count[job.plugin] = (count[job.plugin] or 0) + 1 end
  end
  for name, n in pairs(count) do if n >= lane.share then out[#out + 1] = name end end
  return out
end

local function quick_kinds(self)
  local out = {}
  for kind, seconds in pairs(self.pace) do if seconds < QUICK then out[#out + 1] = kind end end
  return out
end

--- Adds the leases of a lane to the turn.
local function lease(self, calls, handlers, lane)
  local room, ahead = lane.slots - lane.slow, AHEAD - #lane.ready
  if room <= 0 and ahead < AHEAD / 2 then return true end
  local due, err = job_lease.due(lane.name)
  if due == nil then return nil, err end
  if not due then return true end
  local function add(count, list, only)
    calls[#calls + 1] = job_lease.lease_statement(self.owner, self.lease, lane.name, count, list, only)
    handlers[#calls] = function(result)
      self.got = self.got + result.changes
      ready(self, lane, result.rows)
    end
  end
  if room > 0 then add(room, busy(self, lane)) end
  local kinds = ahead >= AHEAD / 2 and quick_kinds(self) or {}
  if #kinds > 0 then add(ahead, kinds, true) end
  return true
end

local function tell_ended(rows)
  for _, found in ipairs(rows or {}) do
    if found.watched == 1 then job_events.tell(found.id) end
  end
end

--- Once a second: what longer ones have logged, for whoever looks, and should the process be killed.
local function add_logs(self, calls)
  local now = gifd.time.now()
  if now < self.logs_at then return end
  self.logs_at = now + 1
  for _, job in pairs(self.held) do
    local log = job.worker and not job.quick and #calls < LOGS and job.journal:text() or ""
    if log ~= "" and log ~= job.logged then
      job.logged = log
      calls[#calls + 1] = job_model.log_statement(job, log)
    end
  end
end

--- The rule of the media lane, a few times a second -> true, or nil, err
local function adapt(self, lane)
  local now = gifd.time.now()
  if now < self.adapt_at then return true end
  self.adapt_at = now + ADAPT
  local waiting, err = job_lease.waiting(lane.name, places.many)
  if not waiting then return nil, err end
  local slots = places.next(lane.slots, waiting, lane.least, lane.most)
  if slots ~= lane.slots then
    lane.slots, lane.share = slots, math.max(1, math.floor(slots / 2))
    job_stats.slots(slots, self.lanes[2].slots)
  end
  return true
end

--- One transaction -> true when there may be more to do at once; or nil, err
local function turn(self)
  local calls, handlers, done = {}, {}, self.done
  self.got = 0
  local adapted, adapt_err = adapt(self, self.lanes[1])
  if not adapted then return nil, adapt_err end
  if #done > 0 then
    calls[1] = job_model.complete_many_statement(done)
    handlers[1] = function(result) tell_ended(result.rows) end
  end
  if gifd.time.now() >= self.beat_at then
    calls[#calls + 1], calls[#calls + 2] = job_lease.heartbeat_statements(self.owner, self.lease)
    self.beat_at = gifd.time.now() + self.lease / 4
  end
  add_logs(self, calls)
  for _, lane in ipairs(self.lanes) do
    local added, err = lease(self, calls, handlers, lane)
    if not added then return nil, err end
  end
  if #calls == 0 then
    for _, lane in ipairs(self.lanes) do staff(self, lane) end
    return false
  end
  self.done = {}
  local results, err = gifd.db.batch(calls)
  if not results then
    for _, d in ipairs(done) do self.done[#self.done + 1] = d end
    self.beat_at = 0
    return nil, err
  end
  for i, handle in pairs(handlers) do handle(results[i]) end
  for _, lane in ipairs(self.lanes) do staff(self, lane) end
  return #self.done > 0 or self.got > 0
end

--- Ends what was cancelled, or is not ours any more, whatever it is at: its media process is killed with its task.
local function stop_lost(self)
  if next(self.held) == nil then return true end
  local rows, err = job_lease.lost(self.held)
  if not rows then return nil, err end
  for _, found in ipairs(rows) do
    local job = self.held[found.id]
    if job and job.worker then
      job.worker.stopped = true
      job.worker.handle:cancel()
    elseif job then
      for _, lane in ipairs(self.lanes) do
        for i = #lane.ready, 1, -1 do
          if lane.ready[i] == job then
            table.remove(lane.ready, i)
            if not job.quick then lane.slow = lane.slow - 1 end
          end
        end
      end
      self.held[found.id] = nil
    end
  end
  return true
end

local function pump(self)
  local looked = 0
  while true do
    local more, err = turn(self)
    if more ~= nil and gifd.time.now() - looked >= LOOK then
      local fine
      fine, err = stop_lost(self)
      more, looked = fine and more, gifd.time.now()
    end
    if err and err.code == "cancelled" then return end
    if err then gifd.log.warn("queue.turn", { code = err.code, error = tostring(err.message) }) end
    if not more then
      self.waiting = true
      local heard = gifd.jobs.wait((err or next(self.held) == nil) and IDLE or BUSY, self.heard)
      self.waiting = false
      if heard == nil then return end
      self.heard = heard or self.heard
    end
  end
end

--- What the plugins of this generation can do, for the table: schedules, and jobs that need not stay parked.
local function offer(registry)
  local schedules, known = {}, {}
  for _, job in pairs(registry.jobs) do
    known[#known + 1] = job.plugin.name .. " job " .. job.name
    if job.every then
      schedules[#schedules + 1] = { plugin = job.plugin.name, name = job.name, every = math.floor(job.every * 1e6),
        next = job.cron and cron.next(job.cron, gifd.time.now()) * 1e6 }
    end
  end
  for name, entries in pairs(registry.hooks) do
    for _, entry in ipairs(entries) do known[#known + 1] = entry.plugin.name .. " tell " .. name end
  end
  return job_lease.offer(schedules, known)
end

--- Takes over the table, however often that takes -> true, or false when the generation drains.
local function begin(app, owner, own)
  while true do
    local done, err = job_lease.reclaim(owner, own)
    if done then done, err = offer(app.registry) end
    if done then return true end
    if err.code == "cancelled" then return false end
    gifd.log.warn("queue.reclaim", { code = err.code, error = tostring(err.message) })
    if not gifd.time.sleep(IDLE) then return false end
  end
end

local function lane_of(name, slots, most)
  return { name = name, slots = slots, least = slots, most = most or slots, share = math.max(1, math.floor(slots / 2)),
    ready = {}, running = {}, slow = 0, workers = 0 }
end

--- Until the generation drains.
function M.run(app)
  local own = ("runner-%d-"):format(gifd.server.pid)
  local owner = own .. gifd.crypto.hex(gifd.crypto.random(4))
  if not begin(app, owner, own) then return end
  local jobs, least, most = app.settings.jobs, places.bounds(app.settings.media.children, gifd.server.cores)
  job_stats.slots(least, jobs.plugins)
  pump { app = app, owner = owner, lease = jobs.lease, beat_at = 0, logs_at = 0, adapt_at = 0, heard = 0, done = {},
    held = {}, pace = {}, lanes = { lane_of("media", least, most), lane_of("plugin", jobs.plugins) } }
end

return M
