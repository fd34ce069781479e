--- model/job: durable work. A job is leased with a fencing number: whoever lost the lease can no longer write its
-- outcome.
--
--   pending --lease--> running --complete--> completed        a schedule goes back to pending until its next time
--      ^ |                |---retry (later)--> pending
--      | '--cancel--> cancelled <--cancel--|
--      '--lease ran out---'---give up--------> failed
--
-- Lanes run side by side: "media" is the product's heavy work, "plugin" all that enters a plugin. A job whose plugin
-- is gone is parked until it comes back.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- A statement for a batch: the ladder of the asset with this digest, unless it was climbed or is waiting already.
function M.ladder_statement(digest)
  return { [[
    INSERT INTO jobs (name, unique_key, payload, state, priority, run_after, created_at, updated_at)
    SELECT 'ladder', 'ladder:' || id, json_object('asset_id', id), 'pending', 0, ?2, ?2, ?2
    FROM assets WHERE digest = ?1 AND media NOT IN ('ready', 'failed')
    ON CONFLICT (unique_key) DO NOTHING]], digest, moment.now() }
end

local again = [[ ON CONFLICT (unique_key) DO UPDATE SET payload = excluded.payload, state = 'pending',
  priority = excluded.priority, run_after = excluded.run_after, attempts = 0, error = NULL, progress = NULL,
  result = NULL, give_up_at = excluded.give_up_at, created_at = excluded.created_at, updated_at = excluded.updated_at
  WHERE jobs.state IN ('completed', 'failed', 'cancelled')]]

--- A statement for a batch: the slow judges of this revision of a subject { kind, row }, unless they are at it.
function M.judge_statement(subject)
  return { [[
    INSERT INTO jobs (name, lane, unique_key, payload, state, run_after, created_at, updated_at)
    VALUES ('judge', 'plugin', 'judge:' || ?1 || ':' || ?2, json_object('kind', ?1, 'id', ?2), 'pending', ?3, ?3, ?3)]]
    .. again, subject.kind, subject.row.id, moment.now() }
end

--- A statement for a batch: an event for each of these plugins, told until give_up_at.
function M.tell_statement(name, plugins, event, give_up_at)
  return { [[
    INSERT INTO jobs (name, lane, plugin, payload, state, run_after, give_up_at, created_at, updated_at)
    SELECT ?1, 'plugin', value, ?3, 'pending', ?5, ?4, ?5, ?5 FROM json_each(?2)]],
    "tell " .. name, row.list(plugins), gifd.json.encode(event), give_up_at, moment.now() }
end

--- job = { plugin, name, payload (JSON text), key?, delay (seconds), priority, deadline? (seconds) } -> id, made; or
-- nil, err. At most `most` of one plugin wait at a time.
function M.enqueue(job, most)
  local now = moment.now()
  local run_after = now + math.floor((job.delay or 0) * 1e6)
  local key = job.key and ("plugin:%s:%s:%s"):format(job.plugin, job.name, job.key)
  local done, err = gifd.db.run([[
    INSERT INTO jobs (name, lane, plugin, unique_key, payload, state, priority, run_after, give_up_at, created_at,
      updated_at)
    SELECT 'job ' || ?1, 'plugin', ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?8, ?8
    WHERE (SELECT COUNT(*) FROM jobs WHERE plugin = ?2 AND state IN ('pending', 'running', 'parked')) < ?9]] .. again
    .. " RETURNING id", job.name, job.plugin, row.null(key), job.payload, job.priority or 0, run_after,
    row.null(job.deadline and run_after + math.floor(job.deadline * 1e6)), now, most)
  if not done then return nil, err end
  local made = done.rows and done.rows[1]
  if made then return made.id, true end
  local held
  if key then
    held, err = gifd.db.row("SELECT id FROM jobs WHERE unique_key = ?1", key)
    if held == nil then return nil, err end
  end
  if held then return held.id, false end
  return nil, gifd.err("busy", { retryable = true, message = ("%d jobs of this plugin wait already"):format(most) })
end

local function shaped(job)
  for _, field in ipairs { "payload", "progress", "result" } do
    local value = row.decode(job[field])
    if value == gifd.null then value = nil end
    job[field] = value
  end
  return job
end

function M.find(id, plugin)
  local found, err = gifd.db.row("SELECT * FROM jobs WHERE id = ?1 AND plugin = ?2 AND name LIKE 'job %'", id, plugin)
  if not found then return found, err end
  return shaped(found)
end

--- -> true when it was not over yet. A schedule goes on.
function M.cancel(id, plugin)
  local done, err = gifd.db.run([[
    UPDATE jobs SET state = 'cancelled', lease_owner = NULL, lease_until = NULL, updated_at = ?3
    WHERE id = ?1 AND plugin = ?2 AND name LIKE 'job %' AND every IS NULL
      AND state IN ('pending', 'running', 'parked')]], id, plugin, moment.now())
  if not done then return nil, err end
  return done.changes == 1
end

--- -> true, or false when it does not run any more
function M.progress(id, plugin, text)
  local done, err = gifd.db.run([[
    UPDATE jobs SET progress = ?3, updated_at = ?4 WHERE id = ?1 AND plugin = ?2 AND state = 'running']], id, plugin,
    text, moment.now())
  if not done then return nil, err end
  return done.changes == 1
end

