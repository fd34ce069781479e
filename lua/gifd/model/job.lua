--- model/job: durable work. A job is leased with a fencing number: whoever lost the lease can no longer write its
-- outcome.
--
--   pending --lease--> running --complete--> completed        a schedule goes back to pending until its next time
--      ^ |                |---retry (later)--> pending
--      | '--cancel--> cancelled <--cancel--|
--      '--lease ran out---'---give up--------> failed, or parked as poison
--
-- Lanes run side by side: "media" is the product's heavy work, "plugin" all that enters a plugin. A job whose plugin
-- is gone is parked until it comes back. One that waits for others (`waits` > 0) is pending, and not leased.
-- How a runner comes by its jobs is in model/job_lease, what people ask about them in model/job_list.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- Of the request or job that asks for one.
local function trace() return row.null(gifd.trace.traceparent() or nil) end

M.priorities = { critical = 2, high = 1, normal = 0, low = -1 }
M.priority_names = {}
for name, value in pairs(M.priorities) do M.priority_names[value] = name end

--- A statement for a batch: the ladder of the asset with this digest, unless it was climbed or is waiting already.
function M.ladder_statement(digest)
  return { [[
    INSERT INTO jobs (name, unique_key, payload, state, priority, run_after, created_at, updated_at, trace)
    SELECT 'ladder', 'ladder:' || id, json_object('asset_id', id), 'pending', 0, ?2, ?2, ?2, ?3
    FROM assets WHERE digest = ?1 AND media NOT IN ('ready', 'failed')
    ON CONFLICT (unique_key) DO NOTHING]], digest, moment.now(), trace() }
end

--- How far the first renditions of an asset are, 0 to 100; nil: no job makes them
function M.ladder_percent(asset_id)
  local found = gifd.db.row("SELECT percent FROM jobs WHERE unique_key = ?1 AND state IN ('pending', 'running')",
    "ladder:" .. asset_id)
  return found and found.percent or nil
end

local over = "('completed', 'failed', 'cancelled')"
local fresh = [[state = 'pending', attempts = 0, crashes = 0, error = NULL, doomed = NULL, waits = 0, percent = 0,
  message = NULL, result = NULL, log = NULL, started_at = NULL, ended_at = NULL]]

--- Statements for a batch: what was asked for of an asset is made. One that runs looks again when it ends.
function M.render_statements(asset_id, priority)
  return { [[
    INSERT INTO jobs (name, unique_key, payload, state, priority, run_after, created_at, updated_at, trace)
    VALUES ('renditions', 'renditions:' || ?1, json_object('asset_id', ?1), 'pending', ?2, ?3, ?3, ?3, ?4)
    ON CONFLICT (unique_key) DO UPDATE SET priority = max(priority, excluded.priority) WHERE state = 'pending']],
    asset_id, priority, moment.now(), trace() },
    { [[UPDATE jobs SET payload = json_object('asset_id', ?1), priority = ?2, run_after = ?3, created_at = ?3,
          updated_at = ?3, trace = ?4, ]] .. fresh .. [[ WHERE unique_key = 'renditions:' || ?1
          AND state IN ('completed', 'failed', 'cancelled', 'parked')]], asset_id, priority, moment.now(), trace() }
end

--- A statement for a batch: the slow judges of this revision of a subject { kind, row }, unless they are at it.
function M.judge_statement(subject)
  return { [[
    INSERT INTO jobs (name, lane, unique_key, payload, state, run_after, created_at, updated_at, trace)
    VALUES ('judge', 'plugin', 'judge:' || ?1 || ':' || ?2, json_object('kind', ?1, 'id', ?2), 'pending', ?3, ?3, ?3,
      ?4)
    ON CONFLICT (unique_key) DO UPDATE SET ]] .. fresh .. [[, run_after = excluded.run_after,
      created_at = excluded.created_at, updated_at = excluded.updated_at, trace = excluded.trace
      WHERE jobs.state IN ]] .. over, subject.kind, subject.row.id, moment.now(), trace() }
end

--- A statement for a batch: an event for each of these plugins, told until give_up_at.
function M.tell_statement(name, plugins, event, give_up_at)
  return { [[
    INSERT INTO jobs (name, lane, plugin, payload, state, run_after, give_up_at, created_at, updated_at, trace)
    SELECT ?1, 'plugin', value, ?3, 'pending', ?5, ?4, ?5, ?5, ?6 FROM json_each(?2)]],
    "tell " .. name, row.list(plugins), gifd.json.encode(event), give_up_at, moment.now(), trace() }
