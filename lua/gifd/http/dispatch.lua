--- http/dispatch: one request from the router to its reply: gate, context, run, errors to problems.
--
-- A handler gets ctx = { identity or false, signed (claims of the URL's signature) or false, base, hook_ctx(plugin),
-- html(status, text), page(values) } and returns a reply as data, or nil, err. `json` in a reply is encoded here, and
-- what every reply says to browsers is added.
local address = require "gifd.http.address"
local auth = require "gifd.http.auth"
local context = require "gifd.plugin.context"
local exposed = require "gifd.http.exposed"
local guard = require "gifd.http.guard"
local page = require "gifd.http.page"
local pages = require "gifd.http.pages"
local problem = require "gifd.http.problem"
local signing = require "gifd.flow.signing"

local function html(status, text)
  return { status = status, type = "text/html; charset=utf-8", body = text, headers = {
    ["Content-Security-Policy"] = page.csp, ["Cache-Control"] = "no-store" } }
end

--- What only few handlers ask a ctx for is made when they do.
local made = {}

function made.hook_ctx(ctx)
  local id, identity = ctx.req.id, ctx.identity
  return function(plugin, deadline)
    return context.make(plugin, { request_id = id, identity = identity, deadline = deadline })
  end
end

function made.page(ctx)
  local id, agent = ctx.req.id, ctx.req.headers["user-agent"]
  return function(values)
    values.site, values.base_url, values.asset_url = ctx.app.settings.site.name, ctx.base, pages.asset_url
    values.user_agent, values.request_id = agent, values.status and values.status >= 500 and id or nil
    return values
  end
end

local ctx_mt = { __index = function(ctx, name)
  local make = made[name]
  local value = make and make(ctx)
  ctx[name] = value
  return value
end }

local function context_of(app, req, identity, base, signed)
  return setmetatable({ identity = identity, signed = signed, base = base, html = html, app = app, req = req }, ctx_mt)
end

--- A URL that claims a signature stands or falls by it, before anything is looked up: a refusal says nothing about what
-- there is. -> claims, or false when it claims none, or nil, err
local function signature(route, req)
  if not route.signed then return false end
  local query = req.query
  if not (query.signature or query.expires or query.kid) then return false end
  return signing.verify(req.target)
end

--- Charges what C has left to us: a request with credentials of a route that counts users or tokens. Whoever could not
-- say who he is pays by his address.
local function charge(route, identity)
  if not route.limits then return true end
  if not identity then return gifd.limit.charge() end
  return gifd.limit.charge(identity.account, identity.kind == "token" and tostring(identity.id)
    or identity.kind .. " " .. identity.id)
end

local function answer(app, route, req)
  local base = address.base(app.settings, req)
  local identity, signed, err = nil, nil, nil
  if not route.bare then
    signed, err = signature(route, req)
    if signed ~= nil then identity, err = auth.admit(req, route.auth, base) end
  end
  local charged, refusal = charge(route, identity)
  if not charged then return nil, refusal end
  if route.bare then return route.run(app, req, { base = base }) end
  if identity == nil then return nil, err end
  return route.run(app, req, context_of(app, req, identity, base, signed))
end

--- app = { settings, registry, routes } -> handle(index, req) for C
return function(app)
  return function(index, req)
    local route = app.routes[index]
    if gifd.server.dev then exposed.look(req) end
    local reply, err = answer(app, route, req)
    if not reply then reply = problem.of(req, err or gifd.err("internal", { message = "no reply" })) end
    if reply.json ~= nil then
      reply.body, reply.type, reply.json = gifd.json.encode(reply.json), "application/json", nil
    end
    return guard.mark(app, route, req, reply)
  end
end
