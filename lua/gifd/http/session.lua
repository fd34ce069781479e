--- http/session: a one-time link becomes a cookie, and the way out again.
local account_flow = require "gifd.flow.account"
local auth = require "gifd.http.auth"
local page = require "gifd.http.page"
local session_model = require "gifd.model.session"

local M = {}

function M.enter(_, req, ctx)
  local code = req.query.code
  if not code then return ctx.html(200, page.signin(ctx.page {})) end
  local secret, err = account_flow.enter(code)
  if secret == nil then return nil, err end
  if not secret then
    return ctx.html(403, page.signin(ctx.page { fault = "This link no longer works: each does once, for 30 minutes." }))
  end
  local secure = ctx.base:match("^https:") ~= nil
  return { status = 303, headers = { Location = "/", ["Cache-Control"] = "no-store",
    ["Referrer-Policy"] = "no-referrer",
                                     ["Set-Cookie"] = auth.set_cookie(secret, session_model.seconds, secure) } }
end

function M.leave(_, _, ctx)
  if ctx.identity and ctx.identity.kind == "session" then
    local done, err = account_flow.leave(ctx.identity)
    if not done then return nil, err end
  end
  return { status = 303, headers = { Location = "/", ["Cache-Control"] = "no-store",
                                     ["Set-Cookie"] = auth.set_cookie("", 0, ctx.base:match("^https:") ~= nil) } }
end

return M
