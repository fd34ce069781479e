--- flow/account: the first account of a data directory, tokens for it, and sign-in links. There is no default password.
local account_model = require "gifd.model.account"
local nearest = require "gifd.nearest"
local session_model = require "gifd.model.session"
local token_model = require "gifd.model.token"

local M = {}

--- What a token or account may do; a permission of a plugin's route is PLUGINWORD:WORD.
M.scopes = { "admin", "moderate", "audit", "trusted", "upload", "read" }
M.first_name = "admin"

--- "a,b" -> array, or nil, err
function M.parse_scopes(text)
  local out, seen = {}, {}
  for word in (text .. ","):gmatch("%s*([^,]*)%s*,") do
    local known = word:match("^[a-z][a-z0-9_-]*:[a-z0-9_-]+$") ~= nil
    for _, scope in ipairs(M.scopes) do known = known or scope == word end
    if not known then
      local near = nearest(word, M.scopes)
      return nil, gifd.err("invalid", { message = ("unknown scope %q%s"):format(word, near and (", did you mean "
        .. near .. "?") or "; known: " .. table.concat(M.scopes, ", ")) })
    end
    if not seen[word] then out[#out + 1] = word end
    seen[word] = true
  end
  return out
end

--- The operator's account; made when the data directory has none. Whether it was made now is the second value.
function M.first()
  local account, err = account_model.first()
  if account == nil then return nil, err end
  if account then return account, false end
  account, err = account_model.ensure(M.first_name, account_model.admin_scopes)
  if not account then return nil, err end
  return account, true
end

--- The account of this name (made as an ordinary one when there is none), or the operator's.
function M.named(name)
  local first, err = M.first()
  if not first then return nil, err end
  if not name then return first end
  if not name:match("^[%w][%w@%._-]*$") or #name > 64 then
    return nil, gifd.err("invalid", { message = "an account's name is 1 to 64 of a-zA-Z0-9@._-" })
  end
  return account_model.ensure(name, account_model.user_scopes)
end

function M.token(account, scopes, name, expires_at)
  return token_model.create(account.id, table.concat(scopes, " "), name, expires_at)
end

function M.signin_code(account) return session_model.link(account.id) end

return M
