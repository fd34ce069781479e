--- http/cors: pages of which other sites may read our replies (https://fetch.spec.whatwg.org/#http-cors-protocol).
--
-- Public media, oEmbed and .json are for everybody. Of the rest, only what config.lua's cors.origins names may read it,
-- and only with a token: cookies never cross, since no reply allows credentials.
local vary = require "gifd.http.vary"

local M = {}

--- What such a page may read beside the body.
M.exposed = "ETag, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Request-Id, Retry-After"
local asked = "Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, "
  .. "If-Unmodified-Since, Prefer, Range, Request-Id"

local function listed(settings, origin)
  for _, known in ipairs(settings.cors.origins) do
    if known == "*" or known == origin then return known end
  end
end

--- Says in a reply's headers whether the page that asks may read it.
function M.mark(settings, req, headers)
  if #settings.cors.origins == 0 or headers["Access-Control-Allow-Origin"] then return end
  local origin = req.headers.origin
  local known = listed(settings, origin)
  if known ~= "*" then vary(headers, "Origin") end
  if not origin or not known then return end
  headers["Access-Control-Allow-Origin"] = known
  headers["Access-Control-Expose-Headers"] = M.exposed
end

--- OPTIONS of one pattern: what may be done there, and the answer to a preflight.
local function options(methods)
  local allow = table.concat(methods, ", ")
  return function(app, req)
    local headers = { Allow = allow, ["Cache-Control"] = "no-store" }
    M.mark(app.settings, req, headers)
    headers["Access-Control-Expose-Headers"] = nil
    if headers["Access-Control-Allow-Origin"] and req.headers["access-control-request-method"] then
      headers["Access-Control-Allow-Methods"], headers["Access-Control-Allow-Headers"] = allow, asked
      headers["Access-Control-Max-Age"] = app.settings.cors.max_age
    end
    return { status = 204, headers = headers }
  end
end

--- Adds an OPTIONS route for each pattern of a route with `cross`. Without origins the router's own answer does.
function M.routes(settings, routes)
  if #settings.cors.origins == 0 then return routes end
  local of, order = {}, {}
  for _, route in ipairs(routes) do
    if route.cross then
      if not of[route.pattern] then
        of[route.pattern] = {}
        order[#order + 1] = route.pattern
      end
      local methods = of[route.pattern]
      methods[#methods + 1] = route.method
      if route.method == "GET" then methods[#methods + 1] = "HEAD" end
    end
  end
  for _, pattern in ipairs(order) do
    local methods = of[pattern]
    methods[#methods + 1] = "OPTIONS"
    routes[#routes + 1] = { method = "OPTIONS", pattern = pattern, auth = "public", bare = true,
      run = options(methods) }
  end
  return routes
end

return M
