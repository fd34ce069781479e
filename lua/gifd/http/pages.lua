--- http/pages: the upload page at / and the files that pages link to, under names that change with their content.
local page = require "gifd.http.page"
local problem = require "gifd.http.problem"

local M = {}
local files = {}

--- read(name) -> text of lua/gifd/web/NAME. Once, while a generation loads.
function M.load(read)
  page.load(read)
  for _, file in ipairs(page.files) do
    local body = read(file.name)
    if not body then error("lua/gifd/web/" .. file.name .. " is not there", 0) end
    local version = gifd.crypto.sha256(body):sub(1, 16)
    files[file.name] = { type = file.type, body = body, version = version,
      url = "/web/" .. file.name .. "?v=" .. version }
  end
end

--- Where a page finds one of its files
function M.asset_url(name)
  local file = files[name]
  if not file then error("no page has a file " .. name, 0) end
  return file.url
end

function M.upload(app, _, ctx)
  return ctx.html(200, page.upload(ctx.page {
    signed_in = ctx.identity and ctx.identity:may("upload") or false, max_bytes = app.settings.uploads.max_bytes }))
end

--- GET /web/{file}: what is asked for with the ?v= of its content never changes.
function M.file(_, req)
  local file = files[req.params.file]
  if not file then return problem.not_found(req) end
  local forever = req.query.v == file.version
  return { status = 200, type = file.type, body = file.body, etag = '"' .. file.version .. '"', headers = {
    ["Cache-Control"] = forever and "public, max-age=31536000, immutable" or "public, max-age=60" } }
end

return M
