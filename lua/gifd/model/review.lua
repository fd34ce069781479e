--- model/review: what waits for people (rows of `review_queue`), who is at it, and what was judged in numbers. Rows
-- come and go by triggers (sql/0016_review).
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

--- Of a thing in the queue; those that are a person's to decide now come without asking for a state.
M.states = { "flagged", "escalated", "appealed", "pending", "quarantined" }
local asked_for = { "flagged", "escalated", "appealed" }
local kinds = { "asset", "share" }

local columns = [[q.id, q.kind, q.subject, q.state, q.category, q.rank, q.since, q.passed_by, q.passed_holder,
  q.claim, q.claim_holder, q.claimed_by, q.claimed_until]]

--- What the id of a thing is called in addresses: an asset's id, a share's code.
local named = columns .. [[, coalesce(s.code, q.subject) AS name, coalesce(s.asset_id, q.subject) AS asset_id]]
local join = " LEFT JOIN shares s ON q.kind = 'share' AND s.id = CAST(q.subject AS INTEGER) "

--- filter = { kind?, categories = list, state? }; after = { rank, since, id } of the last one seen -> rows in order, or
-- nil, err. Each combination is in order by its index; the heads of all are merged.
function M.queue(filter, after, limit)
  local parts = {}
  for _, state in ipairs(filter.state and { filter.state } or asked_for) do
    for _, category in ipairs(filter.categories) do
      for _, kind in ipairs(filter.kind and { filter.kind } or kinds) do
        parts[#parts + 1] = ([[SELECT * FROM (SELECT * FROM review_queue WHERE state = '%s' AND category = '%s'
          AND kind = '%s' AND (rank, since, id) > (?1, ?2, ?3) ORDER BY rank, since, id LIMIT ?4)]]):format(state,
            category, kind)
      end
    end
  end
  return gifd.db.rows("SELECT " .. named .. " FROM (" .. table.concat(parts, " UNION ALL ")
    .. " ORDER BY rank, since, id LIMIT ?4) q" .. join .. "ORDER BY q.rank, q.since, q.id",
    after and after.rank or -1000, after and after.since or 0, after and after.id or 0, limit)
end

--- Where a thing stands in the queue -> row | false, or nil, err
function M.find(kind, id)
  return gifd.db.row("SELECT " .. named .. " FROM review_queue q" .. join .. "WHERE q.kind = ?1 AND q.subject = ?2",
    kind, tostring(id))
end

local free = "(claim_holder IS NULL OR claim_holder = ?3 OR claimed_until <= ?4)"

--- holder: who exactly; name: of the account. Whoever claims again what is theirs keeps the claim, for longer
-- -> true | false, or nil, err
function M.claim(kind, id, holder, name, seconds)
  local now = moment.now()
  local done, err = gifd.db.run([[UPDATE review_queue SET
      claim = CASE WHEN claim_holder = ?3 AND claimed_until > ?4 THEN claim ELSE ?5 END,
      claim_holder = ?3, claimed_by = ?7, claimed_until = ?6 WHERE kind = ?1 AND subject = ?2 AND ]] .. free,
    kind, tostring(id), holder, now, gifd.crypto.hex(gifd.crypto.random(8)), now + math.floor(seconds * 1e6), name)
  if not done then return nil, err end
  return done.changes == 1
end

function M.release(kind, id, holder)
  local done, err = gifd.db.run([[UPDATE review_queue SET claim = NULL, claim_holder = NULL, claimed_by = NULL,
    claimed_until = NULL WHERE kind = ?1 AND subject = ?2 AND claim_holder = ?3 AND claimed_until > ?4]], kind,
    tostring(id), holder, moment.now())
  if not done then return nil, err end
  return done.changes == 1
end

--- A statement for a batch, which fails it unless this holder has this claim, or nobody else has one.
function M.guard(kind, id, holder, claim)
  return { "UPDATE review_queue SET since = since WHERE kind = ?1 AND subject = ?2 AND " .. free
    .. " AND (?5 IS NULL OR claim = ?5 AND claimed_until > ?4)", kind, tostring(id), holder, moment.now(),
    row.null(claim), expect = 1 }
end

--- A statement for the batch of a decision "flagged": somebody else is to decide it, and before all others.
function M.pass_statement(kind, id, actor, holder)
  return { "UPDATE review_queue SET state = 'escalated', rank = rank - 100, passed_by = ?3, passed_holder = ?4 "
    .. "WHERE kind = ?1 AND subject = ?2", kind, tostring(id), actor, holder, expect = 1 }
end

--- -> { things = rows of kind, verdict, n; judges = rows; appeals = how many are open }, or nil, err
function M.counts()
  local things, err = gifd.db.rows "SELECT kind, verdict, n FROM verdict_counts"
  if not things then return nil, err end
  local judges, judges_err = gifd.db.rows "SELECT * FROM judge_counts ORDER BY judge"
  if not judges then return nil, judges_err end
  local appeals, appeals_err = gifd.db.row(
    "SELECT count(*) AS n FROM (SELECT 1 FROM appeals WHERE state = 'open' LIMIT 100000)")
  if not appeals then return nil, appeals_err end
  return { things = things, judges = judges, appeals = appeals.n }
end

return M
