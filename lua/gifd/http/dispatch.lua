--- http/dispatch: one request from the router to its reply: gate, context, run, errors to problems.
--
-- A handler gets ctx = { identity or false, base, hook_ctx(plugin), html(status, text), page(values) } and returns a
-- reply as data, or nil, err. `json` in a reply is encoded here.
local address = require "gifd.http.address"
local auth = require "gifd.http.auth"
local context = require "gifd.plugin.context"
local page = require "gifd.http.page"
local pages = require "gifd.http.pages"
local problem = require "gifd.http.problem"

local function html(status, text)
  return { status = status, type = "text/html; charset=utf-8", body = text, headers = {
    ["Content-Security-Policy"] = page.csp, ["Referrer-Policy"] = "strict-origin-when-cross-origin",
    ["X-Content-Type-Options"] = "nosniff", ["Cache-Control"] = "no-store" } }
end

local function context_of(app, req, identity, base)
  local ctx = { identity = identity, base = base, html = html }
  function ctx.hook_ctx(plugin)
    return context(plugin, { request_id = req.id, account = identity and identity.account or nil })
  end
  function ctx.page(values)
    values.site, values.base_url, values.asset_url = app.settings.site.name, base, pages.asset_url
    values.user_agent, values.request_id = req.headers["user-agent"], values.status and values.status >= 500 and req.id
      or nil
    return values
  end
  return ctx
end

local function answer(app, route, req)
  local base = address.base(app.settings, req)
  if route.bare then return route.run(app, req, { base = base }) end
  local identity, err = auth.admit(req, route.auth, base)
  if identity == nil then return nil, err end
  return route.run(app, req, context_of(app, req, identity, base))
end

--- app = { settings, registry, routes } -> handle(index, req) for C
return function(app)
  return function(index, req)
    local reply, err = answer(app, app.routes[index], req)
    if not reply then reply = problem.of(req, err or gifd.err("internal", { message = "no reply" })) end
    if reply.json ~= nil then
      reply.body, reply.type, reply.json = gifd.json.encode(reply.json), "application/json", nil
    end
    reply.headers = reply.headers or {}
    if not reply.headers["X-Content-Type-Options"] then reply.headers["X-Content-Type-Options"] = "nosniff" end
    return reply
  end
end
