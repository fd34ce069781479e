--- http/auth: who asks. A bearer token, or a session cookie; the token wins.
--
-- An identity is { account_id, account, kind = "token"|"session", id, name (of a token), may(self, scope),
-- trusted(self) }. Cookies are only believed on unsafe methods when Origin names this server, so that no other page can
-- use a visitor's session.
local session_model = require "gifd.model.session"
local token_model = require "gifd.model.token"

local M = { cookie = "gifd_session" }

local implied = { trusted = { "upload", "read" }, upload = { "read" }, moderate = { "read" } }
local identity_mt = { __index = {} }

--- scope "user": any identity
function identity_mt.__index:may(scope)
  return scope == "user" or self.scopes.admin == true or self.scopes[scope] == true
end

function identity_mt.__index:trusted() return self:may("trusted") end

local function identity(kind, row)
  local scopes = {}
  for scope in row.scopes:gmatch("%S+") do
    scopes[scope] = true
    for _, other in ipairs(implied[scope] or {}) do scopes[other] = true end
  end
  return setmetatable({ kind = kind, id = row.id, name = row.name, account_id = row.account_id,
    account = row.account, scopes = scopes },
    identity_mt)
end
M.identity = identity

local function cookie_of(req)
  local cookie = req.headers.cookie
  if not cookie then return nil end
  for name, value in (cookie .. ";"):gmatch("%s*([^=;%s]+)=([^;]*);") do
    if name == M.cookie then return value end
  end
end

local safe = { GET = true, HEAD = true, OPTIONS = true }

--- Does Origin name the server that the browser believes it talks to?
function M.same_origin(req, base_url)
  local origin = req.headers.origin
  if not origin or origin == "null" then return false end
  if base_url and origin == base_url:match("^(https?://[^/]+)") then return true end
  return req.host ~= "" and (origin == "http://" .. req.host or origin == "https://" .. req.host)
end

--- -> identity | false (nobody, with why), or nil, err when rows cannot be read
function M.who(req, base_url)
  local header = req.headers.authorization
  if header then
    local secret = header:match("^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+)$")
    if not secret then return false, "the Authorization field is not a bearer token" end
    local row, err = token_model.find(secret)
    if row == nil then return nil, err end
    if not row then return false, "the token is unknown or has expired" end
    return identity("token", row)
  end
  local cookie = cookie_of(req)
  if not cookie then return false, "this needs a token" end
  if not safe[req.method] and not M.same_origin(req, base_url) then return false, "origin" end
  local row, err = session_model.find(cookie)
  if row == nil then return nil, err end
  if not row then return false, "the session has ended" end
  return identity("session", row)
end

--- The gate of every route: auth is "public", "user" or a permission -> identity or false, or nil, err.
function M.admit(req, auth, base_url)
  local who, why = M.who(req, base_url)
  if who == nil then return nil, why end
  if why == "origin" and auth ~= "public" then
    return nil, gifd.err("denied", { message = "the request comes from another site" })
  end
  if auth == "public" then return who end
  if not who then return nil, gifd.err("unauthorized", { message = why }) end
  if not who:may(auth) then return nil, gifd.err("denied", { message = "this needs the scope " .. auth }) end
  return who
end

function M.set_cookie(secret, seconds, secure)
  return ("%s=%s; Max-Age=%d; Path=/; HttpOnly; SameSite=Lax%s"):format(M.cookie, secret, seconds, secure and "; Secure"
    or "")
end

return M
