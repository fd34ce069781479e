--- model/token: bearer tokens, `gifd_` and 43 characters of base64url (256 random bits), kept as SHA-256 only.
--
-- A token is found by the hash of what was sent: how long the search takes says nothing about a secret that its
-- seeker does not have already.
local moment = require "gifd.moment"
local row = require "gifd.model.row"

local M = {}

function M.well_formed(secret) return secret:match("^gifd_[A-Za-z0-9_-]+$") ~= nil and #secret == 48 end

--- -> secret (told once), id
function M.create(account_id, scopes, name, expires_at)
  local secret = "gifd_" .. gifd.crypto.base64url(gifd.crypto.random(32))
  local done, err = gifd.db.run([[
    INSERT INTO tokens (account_id, name, hash, scopes, expires_at, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)]],
    account_id, name or "", gifd.crypto.sha256(secret), scopes, row.null(expires_at), moment.now())
  if not done then return nil, err end
  return secret, done.last_id
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

--- -> true when it was valid until now
function M.revoke(id)
  local done, err = gifd.db.run([[
    UPDATE tokens SET revoked_at = ?2, updated_at = ?2 WHERE id = ?1 AND revoked_at IS NULL]], id, moment.now())
  if not done then return nil, err end
  return done.changes == 1
end

return M
