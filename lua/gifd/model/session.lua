--- model/session: sign-in links (one use, 30 minutes) and the sessions they become (30 days). Secrets are kept hashed.
local moment = require "gifd.moment"

local M = {}
M.link_seconds, M.seconds = 30 * 60, 30 * 86400

local function secret() return gifd.crypto.base64url(gifd.crypto.random(32)) end

--- With `further` statements -> code for /signin?code=
function M.link(account_id, further)
  local code, now = secret(), moment.now()
  local done, err = gifd.db.batch { { [[
    INSERT INTO signin_links (account_id, hash, expires_at, created_at) VALUES (?1, ?2, ?3, ?4)]],
    account_id, gifd.crypto.sha256(code), now + M.link_seconds * 1e6, now }, unpack(further) }
  if not done then return nil, err end
  return code
end

--- Whose link it is, whether it is good or not -> account_id, name | false | nil, err
function M.whose(code)
  if #code > 100 then return false end
  local found, err = gifd.db.row([[SELECT a.id, a.name FROM signin_links l JOIN accounts a ON a.id = l.account_id
    WHERE l.hash = ?1]], gifd.crypto.sha256(code))
  if not found then return found, err end
  return found.id, found.name
end

--- Takes the link and makes a session in one transaction, with `further` statements -> session secret; false when the
-- link is unknown, used or too old.
function M.enter(code, further)
  if #code > 100 then return false end
  local token, now = secret(), moment.now()
  local done, err = gifd.db.batch {
    { "UPDATE signin_links SET used_at = ?2 WHERE hash = ?1 AND used_at IS NULL AND expires_at > ?2",
      gifd.crypto.sha256(code), now, expect = 1 },
    { [[INSERT INTO sessions (account_id, hash, expires_at, created_at, updated_at)
        SELECT account_id, ?2, ?3, ?4, ?4 FROM signin_links WHERE hash = ?1]],
      gifd.crypto.sha256(code), gifd.crypto.sha256(token), now + M.seconds * 1e6, now, expect = 1 },
    unpack(further),
  }
  if done then return token end
  if err.code == "conflict" then return false end
  return nil, err
end

function M.find(token)
  if #token > 100 then return false end
  local found, err = gifd.db.row([[
    SELECT s.id, s.account_id, a.scopes, a.name AS account FROM sessions s JOIN accounts a ON a.id = s.account_id
    WHERE s.hash = ?1 AND s.expires_at > ?2 AND a.state = 'active']], gifd.crypto.sha256(token), moment.now())
  if found == nil then return nil, err end
  return found
end

--- With `further` statements, which see whether it was there.
function M.delete(id, further)
  return gifd.db.batch { { "DELETE FROM sessions WHERE id = ?1", id }, unpack(further) }
end

--- Removes what has run out, a bounded number at a time; tokens go from model/token.
function M.sweep()
  local now = moment.now()
  return gifd.db.batch {
    { "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1 LIMIT 500)", now },
    { "DELETE FROM signin_links WHERE id IN (SELECT id FROM signin_links WHERE expires_at < ?1 LIMIT 500)",
      now - 86400 * 1e6 },
  }
end

return M
