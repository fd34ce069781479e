--- model/signing_key: what signed URLs are signed with. One key signs, older ones verify until they are revoked.
--
--   (none) --make--> signing --rotate--> verifying --revoke--> revoked: its secret is forgotten
local moment = require "gifd.moment"

local M = {}
M.most = 16 -- that verify: SIGN_KEYS_MAX of core/crypto/sign.h

local insert = [[INSERT INTO signing_keys (kid, secret, state, created_at, updated_at)
  SELECT ?1, ?2, 'signing', ?3, ?3 ]]

local function name() return "k" .. gifd.crypto.code(6) end

local function text(secret) return gifd.crypto.base64url(secret or gifd.crypto.random(32)) end

--- Keys that are good for something, the newest last: array of { kid, secret (base64url), state, created_at }
function M.live()
  return gifd.db.rows("SELECT kid, secret, state, created_at FROM signing_keys WHERE state <> 'revoked' ORDER BY id")
end

function M.list()
  return gifd.db.rows("SELECT kid, state, created_at, updated_at FROM signing_keys ORDER BY id DESC LIMIT 1000")
end

function M.find(kid)
  return gifd.db.row("SELECT kid, state FROM signing_keys WHERE kid = ?1", kid)
end

--- A name for a key.
M.name = name

--- The first key, unless one signs already, with `further` statements, which see whether it did.
function M.make(kid, further)
  return gifd.db.batch { { insert .. "WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE state = 'signing')", kid,
    text(), moment.now() }, unpack(further) }
end

--- A new key signs, the old one verifies on, with `further` statements. secret: of one's own, or nil.
function M.rotate(kid, secret, further)
  local now = moment.now()
  return gifd.db.batch {
    { "UPDATE signing_keys SET state = 'verifying', updated_at = ?1 WHERE state = 'signing'", now },
    { insert .. "WHERE (SELECT COUNT(*) FROM signing_keys WHERE state <> 'revoked') < ?4", kid,
      text(secret), now, M.most, expect = 1 },
    unpack(further),
  }
end

--- With `further` statements, which see whether it changed -> true when it was good for something until now
function M.revoke(kid, further)
  local done, err = gifd.db.batch { { [[
    UPDATE signing_keys SET state = 'revoked', secret = '', updated_at = ?2 WHERE kid = ?1 AND state <> 'revoked']],
    kid, moment.now() }, unpack(further) }
  if not done then return nil, err end
  return done[1].changes == 1
end

return M
