--- model/job: durable work. A job is leased with a fencing number: whoever lost the lease can no longer write its
-- outcome.
--
--   pending --lease--> running --complete--> completed
--      ^                  |---retry (later)--> pending
--      '--lease ran out---'---give up--------> failed
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

--- Takes the next due job, or one whose owner's lease ran out -> row with payload decoded, or false.
function M.lease(owner, seconds)
  local now = moment.now()
  local done, err = gifd.db.run([[
    UPDATE jobs SET state = 'running', lease_owner = ?1, lease_until = ?2, fence = fence + 1, attempts = attempts + 1,
      updated_at = ?3
    WHERE id = COALESCE(
      (SELECT id FROM jobs WHERE state = 'running' AND lease_until < ?3 ORDER BY lease_until LIMIT 1),
      (SELECT id FROM jobs WHERE state = 'pending' AND run_after <= ?3 ORDER BY priority DESC, run_after, id LIMIT 1))
    RETURNING *]], owner, now + seconds * 1e6, now)
  if not done then return nil, err end
  local job = done.rows and done.rows[1]
  if not job then return false end
  row.clean(job)
  job.payload = row.decode(job.payload)
  return job
end

--- A cheap look before lease() takes the writer's turn.
function M.due()
  local now = moment.now()
  local found, err = gifd.db.row([[
    SELECT EXISTS (SELECT 1 FROM jobs WHERE state = 'pending' AND run_after <= ?1)
        OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < ?1) AS due]], now)
  if not found then return nil, err end
  return found.due == 1
end

local function settle(job, state, more, value)
  local sql = ("UPDATE jobs SET state = ?3, lease_owner = NULL, lease_until = NULL, updated_at = ?4, %s "
    .. "WHERE id = ?1 AND fence = ?2 AND state = 'running'"):format(more)
  return { sql, job.id, job.fence, state, moment.now(), value, expect = 1 }
end

--- Statements for a batch: the outcome is written together with what the job made, or not at all.
function M.complete_statement(job) return settle(job, "completed", "error = ?5", gifd.null) end
function M.fail_statement(job, message) return settle(job, "failed", "error = ?5", message) end

--- Back to pending after `seconds`, with the reason.
function M.retry(job, seconds, message)
  local call = settle(job, "pending", "run_after = ?5, error = ?6", moment.now() + math.floor(seconds * 1e6))
  call[#call + 1] = message
  return gifd.db.batch { call }
end

--- A runner that starts owns nothing yet: what runners before it held (there is one at a time) is pending again.
function M.reclaim(owner)
  return gifd.db.run([[UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_until = NULL, updated_at = ?2
                       WHERE state = 'running' AND lease_owner <> ?1]], owner, moment.now())
end

function M.sweep(before)
  return gifd.db.run([[
    DELETE FROM jobs WHERE id IN (
      SELECT id FROM jobs WHERE state IN ('completed', 'cancelled') AND updated_at < ?1 LIMIT 500)]], before)
end

return M
