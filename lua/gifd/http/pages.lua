--- http/pages: the upload page at / and the files that pages link to.
local page = require "gifd.http.page"
local problem = require "gifd.http.problem"

local M = {}

function M.upload(app, _, ctx)
  return ctx.html(200, page.upload(ctx.page { signed_in = ctx.identity and ctx.identity:may("upload") or false,
    account = ctx.identity and ctx.identity.account or nil, max_bytes = app.settings.uploads.max_bytes }))
end

--- GET /web/{file}: what a page asks for with ?v=VERSION never changes.
function M.file(_, req)
  local file = page.files[req.params.file]
  if not file then return problem.not_found(req) end
  local forever = req.query.v ~= nil and req.query.v == file.version
  return { status = 200, type = file.type, body = file.body, etag = '"' .. file.version .. '"', headers = {
    ["Cache-Control"] = forever and "public, max-age=31536000, immutable" or "public, max-age=60",
    ["X-Content-Type-Options"] = "nosniff" } }
end

return M
