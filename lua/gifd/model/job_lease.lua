--- model/job_lease: how a runner comes by its jobs (model/job), and keeps them: leases with a heartbeat, and what it
-- finds when it starts.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

local leased = "id, name, lane, plugin, payload, priority, attempts, fence, every, run_after, give_up_at, crashes, "
  .. "watched, doomed, account_id, trace"

local by_priority = {}
for value = 2, -1, -1 do
  by_priority[#by_priority + 1] = ([[SELECT * FROM (SELECT id, priority, run_after FROM jobs
    WHERE state = 'pending' AND waits = 0 AND lane = ?4 AND priority = %d AND run_after <= ?3 AND %%s
    ORDER BY run_after, id LIMIT ?6)]]):format(value)
end
local lease_sql = [[
  UPDATE jobs SET state = 'running', lease_owner = ?1, lease_until = ?2, fence = fence + 1, attempts = attempts + 1,
    percent = 0, message = NULL, started_at = ?3, updated_at = ?3
  WHERE id IN (SELECT id FROM (]] .. table.concat(by_priority, " UNION ALL ") .. [[)
    ORDER BY priority DESC, run_after, id LIMIT ?6)
  RETURNING ]] .. leased
local any_kind = "(plugin IS NULL OR plugin NOT IN (SELECT value FROM json_each(?5)))"
local these_kinds = "coalesce(plugin, '') || ' ' || name IN (SELECT value FROM json_each(?5))"

--- A statement for a batch: the next due jobs of the lane, at most `count`. list: plugins that have enough to do, or
-- with only = true the kinds ("plugin name") that are wanted. M.leased makes jobs of its rows.
function M.lease_statement(owner, seconds, lane, count, list, only)
  local now, which = moment.now(), only and these_kinds or any_kind
  return { lease_sql:format(which, which, which, which), owner, now + math.floor(seconds * 1e6), now, lane,
    row.list(list), count }
end

function M.leased(rows)
  for _, job in ipairs(rows or {}) do
    job.payload = row.decode(job.payload)
    if job.payload == gifd.null then job.payload = nil end
    job.watched = job.watched == 1
  end
  return rows or {}
end

--- A cheap look before a lease takes the writer's turn.
function M.due(lane)
  local found, err = gifd.db.row([[SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'pending' AND waits = 0
    AND lane = ?2 AND priority IN (2, 1, 0, -1) AND run_after <= ?1) AS due]], moment.now(), lane)
  if not found then return nil, err end
  return found.due == 1
end

--- How many of a lane are due, counted up to `most`.
function M.waiting(lane, most)
  local found, err = gifd.db.row([[SELECT count(*) AS n FROM (SELECT 1 FROM jobs WHERE state = 'pending' AND waits = 0
    AND lane = ?2 AND priority IN (2, 1, 0, -1) AND run_after <= ?1 LIMIT ?3)]], moment.now(), lane, most)
  return found and found.n, err
end

--- Statements for a batch: this owner's jobs stay its own for so long; and what no owner has kept is pending again.
function M.heartbeat_statements(owner, seconds)
  local now = moment.now()
  return { "UPDATE jobs SET lease_until = ?2 WHERE state = 'running' AND lease_owner = ?1", owner,
      now + math.floor(seconds * 1e6) },
    { [[UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, updated_at = ?1
        WHERE state = 'running' AND lease_until < ?1]], now }
end

--- Of these jobs, by id: those that are not ours to run any more: cancelled, or somebody else's.
function M.lost(jobs)
  local list = {}
  for _, job in pairs(jobs) do list[#list + 1] = gifd.json.array { job.id, job.fence } end
  return gifd.db.rows([[
    SELECT j.value ->> 0 AS id FROM json_each(?1) j WHERE NOT EXISTS (
      SELECT 1 FROM jobs WHERE id = j.value ->> 0 AND fence = j.value ->> 1 AND state = 'running')]], row.list(list))
end

--- What the generation's plugins offer: schedules = array of { plugin, name, every (microseconds), next? (the same, of
-- a cron expression) }. A schedule that is new runs at once, or at its next time; one that is known keeps its next
-- time; one that is gone waits, parked, and so do jobs of plugins that are gone (known: array of "plugin name"). What
-- had been parked and is back goes on.
function M.offer(schedules, known)
  local now, calls, keys = moment.now(), {}, {}
  for i, s in ipairs(schedules) do
    keys[i] = ("schedule:%s/%s"):format(s.plugin, s.name)
    calls[#calls + 1] = { [[
      INSERT INTO jobs (name, lane, plugin, unique_key, payload, state, every, run_after, created_at, updated_at)
      VALUES ('job ' || ?2, 'plugin', ?1, ?3, 'null', 'pending', ?4, coalesce(?6, ?5), ?5, ?5)
      ON CONFLICT (unique_key) DO UPDATE SET every = excluded.every,
        run_after = CASE WHEN ?6 IS NOT NULL AND run_after > ?5 THEN ?6
                         WHEN every = excluded.every THEN run_after ELSE min(run_after, ?5 + excluded.every) END]],
      s.plugin, s.name, keys[i], s.every, now, row.null(s.next) }
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

return M