--- Takes the next due job of the lane, or one whose owner's lease ran out -> row with payload decoded, or false.
-- busy: plugins that have enough to do.
function M.lease(owner, seconds, lane, busy)
  local now = moment.now()
  local done, err = gifd.db.run([[
    UPDATE jobs SET state = 'running', lease_owner = ?1, lease_until = ?2, fence = fence + 1, attempts = attempts + 1,
      progress = NULL, updated_at = ?3
    WHERE id = COALESCE(
      (SELECT id FROM jobs WHERE state = 'running' AND lease_until < ?3 AND lane = ?4 ORDER BY lease_until LIMIT 1),
      (SELECT id FROM jobs WHERE state = 'pending' AND run_after <= ?3 AND lane = ?4
         AND (plugin IS NULL OR plugin NOT IN (SELECT value FROM json_each(?5)))
       ORDER BY priority DESC, run_after, id LIMIT 1))
    RETURNING *]], owner, now + math.floor(seconds * 1e6), now, lane, row.list(busy))
  if not done then return nil, err end
  local job = done.rows and done.rows[1]
  return job and shaped(job) or false
end

--- A cheap look before lease() takes the writer's turn.
function M.due(lane)
  local now = moment.now()
  local found, err = gifd.db.row([[
    SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'pending' AND run_after <= ?1 AND lane = ?2)
        OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < ?1 AND lane = ?2) AS due]], now, lane)
  if not found then return nil, err end
  return found.due == 1
end

local function settle(job, state, more, ...)
  local sql = ("UPDATE jobs SET state = ?3, lease_owner = NULL, lease_until = NULL, updated_at = ?4, %s "
    .. "WHERE id = ?1 AND fence = ?2 AND state = 'running'"):format(more)
  return { sql, job.id, job.fence, state, moment.now(), expect = 1, ... }
end

--- Statements for a batch: the outcome is written together with what the job made, or not at all.
function M.complete_statement(job) return settle(job, "completed", "error = ?5", gifd.null) end
function M.fail_statement(job, message) return settle(job, "failed", "error = ?5", message) end
function M.park_statement(job, why) return settle(job, "parked", "error = ?5, attempts = attempts - 1", why) end

--- result: JSON text
function M.result_statement(job, result) return settle(job, "completed", "error = NULL, result = ?5", result) end

--- A schedule after a run: its next time is the first one of its grid that has not passed, however long it took.
function M.reschedule_statement(job, result, message)
  return settle(job, "pending", [[attempts = 0, result = coalesce(?5, result), error = ?6,
    run_after = run_after + every * max(1, (?4 - run_after + every - 1) / every)]], row.null(result),
    row.null(message))
end

--- Back to pending after `seconds`, with the reason.
function M.retry(job, seconds, message)
  return gifd.db.batch { settle(job, "pending", "run_after = ?5, error = ?6",
    moment.now() + math.floor(seconds * 1e6), message) }
end

--- What the generation's plugins offer: schedules = array of { plugin, name, every (microseconds) }. A schedule that
-- is new runs at once; one that is known keeps its next time; one that is gone waits, parked, and so do jobs of
-- plugins that are gone (known: array of "plugin name"). What had been parked and is back goes on.
function M.offer(schedules, known)
  local now, calls, keys = moment.now(), {}, {}
  for i, s in ipairs(schedules) do
    keys[i] = ("schedule:%s/%s"):format(s.plugin, s.name)
    calls[#calls + 1] = { [[
      INSERT INTO jobs (name, lane, plugin, unique_key, payload, state, every, run_after, created_at, updated_at)
      VALUES ('job ' || ?2, 'plugin', ?1, ?3, 'null', 'pending', ?4, ?5, ?5, ?5)
      ON CONFLICT (unique_key) DO UPDATE SET every = excluded.every,
        run_after = CASE WHEN every = excluded.every THEN run_after ELSE min(run_after, ?5 + excluded.every) END]],
      s.plugin, s.name, keys[i], s.every, now }
  end
  calls[#calls + 1] = { [[
    UPDATE jobs SET state = 'parked', error = 'the schedule is not there any more', updated_at = ?2
    WHERE every IS NOT NULL AND state = 'pending' AND unique_key NOT IN (SELECT value FROM json_each(?1))]],
    row.list(keys), now }
  calls[#calls + 1] = { [[
    UPDATE jobs SET state = 'pending', error = NULL, updated_at = ?3
    WHERE state = 'parked' AND CASE WHEN every IS NULL THEN plugin || ' ' || name IN (SELECT value FROM json_each(?1))
                                    ELSE unique_key IN (SELECT value FROM json_each(?2)) END]],
    row.list(known), row.list(keys), now }
  return gifd.db.batch(calls)
end

--- A runner that starts owns nothing yet: what runners before it held (there is one at a time) is pending again. What
-- an older generation of this process (`own`, the beginning of its owners' names) left is not its fault.
function M.reclaim(owner, own)
  return gifd.db.run([[
    UPDATE jobs SET state = 'pending', attempts = attempts - (substr(lease_owner, 1, length(?3)) = ?3),
      lease_owner = NULL, lease_until = NULL, updated_at = ?2
    WHERE state = 'running' AND lease_owner <> ?1]], owner, moment.now(), own)
end

function M.sweep(before)
  return gifd.db.run([[
    DELETE FROM jobs WHERE id IN (
      SELECT id FROM jobs WHERE updated_at < ?1 AND every IS NULL
        AND (state IN ('completed', 'cancelled') OR state = 'failed' AND plugin IS NOT NULL) LIMIT 500)]], before)
end

--- Schedules for whoever asks: array of { plugin, name, every, run_after, state, error }
function M.schedules()
  local rows, err = gifd.db.rows([[SELECT plugin, substr(name, 5) AS name, every, run_after, state, error FROM jobs
    WHERE every IS NOT NULL ORDER BY plugin, name]])
  if not rows then return nil, err end
  return rows
end

return M
