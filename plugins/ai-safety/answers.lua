--- answers: what was asked today, and answers that are used again; in the plugin's own database.
local MOST = 50000 -- answers that are kept

local M = {}

local told -- the day of which the log says that its budget is used up

--- One more request of today -> true, or nil, err. Counted before it is made, so that a kill makes it fewer, not more.
function M.spend(ctx)
  local day, most = gifd.time.rfc3339(gifd.time.now()):sub(1, 10), ctx.config.daily_requests
  local done, err = gifd.db.batch {
    { "DELETE FROM spent WHERE day < ?1", day },
    { "INSERT INTO spent (day, requests) VALUES (?1, 1) ON CONFLICT (day) DO UPDATE SET requests = requests + 1 "
      .. "WHERE requests < ?2", day, most },
  }
  if not done then return nil, err end
  if done[2].changes == 1 then return true end
  if told ~= day then ctx.log.error("budget.spent", { day = day, requests = most }) end
  told = day
  return nil, gifd.err("rate_limited", { retryable = false,
    message = ("the budget of %d requests for today is used up"):format(most) })
end

--- What was answered about the same before, or nil.
function M.find(ctx, key)
  if ctx.config.cache == 0 then return nil end
  local row = gifd.db.row("SELECT answer FROM answers WHERE key = ?1 AND at > ?2", key,
    gifd.time.now() - ctx.config.cache)
  return row and gifd.json.decode(row.answer) or nil
end

function M.keep(ctx, key, answer)
  if ctx.config.cache == 0 then return end
  local now = gifd.time.now()
  local calls = { { "INSERT OR REPLACE INTO answers (key, answer, at) VALUES (?1, ?2, ?3)", key,
    gifd.json.encode(answer), now } }
  if math.random(100) == 1 then
    calls[2] = { "DELETE FROM answers WHERE at <= max(?1, coalesce((SELECT at FROM answers ORDER BY at DESC LIMIT 1 "
      .. "OFFSET ?2), 0))", now - ctx.config.cache, MOST }
  end
  local done, err = gifd.db.batch(calls)
  if not done then ctx.log.warn("answer.lost", { code = err.code }) end
end

return M
