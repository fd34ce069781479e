--- http/guard: what every reply says to browsers, where its handler has not said it itself. C adds it to what we return
-- and to what it refuses without asking us (core/script/refusal.h).
local cors = require "gifd.http.cors"

local M = {}

--- What is no page and no media can do nothing in a browser.
local fields = {
  ["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'",
  ["Cross-Origin-Resource-Policy"] = "same-origin",
  ["Referrer-Policy"] = "strict-origin-when-cross-origin",
  ["X-Content-Type-Options"] = "nosniff",
}

function M.mark(app, route, req, reply)
  local secret, cross = route.signed and req.query.signature, route.cross and not reply.cache
  if not secret and not cross then return reply end
  local headers = reply.headers or {}
  reply.headers = headers
  if secret then headers["Referrer-Policy"] = "no-referrer" end -- the address of what is signed is a secret
  if cross then cors.mark(app.settings, req, headers) end -- what is kept is the same for all
  return reply
end

--- For C: what replies say; the same for its problems, but for what they all say by themselves.
function M.refusals(settings)
  local open, secret = {}, {}
  for name, value in pairs(fields) do open[name], secret[name] = value, value end
  open["X-Content-Type-Options"], secret["X-Content-Type-Options"] = nil, nil
  secret["Referrer-Policy"] = "no-referrer"
  return { replies = fields, fields = open, secret = secret, origins = settings.cors.origins, exposed = cors.exposed }
end

return M
