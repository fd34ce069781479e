--- model/account: who may. `scopes` are what a session of the account may do; a token has its own.
local moment = require "gifd.moment"

local M = {}
M.admin_scopes, M.user_scopes = "admin", "read upload"

function M.find(name)
  return gifd.db.row("SELECT * FROM accounts WHERE name = ?1", name)
end

function M.by_id(id)
  return gifd.db.row("SELECT * FROM accounts WHERE id = ?1", id)
end

--- The oldest account, or false on an empty data directory.
function M.first()
  return gifd.db.row("SELECT * FROM accounts ORDER BY id LIMIT 1")
end

--- Makes the account, with `further` statements, which see whether it did, or returns the one of that name.
function M.ensure(name, scopes, further)
  local _, err = gifd.db.batch { { [[INSERT INTO accounts (name, scopes, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?3) ON CONFLICT (name) DO NOTHING]], name, scopes, moment.now() }, unpack(further) }
  if err then return nil, err end
  return M.find(name)
end

return M
