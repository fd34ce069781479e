--- flow/account: the first account of a data directory, tokens for it, and sign-in links. There is no default password.
local account_model = require "gifd.model.account"
local audit = require "gifd.flow.audit"
local moment = require "gifd.moment"
local nearest = require "gifd.nearest"
local session_model = require "gifd.model.session"
local token_model = require "gifd.model.token"

local M = {}

--- What a token or account may do; a permission of a plugin's route is PLUGINWORD:WORD.
M.scopes = { "admin", "moderate", "audit", "metrics", "trusted", "upload", "read" }
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

local function entry(fields, when)
  local calls = {}
  audit.add(nil, calls, fields, when)
  return calls
end

local function ensure(name, scopes)
  return account_model.ensure(name, scopes, entry({ action = "account.create", kind = "account", subject = name,
    account = name, detail = { scopes = scopes } }, "changed"))
end

--- The operator's account; made when the data directory has none. Whether it was made now is the second value.
function M.first()
  local account, err = account_model.first()
  if account == nil then return nil, err end
  if account then return account, false end
  account, err = ensure(M.first_name, account_model.admin_scopes)
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
  return ensure(name, account_model.user_scopes)
end

--- -> secret (told once), id; or nil, err
function M.token(account, scopes, name, expires_at)
  local words = table.concat(scopes, " ")
  return token_model.create(account.id, words, name, expires_at, entry { action = "token.create", kind = "token",
    account = account.name, detail = { scopes = words, expires_at = expires_at and moment.text(expires_at) } })
end

--- -> true when it was valid until now
function M.revoke(id)
  local account_id, err = token_model.account_of(id)
  if not account_id then return account_id, err end
  return token_model.revoke(id, entry({ action = "token.revoke", kind = "token", subject = id,
    account_id = account_id }, "changed"))
end

--- Tokens that ran out a month ago are forgotten.
function M.sweep()
  local rows, err = token_model.over(500)
  if not rows then return nil, err end
  if #rows == 0 then return true end
  local ids = {}
  for i, found in ipairs(rows) do ids[i] = found.id end
  return token_model.forget(ids, entry({ action = "token.forget", kind = "token", subject = ids[1],
    detail = { ids = gifd.json.array(ids) } }, "changed"))
end

function M.signin_code(account)
  return session_model.link(account.id, entry { action = "session.link", kind = "account", subject = account.name,
    account = account.name, class = "medium" })
end

--- A sign-in link becomes a session -> session secret; false when it is unknown, used or too old; or nil, err
function M.enter(code)
  local id, name = session_model.whose(code)
  if not id then return id, name end
  return session_model.enter(code, entry { action = "session.create", actor = "account:" .. name, kind = "session",
    account = name })
end

function M.leave(identity)
  return session_model.delete(identity.id, entry({ action = "session.end", by = identity, kind = "session",
    subject = identity.id, account = identity.account }, "changed"))
end

return M
