--- model/token: bearer tokens, `gifd_` and 43 characters of base64url (256 random bits), kept as SHA-256 only.
--
-- A token is found by the hash of what was sent: how long the search takes says nothing about a secret that its
-- seeker does not have already.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

function M.well_formed(secret) return secret:match("^gifd_[A-Za-z0-9_-]+$") ~= nil and #secret == 48 end

--- With `further` statements -> secret (told once), id
function M.create(account_id, scopes, name, expires_at, further)
  local secret = "gifd_" .. gifd.crypto.base64url(gifd.crypto.random(32))
  local done, err = gifd.db.batch { { [[
    INSERT INTO tokens (account_id, name, hash, scopes, expires_at, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)]],
    account_id, name or "", gifd.crypto.sha256(secret), scopes, row.null(expires_at), moment.now() },
    unpack(further) }
  if not done then return nil, err end
  return secret, done[1].last_id
end

--- The token's row with its account's name, false for unknown, expired, revoked and disabled alike.
function M.find(secret)
  if not M.well_formed(secret) then return false end
  local found, err = gifd.db.row([[
    SELECT t.id, t.name, t.account_id, t.scopes, a.name AS account FROM tokens t JOIN accounts a ON a.id = t.account_id
    WHERE t.hash = ?1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2) AND a.state = 'active']],
    gifd.crypto.sha256(secret), moment.now())
  if found == nil then return nil, err end
  return found
end

function M.list()
  local rows, err = gifd.db.rows([[
    SELECT t.id, t.name, t.scopes, t.expires_at, t.revoked_at, t.created_at, a.name AS account
    FROM tokens t JOIN accounts a ON a.id = t.account_id ORDER BY t.id LIMIT 1000]])
  if not rows then return nil, err end
  return rows
end

--- With `further` statements, which see whether it changed -> true when it was valid until now
function M.revoke(id, further)
  local done, err = gifd.db.batch { { [[
    UPDATE tokens SET revoked_at = ?2, updated_at = ?2 WHERE id = ?1 AND revoked_at IS NULL]], id, moment.now() },
    unpack(further) }
  if not done then return nil, err end
  return done[1].changes == 1
end

--- Those that have run out a month ago: array of { id }
function M.over(limit)
  return gifd.db.rows("SELECT id FROM tokens WHERE expires_at < ?1 LIMIT ?2", moment.now() - 30 * 86400 * 1e6, limit)
end

function M.forget(ids, further)
  return gifd.db.batch { { "DELETE FROM tokens WHERE id IN (SELECT value FROM json_each(?1))", row.list(ids) },
    unpack(further) }
end

--- Whose it is -> account_id | false | nil, err
function M.account_of(id)
  local found, err = gifd.db.row("SELECT account_id FROM tokens WHERE id = ?1", id)
  if not found then return found, err end
  return found.account_id
end

return M
