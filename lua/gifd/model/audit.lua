--- model/audit: rows that say what has changed, added to for ever; each is sealed together with the one before it
-- (model/audit_chain). What a row says goes when its class's time is over; the row stays.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local DAY, PART = 86400, 100000

local M = {}

--- How long what a row says is kept, in seconds; false: for ever.
M.classes = { short = 30 * DAY, medium = 90 * DAY, long = 365 * DAY, compliance = 2555 * DAY, indefinite = false }

local says = "action, actor, kind, subject, asset, account, decision, detail"
M.digest_of = "seal('audit_says', id, " .. says .. ")"

local insert = ([[
  WITH before AS MATERIALIZED (SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1),
  new AS MATERIALIZED (SELECT coalesce((SELECT id FROM before), 0) + 1 AS id, ?1 AS at, ?2 AS class, ?3 AS expires_at,
    ?4 AS action, ?5 AS actor, ?6 AS kind, coalesce(?7, CAST(last_insert_rowid() AS TEXT)) AS subject, ?8 AS asset,
    coalesce(?9, (SELECT name FROM accounts WHERE id = ?10)) AS account, ?11 AS decision, ?12 AS detail),
  sealed AS MATERIALIZED (SELECT *, %s AS digest FROM new)
  INSERT INTO audit (id, at, class, expires_at, %s, digest, mac)
  SELECT id, at, class, expires_at, %s, digest,
    chain('audit', id, at, class, expires_at, digest, (SELECT mac FROM before)) FROM sealed %%s]])
  :format(M.digest_of, says, says)
local always, if_changed = insert:format(""), insert:format("WHERE changes() > 0")

--- A statement for a batch. entry: as of flow/audit.add; when: "changed", if only a statement that changed something
-- right before this one is to be told of
function M.statement(entry, when)
  local now = moment.now()
  local seconds = M.classes[entry.class]
  local ends = seconds and now + seconds * 1e6 or nil
  return { when == "changed" and if_changed or always, now, entry.class, row.null(ends),
    entry.action, entry.actor, entry.kind, row.null(entry.subject and tostring(entry.subject)), row.null(entry.asset),
    row.null(entry.account), row.null(entry.account_id), row.null(entry.decision), gifd.json.encode(entry.detail) }
end

--- What may be asked for, the most telling first: the index of the first one is gone along; there is one of actor and
-- type together.
local filters = { { "asset", "asset" }, { "user", "account" }, { "actor", "actor" }, { "type", "action" } }

--- filter = { asset?, user? (an account's name), actor?, type?, from?, to? (microseconds) } -> conditions, values
local function conditions(filter)
  local where, values = { "action IS NOT NULL" }, {}
  local function add(condition, value)
    values[#values + 1] = value
    where[#where + 1] = condition:gsub("%?", "?" .. #values)
  end
  for _, one in ipairs(filters) do
    local value = filter[one[1]]
    local along = #values == 0 or one[1] == "type" and #values == 1 and filter.actor
    if value then add((along and "" or "+") .. one[2] .. " = ?", value) end
  end
  if filter.from then add("at >= ?", filter.from) end
  if filter.to then add("at < ?", filter.to) end
  return where, values
end

--- Rows, the newest first, or the oldest first (order = "up"), behind the place `after` = { at, id } -> rows | nil, err
function M.list(filter, order, after, limit)
  local where, values = conditions(filter)
  local up = order == "up"
  if after then
    local sign = up and ">" or "<"
    values[#values + 1], values[#values + 2] = after.at, after.id
    where[#where + 1] = ("at %s= ?%d AND (at %s ?%d OR id %s ?%d)"):format(sign, #values - 1, sign, #values - 1, sign,
      #values)
  end
  values[#values + 1] = limit
  local way = up and "" or "DESC"
  local rows, err = gifd.db.rows(("SELECT id, at, class, expires_at, %s, lower(hex(mac)) AS mac FROM audit WHERE %s "
    .. "ORDER BY at %s, id %s LIMIT ?%d"):format(says, table.concat(where, " AND "), way, way, #values),
    unpack(values))
  if not rows then return nil, err end
  return rows
end

--- How often what was done from `from` until `to`, counted a part at a time: array of { action, decision?, count }
function M.counts(from, to)
  local ends, err = gifd.db.row([[
    SELECT min(id) AS first, max(id) AS last FROM audit WHERE action IS NOT NULL AND at >= ?1 AND at < ?2]], from, to)
  if not ends then return nil, err end
  local out, known = {}, {}
  for first = ends.first or 1, ends.last or 0, PART do
    local rows, rows_err = gifd.db.rows([[
      SELECT action, decision, count(*) AS count FROM audit
      WHERE id >= ?1 AND id < ?2 AND action IS NOT NULL AND +at >= ?3 AND +at < ?4 GROUP BY action, decision]],
      first, first + PART, from, to)
    if not rows then return nil, rows_err end
    for _, found in ipairs(rows) do
      local key = found.action .. " " .. (found.decision or "")
      if known[key] then known[key].count = known[key].count + found.count
      else
        known[key] = found
        out[#out + 1] = found
      end
    end
  end
  table.sort(out, function(a, b)
    if a.action ~= b.action then return a.action < b.action end
    return (a.decision or "") < (b.decision or "")
  end)
  return out
end

--- The last entry of this action -> row | false | nil, err
function M.last(action)
  return gifd.db.row("SELECT subject, at FROM audit WHERE action = ?1 ORDER BY at DESC, id DESC LIMIT 1", action)
end

--- What was said goes when its time is over -> how many, at most `most`; or nil, err
function M.expire(most)
  local now = moment.now()
  local done, err = gifd.db.run([[
    UPDATE audit SET action = NULL, actor = NULL, kind = NULL, subject = NULL, asset = NULL, account = NULL,
      decision = NULL, detail = NULL
    WHERE id IN (SELECT id FROM audit WHERE action IS NOT NULL AND expires_at IS NOT NULL AND expires_at <= ?1 LIMIT ?2)
  ]], now - 1e6, most) -- the table's own clock has whole seconds
  if not done then return nil, err end
  return done.changes
end

--- As the API shows it.
function M.shown(found)
  return { id = found.id, at = moment.text(found.at), type = found.action, actor = found.actor, kind = found.kind,
    subject = found.subject, asset_id = row.null(found.asset), account = row.null(found.account),
    decision = row.null(found.decision), detail = row.decode(found.detail), class = found.class,
    expires_at = moment.text(found.expires_at), mac = found.mac }
end

return M
