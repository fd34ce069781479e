--- http/guard: what every reply says to browsers, where its handler has not said it itself. C says the same in what it
-- refuses without asking us (core/script/refusal.h).
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
  reply.headers = reply.headers or {}
  local headers = reply.headers
  for name, value in pairs(fields) do headers[name] = headers[name] or value end
  -- The address of what is signed is a secret.
  if route.signed and req.query.signature then headers["Referrer-Policy"] = "no-referrer" end
  if route.cross and not reply.cache then cors.mark(app.settings, req, headers) end -- what is kept is the same for all
  return reply
end

--- The same for C, but for what all its problems say by themselves.
function M.refusals(settings)
  local open, secret = {}, {}
  for name, value in pairs(fields) do open[name], secret[name] = value, value end
  open["X-Content-Type-Options"], secret["X-Content-Type-Options"] = nil, nil
  secret["Referrer-Policy"] = "no-referrer"
  return { fields = open, secret = secret, origins = settings.cors.origins, exposed = cors.exposed }
end

return M
