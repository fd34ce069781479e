--- model/audit: rows that say what has changed, added to for ever; each is sealed together with the one before it.
--
--   digest = seal of what the row says   mac = seal of id, time, class, digest and the mac of the row before
--
-- So when what a row says has gone, the digest still holds the chain together. core/store/chain_int.h has the key.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local DAY = 86400

local M = {}

--- How long what a row says is kept, in seconds; false: for ever.
M.classes = { short = 30 * DAY, medium = 90 * DAY, long = 365 * DAY, compliance = 2555 * DAY, indefinite = false }

local says = "action, actor, kind, subject, asset, account, decision, detail"
local digest_of = "seal('audit_says', id, " .. says .. ")"
local insert = ([[
  WITH before AS MATERIALIZED (SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1),
  new AS MATERIALIZED (SELECT coalesce((SELECT id FROM before), 0) + 1 AS id, ?1 AS at, ?2 AS class, ?3 AS expires_at,
    ?4 AS action, ?5 AS actor, ?6 AS kind, ?7 AS subject, ?8 AS asset,
    coalesce(?9, (SELECT name FROM accounts WHERE id = ?10)) AS account, ?11 AS decision, ?12 AS detail),
  sealed AS MATERIALIZED (SELECT *, %s AS digest FROM new)
  INSERT INTO audit (id, at, class, expires_at, %s, digest, mac)
  SELECT id, at, class, expires_at, %s, digest,
    chain('audit', id, at, class, expires_at, digest, (SELECT mac FROM before)) FROM sealed %%s]])
  :format(digest_of, says, says)
local always, if_changed = insert:format(""), insert:format("WHERE changes() > 0")

--- A statement for a batch. entry: as of flow/audit.add; when: "changed", if only a statement that changed something
-- right before this one is to be told of
function M.statement(entry, when)
  local now = moment.now()
  local seconds = M.classes[entry.class]
  return { when == "changed" and if_changed or always, now, entry.class, row.null(seconds and now + seconds * 1e6),
    entry.action, entry.actor, entry.kind, tostring(entry.subject), row.null(entry.asset), row.null(entry.account),
    row.null(entry.account_id), row.null(entry.decision), gifd.json.encode(entry.detail) }
end

return M
