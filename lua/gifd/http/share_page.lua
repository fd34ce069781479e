--- http/share_page: GET /s/{code}: the page that unfurls, and the direct forms /s/{code}.EXT and .json.
--
-- A visit of the page by GET is one click; HEAD, the direct forms and the API are none.
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local click = require "gifd.model.click"
local keep = require "gifd.http.keep"
local media = require "gifd.http.media"
local moment = require "gifd.moment"
local page = require "gifd.http.page"
local policy = require "gifd.http.policy"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local signing = require "gifd.flow.signing"
local view = require "gifd.http.view"

local M = {}

--- What is asked for by a signed URL of a private share leads on to media by signed URLs, which end when it does.
local function lend(ctx, share, list)
  if not ctx.signed or share.visibility ~= "private" then return true end
  local path = "/a/" .. share.asset_id
  local url, err = signing.url(path, { expires = ctx.signed.expires, params = { prefix = path } })
  if not url then return nil, err end
  local query = url:match("%?.*$")
  for _, entry in ipairs(list) do entry.url = entry.url .. query end
  return true
end

--- What page.lua and unfurl.lua are told about a share.
function M.facts(ctx, share, asset)
  local list, err = rendition_model.of_asset(asset.id)
  if not list then return nil, err end
  local asset_json, by_name, lent = view.asset(ctx.base, asset, list), {}, {}
  for i, r in ipairs(list) do
    by_name[r.name] = { type = r.type, width = r.width, height = r.height, bytes = r.bytes,
      url = view.rendition_url(ctx.base, asset.id, r.name) }
    lent[i] = by_name[r.name]
  end
  lent[#lent + 1] = asset_json
  local done, lend_err = lend(ctx, share, lent)
  if not done then return nil, lend_err end
  local share_json = view.share(ctx.base, share)
  if share_json.state == "live" and asset.verdict ~= "approved" then -- its owner is told what keeps others out
    share_json.state, share_json.reasons = asset.verdict, asset.reasons
  end
  return ctx.page { share = share_json, asset = asset_json, renditions = by_name }
end

--- The share and asset if this asker may see them as everybody does, as their owner or by a signature -> share, asset,
-- shown (to everybody), or false, status (404 or 410), or nil, err.
function M.find(identity, code, signed)
  local share, err = share_model.find(code)
  if share == nil then return nil, err end
  if not share then return false, 404 end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err or gifd.err("internal", { message = "a share without its asset" }) end
  local approved = share.verdict == "approved" and asset.verdict == "approved"
  local shown = approved and share.visibility ~= "private"
  if not shown and not (approved and signed) and not share_flow.owns(identity, share) then return false, 404 end
  if share_model.expired(share) then return false, 410 end
  return share, asset, shown
end

local function json(ctx, about)
  local asset_json, err = assets.json(ctx.base, about.asset)
  if not asset_json then return nil, err end
  local lent = { asset_json }
  for i, r in ipairs(asset_json.renditions) do lent[i + 1] = r end
  local done, lend_err = lend(ctx, about.share, lent)
  if not done then return nil, lend_err end
  local headers = { ["Cache-Control"] = policy.private }
  if about.public then
    policy.public(headers, about.app.settings, "previews", about.ends)
    headers["Cross-Origin-Resource-Policy"], headers["Access-Control-Allow-Origin"] = "cross-origin", "*"
  end
  return { status = 200, json = { asset = asset_json, share = view.share(ctx.base, about.share) }, headers = headers }
end

local function gone(req, ctx, status, direct)
  if direct then
    return problem.reply(req, status, "not_found", status == 410 and "the link has expired" or "there is nothing here")
  end
  return ctx.html(status, page.error(ctx.page { status = status }))
end

--- Does this client ask for less? C keeps replies for such clients apart from the others (core/script/visit.c).
local function calm(req)
  return (req.headers["save-data"] or ""):lower() == "on"
    or (req.headers["sec-ch-prefers-reduced-motion"] or ""):lower():match("^\"?reduce\"?$") ~= nil
end

local function page_headers(about, ctx, headers)
  headers.Vary = "User-Agent"
  if about.app.settings.delivery.hints then
    headers.Vary = "User-Agent, Save-Data, Sec-CH-Prefers-Reduced-Motion"
    headers["Accept-CH"] = "Sec-CH-Prefers-Reduced-Motion"
  end
  headers["Cache-Control"] = policy.private
  if not about.public then return end
  policy.public(headers, about.app.settings, "pages", about.share.expires_at)
  headers.Link = ('<%s/oembed?url=%s>; rel="alternate"; type="application/json+oembed"; title="oEmbed"'):format(
    ctx.base, gifd.text.uri(ctx.base .. "/s/" .. about.share.code))
end

local function show(about, ctx)
  local req, share = about.req, about.share
  local facts, err = M.facts(ctx, share, about.asset)
  if not facts then return nil, err end
  facts.calm = about.app.settings.delivery.hints and calm(req)
  if ctx.signed and share.visibility == "private" then
    facts.link = ctx.base .. req.target:gsub("^%a+://[^/]*", "")
    facts.link_until = moment.text(ctx.signed.expires * 1e6)
  end
  if req.method == "GET" then
    local counted, count_err = click.add(share.id, req.asker)
    if not counted then return nil, count_err end
  end
  local reply = ctx.html(200, page.share(facts))
  reply.etag = '"' .. gifd.crypto.sha256(reply.body):sub(1, 32) .. '"'
  page_headers(about, ctx, reply.headers)
  if not about.public and not about.signed then return reply end
  return keep(reply, { asset = about.asset, share = share, ends = about.ends, signed = about.signed,
    anyone = about.signed and true or nil, counts = { share.id } })
end

function M.get(app, req, ctx)
  local code, ext = req.params.code:match("^([^.]+)%.(%w+)$")
  code = code or req.params.code
  local share, asset, shown = M.find(ctx.identity, code, ctx.signed)
  if share == nil then return nil, asset end
  if not share then return gone(req, ctx, asset, ext ~= nil) end
  local about = { app = app, req = req, asset = asset, share = share, public = shown and not ctx.signed,
    signed = ctx.signed, ends = share.expires_at or math.huge }
  if ext == "json" then return json(ctx, about) end
  if ext then return media.choose(about, ext) end
  return show(about, ctx)
end

return M