end

--- The jobs that `job` waits for, of those that are not over; or the reason why it cannot be run any more.
local function needs_statements(after)
  local ids = row.list(after)
  return { [[
    INSERT INTO job_needs (needs, job) SELECT id, last_insert_rowid() FROM jobs
    WHERE id IN (SELECT value FROM json_each(?1)) AND state NOT IN ]] .. over, ids }, { [[
    UPDATE jobs SET
      doomed = (SELECT 'job ' || n.id || ' ended as ' || n.state FROM jobs n
                WHERE n.id IN (SELECT value FROM json_each(?1)) AND n.state IN ('failed', 'cancelled') LIMIT 1),
      waits = CASE WHEN EXISTS (SELECT 1 FROM jobs n WHERE n.id IN (SELECT value FROM json_each(?1))
                                AND n.state IN ('failed', 'cancelled')) THEN 0
              ELSE (SELECT count(*) FROM job_needs WHERE job = jobs.id) END
    WHERE id = last_insert_rowid()]], ids }
end

local function held(key)
  local found, err = gifd.db.row("SELECT id FROM jobs WHERE unique_key = ?1", key)
  if found == nil then return nil, err end
  return found and found.id
end

--- job = { name, lane, plugin?, account_id?, payload (JSON text), key?, delay (seconds), priority (number),
-- deadline? (seconds), after? (ids) } -> id, made; or nil, err. At most `most` of its owner, the plugin or the account,
-- wait at a time. With a key there is one of that key until it is over.
function M.enqueue(job, most)
  local now = moment.now()
  local run_after = now + math.floor((job.delay or 0) * 1e6)
  local owner = job.plugin and "plugin = ?3 AND state IN ('pending', 'running', 'parked')"
    or "account_id IS ?4 AND state IN ('pending', 'running', 'parked')"
  local calls = {}
  if job.key then calls[1] = { "DELETE FROM jobs WHERE unique_key = ?1 AND state IN " .. over, job.key } end
  local place = #calls + 1
  calls[place] = { ([[
    INSERT INTO jobs (name, lane, plugin, account_id, unique_key, payload, state, priority, run_after, give_up_at,
      created_at, updated_at, trace)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'pending', ?7, ?8, ?9, ?10, ?10, ?12
    WHERE (SELECT count(*) FROM jobs WHERE %s) < ?11 ON CONFLICT (unique_key) DO NOTHING RETURNING id]]):format(owner),
    job.name, job.lane, row.null(job.plugin), row.null(job.account_id), row.null(job.key), job.payload,
    job.priority or 0, run_after, row.null(job.deadline and run_after + math.floor(job.deadline * 1e6)), now, most,
    trace(), expect = 1 }
  if job.after then calls[place + 1], calls[place + 2] = needs_statements(job.after) end
  local done, err = gifd.db.batch(calls)
  if done then return done[place].rows[1].id, true end
  if err.code ~= "conflict" then return nil, err end
  local holder, find_err
  if job.key then holder, find_err = held(job.key) end
  if holder == nil and find_err then return nil, find_err end
  if holder then return holder, false end
  return nil, gifd.err("busy", { retryable = true, message = ("%d jobs of this %s wait already"):format(most,
    job.plugin and "plugin" or "account") })
end

--- Of an asset's renditions, for who waits for them -> id, false when they are made, or nil, err
function M.ladder_of(asset_id) return held("ladder:" .. asset_id) end

--- Do all of these exist? plugin: and are its own
function M.exist(ids, plugin)
  local found, err = gifd.db.row([[SELECT count(*) AS n FROM jobs WHERE id IN (SELECT value FROM json_each(?1))
    AND (?2 IS NULL OR plugin = ?2)]], row.list(ids), row.null(plugin))
  if not found then return nil, err end
  return found.n == #ids
end

local function settle(job, state, more, ...)
  local log, now = job.journal and job.journal:text() or "", moment.now()
  local sql = ([[UPDATE jobs SET state = ?3, lease_owner = NULL, lease_until = NULL, updated_at = ?4,
    ended_at = CASE WHEN ?3 IN ('completed', 'failed') THEN ?4 END, log = nullif(?5, ''), %s
    WHERE id = ?1 AND fence = ?2 AND state = 'running']]):format(more)
  return { sql, job.id, job.fence, state, now, log, expect = 1, ... }
