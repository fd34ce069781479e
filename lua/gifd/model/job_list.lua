--- model/job_list: jobs for people: finding, listing, cancelling, trying again, forgetting.
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

M.states = { pending = true, running = true, completed = true, failed = true, cancelled = true, parked = true }
M.over = { completed = true, failed = true, cancelled = true }

--- A job of rows is of the type that a client knows: "render", "PLUGIN/NAME", ...
local function type_of(job)
  if job.name == "recipe" then return "render" end
  return job.plugin and job.plugin .. "/" .. job.name:match("^%l+ (.*)$") or job.name
end

--- As the API shows it.
function M.shown(job)
  return { id = tostring(job.id), type = type_of(job), state = job.state,
    priority = job_model.priority_names[job.priority], progress = job.percent, message = job.message or gifd.null,
    attempts = job.attempts, result = row.null(row.decode(job.result)), error = job.error or gifd.null,
    waits = job.waits > 0 and job.waits or nil, created_at = moment.text(job.created_at),
    run_at = moment.text(job.run_after), started_at = moment.text(job.started_at),
    ended_at = moment.text(job.ended_at) }
end

--- id: text or number; account_id: only if it is of this one -> row | false | nil, err
function M.find(id, account_id)
  local number = tonumber(tostring(id):match("^%d+$"))
  if not number or number > 2 ^ 53 then return false end
  return gifd.db.row("SELECT * FROM jobs WHERE id = ?1 AND (?2 IS NULL OR account_id = ?2)", number,
    row.null(account_id))
end

--- Of a plugin's own.
function M.find_of(id, plugin)
  return gifd.db.row("SELECT * FROM jobs WHERE id = ?1 AND plugin = ?2 AND name LIKE 'job %'", id, plugin)
end

function M.watched(id) return gifd.db.row("SELECT * FROM jobs WHERE id = ?1 AND watched = 1", id) end

--- From now on its changes are published.
function M.watch(id)
  return gifd.db.run("UPDATE jobs SET watched = 1 WHERE id = ?1 AND watched = 0", id)
end

--- filter = { state?, type?, account_id?, before? (id), limit } -> rows, the newest first; or nil, err
function M.list(filter)
  local where, values = {}, {}
  local function add(condition, value)
    values[#values + 1] = value
    where[#where + 1] = condition:gsub("%?", "?" .. #values)
  end
  if filter.state then add("state = ?", filter.state) end
  if filter.account_id then add("account_id = ?", filter.account_id) end
  if filter.before then add("id < ?", filter.before) end
  local plugin, name = (filter.type or ""):match("^([^/]+)/(.+)$")
  if plugin then
    add("plugin = ?", plugin)
    add("name IN ('job ' || ?, 'tell ' || ?)", name)
  elseif filter.type then
    add("name = ?", filter.type == "render" and "recipe" or filter.type)
    where[#where + 1] = "plugin IS NULL"
  end
  values[#values + 1] = filter.limit
  return gifd.db.rows(("SELECT * FROM jobs %s ORDER BY id DESC LIMIT ?%d"):format(
    #where > 0 and "WHERE " .. table.concat(where, " AND ") or "", #values), unpack(values))
end

--- Takes effect at once: what runs is stopped by the runner, and can write nothing any more. A schedule goes on; the
-- asset of a ladder has none. -> true when it was not over yet
function M.cancel(id, plugin)
  local now = moment.now()
  local done, err = gifd.db.batch {
    { [[UPDATE assets SET media = 'failed', media_reason = 'cancelled', updated_at = ?2
        WHERE media NOT IN ('ready', 'failed') AND id = (SELECT payload ->> 'asset_id' FROM jobs
          WHERE id = ?1 AND name = 'ladder' AND ?3 IS NULL AND state IN ('pending', 'running', 'parked'))]],
      id, now, row.null(plugin) },
    { [[UPDATE jobs SET state = 'cancelled', lease_owner = NULL, lease_until = NULL, updated_at = ?2, ended_at = ?2
        WHERE id = ?1 AND every IS NULL AND (?3 IS NULL OR plugin = ?3 AND name LIKE 'job %')
          AND state IN ('pending', 'running', 'parked')]], id, now, row.null(plugin) } }
  if not done then return nil, err end
  return done[2].changes == 1
end

--- What has failed, was cancelled or is parked is pending again, as if new -> true when it was so
function M.again(id)
  local now = moment.now()
  local done, err = gifd.db.batch {
    { [[UPDATE assets SET media = 'probed', media_reason = NULL, updated_at = ?2
        WHERE media = 'failed' AND id = (SELECT payload ->> 'asset_id' FROM jobs
          WHERE id = ?1 AND name = 'ladder' AND state IN ('failed', 'cancelled', 'parked'))]], id, now },
    { [[UPDATE jobs SET state = 'pending', attempts = 0, crashes = 0, error = NULL, doomed = NULL, waits = 0,
          percent = 0, message = NULL, give_up_at = NULL, run_after = ?2, ended_at = NULL, updated_at = ?2
        WHERE id = ?1 AND state IN ('failed', 'cancelled', 'parked')]], id, now } }
  if not done then return nil, err end
  return done[2].changes == 1
end

--- Forgets what was over before, and of the rest all but the last `kept` -> how many, at most `most`; or nil, err
function M.sweep(before, kept, most)
  local done, err = gifd.db.run([[
    DELETE FROM jobs WHERE id IN (SELECT id FROM jobs
      WHERE ended_at IS NOT NULL AND ended_at < max(?1, coalesce((SELECT ended_at FROM jobs
        WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?2), 0)) AND every IS NULL LIMIT ?3)]],
    before, kept, most)
  if not done then return nil, err end
  return done.changes
end

--- Schedules for whoever asks: array of { plugin, name, every, run_after, state, error }
function M.schedules()
  local rows, err = gifd.db.rows([[SELECT plugin, substr(name, 5) AS name, every, run_after, state, error FROM jobs
    WHERE every IS NOT NULL ORDER BY plugin, name]])
  if not rows then return nil, err end
  return rows
end

return M
