--- http/oembed: GET /oembed?url=: what a provider answers about a share's page (oEmbed 1.0). Only pages of this server.
local closed = require "gifd.http.closed"
local policy = require "gifd.http.policy"
local problem = require "gifd.http.problem"
local share_page = require "gifd.http.share_page"
local unfurl = require "gifd.http.unfurl"

local M = {}

function M.get(app, req, ctx)
  local url = req.query.url
  if not url then return problem.reply(req, 400, "invalid", "url is required") end
  local format = req.query.format or "json"
  if format ~= "json" and format ~= "xml" then
    return problem.reply(req, 501, "unsupported_media", "format is json or xml")
  end
  local origin, code = url:match("^(https?://.-)/s/([A-Za-z0-9_-]+)$")
  if origin ~= ctx.base then return problem.not_found(req) end
  local share, asset, public = share_page.find(nil, code)
  if share == nil then return nil, asset end
  if not share and type(public) == "table" then return closed.problem(req, asset) end
  if not share or not public then return problem.not_found(req) end
  local facts, err = share_page.facts(ctx, share, asset)
  if not facts then return nil, err end
  facts.maxwidth, facts.maxheight = req.query.maxwidth, req.query.maxheight
  local headers = { ["Cross-Origin-Resource-Policy"] = "cross-origin", ["Access-Control-Allow-Origin"] = "*" }
  policy.public(headers, app.settings, "previews", share.expires_at)
  facts.kind = req.query.type
  local said = unfurl.oembed(facts)
  if format == "json" then return { status = 200, json = said, headers = headers } end
  return { status = 200, type = "text/xml; charset=utf-8", body = unfurl.oembed_xml(said), headers = headers }
end

return M