end

--- Statements for a batch: the outcome is written together with what the job made, or not at all.
function M.complete_statement(job) return settle(job, "completed", "percent = 100, error = ?6", gifd.null) end
--- A poison is parked: nothing takes it up but somebody who says so.
function M.fail_statement(job, message)
  return settle(job, job.poison and "parked" or "failed", "crashes = ?7, error = ?6", message, job.crashes or 0)
end
function M.park_statement(job, why) return settle(job, "parked", "error = ?6, attempts = attempts - 1", why) end

local looked = [[UPDATE jobs SET
    state = CASE WHEN EXISTS (SELECT 1 FROM renditions_asked WHERE asset_id = ?3) THEN 'pending' ELSE 'completed' END,
    ended_at = CASE WHEN EXISTS (SELECT 1 FROM renditions_asked WHERE asset_id = ?3) THEN NULL ELSE ?4 END,
    priority = coalesce((SELECT max(priority) FROM renditions_asked WHERE asset_id = ?3), priority),
    payload = json_set(payload, '$.single', json(?5)), run_after = ?4, attempts = 0, crashes = 0, error = NULL,
    percent = 100, log = nullif(?6, ''), lease_owner = NULL, lease_until = NULL, updated_at = ?4
  WHERE id = ?1 AND fence = ?2 AND state = 'running']]

--- Some of what was asked for of an asset is settled, in the same batch: completed, or pending while there is more.
-- single: each of that by itself, since they failed together.
function M.rendered_statement(job, asset_id, single)
  return { looked, job.id, job.fence, asset_id, moment.now(), single and "true" or "false",
    job.journal and job.journal:text() or "", expect = 1 }
end

--- result: JSON text
function M.result_statement(job, result)
  return settle(job, "completed", "percent = 100, error = NULL, result = ?6", result)
end

--- A schedule after a run: its next time is the first one of its grid that has not passed, however long it took.
-- next_at (seconds): of a cron expression
function M.reschedule_statement(job, result, message, next_at)
  return settle(job, "pending", [[attempts = 0, result = coalesce(?6, result), error = ?7,
    run_after = coalesce(?8, run_after + every * max(1, (?4 - run_after + every - 1) / every))]], row.null(result),
    row.null(message), row.null(next_at and next_at * 1e6))
end

--- Back to pending after `seconds`, with the reason.
function M.retry(job, seconds, message)
  return gifd.db.batch { settle(job, "pending", "run_after = ?6, error = ?7, crashes = ?8",
    moment.now() + math.floor(seconds * 1e6), message, job.crashes or 0) }
end

--- One statement for many: done = array of { job, result (JSON text) } -> rows of those that were still ours
function M.complete_many_statement(done)
  local list = {}
  for i, d in ipairs(done) do
    list[i] = gifd.json.array { d.job.id, d.job.fence, d.result, d.log }
  end
  return { [[
    UPDATE jobs SET state = 'completed', lease_owner = NULL, lease_until = NULL, updated_at = ?2, ended_at = ?2,
      percent = 100, error = NULL, result = d.result, log = nullif(d.log, '')
    FROM (SELECT value ->> 0 AS id, value ->> 1 AS fence, value ->> 2 AS result, value ->> 3 AS log
          FROM json_each(?1)) AS d
    WHERE jobs.id = d.id AND jobs.fence = d.fence AND jobs.state = 'running'
    RETURNING jobs.id, jobs.watched]], row.list(list), moment.now() }
end

--- Of a job that runs; fence: under this lease only -> true, or false when it does not run any more; and whether
-- somebody listens
function M.progress(id, plugin, percent, message, fence)
  local done, err = gifd.db.run([[
    UPDATE jobs SET percent = ?3, message = ?4, updated_at = ?5
    WHERE id = ?1 AND plugin IS ?2 AND state = 'running' AND (?6 IS NULL OR fence = ?6) RETURNING watched]], id,
    row.null(plugin), percent, row.null(message), moment.now(), row.null(fence))
  if not done then return nil, err end
  local found = done.rows and done.rows[1]
  return found ~= nil, found and found.watched == 1
end

--- A statement for a batch: what a job that runs has logged so far.
function M.log_statement(job, log)
  return { "UPDATE jobs SET log = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'", job.id, job.fence, log }
end

return M
