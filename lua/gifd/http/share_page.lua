--- http/share_page: GET /s/{code}: the page that unfurls, and the direct forms /s/{code}.EXT and .json.
--
-- A visit of the page by GET is one click; HEAD, the direct forms and the API are none.
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local click = require "gifd.model.click"
local keep = require "gifd.http.keep"
local media = require "gifd.http.media"
local page = require "gifd.http.page"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local view = require "gifd.http.view"

local M = {}

--- What page.lua and unfurl.lua are told about a share.
function M.facts(ctx, share, asset)
  local list, err = rendition_model.of_asset(asset.id)
  if not list then return nil, err end
  local by_name = {}
  for _, r in ipairs(list) do
    by_name[r.name] = { type = r.type, width = r.width, height = r.height, bytes = r.bytes,
      url = view.rendition_url(ctx.base, asset.id, r.name) }
  end
  local share_json = view.share(ctx.base, share)
  if share_json.state == "live" and asset.verdict ~= "approved" then -- its owner is told what keeps others out
    share_json.state, share_json.reasons = asset.verdict, asset.reasons
  end
  return ctx.page { share = share_json, asset = view.asset(ctx.base, asset, list), renditions = by_name }
end

--- The share and asset if this asker may see them as everybody does or as their owner -> share, asset, public
-- or false, status (404 or 410), or nil, err.
function M.find(identity, code)
  local share, err = share_model.find(code)
  if share == nil then return nil, err end
  if not share then return false, 404 end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err or gifd.err("internal", { message = "a share without its asset" }) end
  local owns = share_flow.owns(identity, share)
  local shown = share.verdict == "approved" and asset.verdict == "approved" and share.visibility ~= "private"
  if not shown and not owns then return false, 404 end
  if share_model.expired(share) then return false, 410 end
  return share, asset, shown
end

local function json(ctx, share, asset, public)
  local asset_json, err = assets.json(ctx.base, asset)
  if not asset_json then return nil, err end
  return { status = 200, json = { asset = asset_json, share = view.share(ctx.base, share) }, headers = {
    ["Cache-Control"] = public and "no-cache" or "private, no-store", ["Access-Control-Allow-Origin"] = public and "*"
      or nil } }
end

local function gone(req, ctx, status, direct)
  if direct then
    return problem.reply(req, status, "not_found", status == 410 and "the link has expired" or "there is nothing here")
  end
  return ctx.html(status, page.error(ctx.page { status = status }))
end

function M.get(_, req, ctx)
  local code, ext = req.params.code:match("^([^.]+)%.(%w+)$")
  code = code or req.params.code
  local share, asset, public = M.find(ctx.identity, code)
  if share == nil then return nil, asset end
  if not share then return gone(req, ctx, asset, ext ~= nil) end
  if ext == "json" then return json(ctx, share, asset, public) end
  local about = { asset = asset, share = share, ends = share.expires_at or math.huge }
  if ext then
    local reply, choose_err = media.choose(req, asset, public, ext)
    if not reply or not public then return reply, choose_err end
    about.anyone = true
    return keep(reply, about)
  end
  local facts, err = M.facts(ctx, share, asset)
  if not facts then return nil, err end
  if req.method == "GET" then
    local counted, count_err = click.add(share.id)
    if not counted then return nil, count_err end
  end
  local reply = ctx.html(200, page.share(facts))
  reply.headers.Vary = "User-Agent"
  reply.headers["Cache-Control"] = public and "no-cache" or "private, no-store"
  reply.headers.Link = ('<%s/oembed?url=%s>; rel="alternate"; type="application/json+oembed"; title="oEmbed"'):format(
    ctx.base, gifd.text.uri(ctx.base .. "/s/" .. share.code))
  if not public then return reply end
  about.counts = { share.id }
  return keep(reply, about)
end

return M
