--- http/share_page: GET /s/{code}: the page that unfurls, and the direct forms /s/{code}.EXT and .json.
--
-- A visit of the page by GET is one click; HEAD, the direct forms and the API are none. A click of a limited share
-- (max_visits) is durable before it is answered, and leads on to media by signed URLs that are good for LENT seconds:
--
--   owner, admin --> all, at no cost          preview program, HEAD --> words and one still picture, at no cost
--   anybody else --> one visit, one transaction --> all; 410 once none is left
local appeal_flow = require "gifd.flow.appeal"
local askers = require "gifd.flow.askers"
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local closed = require "gifd.http.closed"
local count = require "gifd.model.count"
local evidence = require "gifd.flow.evidence"
local keep = require "gifd.http.keep"
local kinds = require "gifd.model.event_kinds"
local media = require "gifd.http.media"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"
local page = require "gifd.http.page"
local policy = require "gifd.http.policy"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local signing = require "gifd.flow.signing"
local unfurl = require "gifd.http.unfurl"
local unfurlers = require "gifd.http.unfurlers"
local view = require "gifd.http.view"

local LENT, TRIES, PATIENCE = 600, 8, 3

local M = {}

local function limited(ctx, share)
  return share.max_visits ~= nil and not share_flow.owns(ctx.identity, share)
    and not share_flow.moderates(ctx.identity)
end

--- Until when (Unix seconds) what a share leads on to is lent by signed URLs; nil: its own addresses do.
local function lent_until(ctx, share)
  local ends = ctx.signed and (share.visibility == "private" or share.max_visits) and ctx.signed.expires or nil
  if limited(ctx, share) then ends = math.min(ends or math.huge, math.floor(gifd.time.now()) + LENT) end
  return ends and math.min(ends, share.expires_at and math.ceil(share.expires_at / 1e6) or math.huge)
end

--- Signs the addresses in a list, so that they open what they would not.
local function lend(ctx, share, list)
  local expires = lent_until(ctx, share)
  if not expires then return true end
  local path = "/a/" .. share.asset_id
  local url, err = signing.url(path, { expires = expires, params = { prefix = path, s = share.code } })
  if not url then return nil, err end
  local query = url:match("%?.*$")
  for _, entry in ipairs(list) do entry.url = entry.url .. query end
  return true
end

--- The facts for who does not pay with a visit: the poster alone, or the site's picture while there is none.
local function still(ctx, share, asset)
  local poster, err = rendition_model.find(asset.id, "poster.jpg")
  if poster == nil then return nil, err end
  local facts = ctx.page { share = view.share(ctx.base, share), renditions = {}, limited = true }
  local asset_json = { type = "image/svg+xml", width = 128, height = 128, bytes = 0, frames = 1, duration_ms = 0,
    url = ctx.base .. facts.asset_url("icon.svg") }
  if poster then
    local path = view.rendition_url("", asset.id, "poster.jpg")
    local url, sign_err = signing.url(path, { expires = lent_until(ctx, share) })
    if not url then return nil, sign_err end
    for _, name in ipairs { "type", "width", "height", "bytes" } do asset_json[name] = poster[name] end
    asset_json.url = ctx.base .. url
    facts.renditions.poster = asset_json
  end
  facts.asset = asset_json
  return facts
end

--- What page.lua and unfurl.lua are told about a share.
function M.facts(ctx, share, asset)
  local list, err = rendition_model.of_asset(asset.id)
  if not list then return nil, err end
  local asset_json, by_name, lent = view.asset(ctx.base, asset, list), {}, {}
  for i, r in ipairs(list) do -- by file, and by name that of its first type
    lent[i] = { type = r.type, width = r.width, height = r.height, bytes = r.bytes,
      url = view.rendition_url(ctx.base, asset.id, r.name) }
    local name = r.name:match("^[^.]+")
    by_name[r.name], by_name[name] = lent[i], by_name[name] or lent[i]
  end
  lent[#lent + 1] = asset_json
  local done, lend_err = lend(ctx, share, lent)
  if not done then return nil, lend_err end
  local share_json = view.share(ctx.base, share)
  if share_json.state == "live" and asset.verdict ~= "approved" then -- its owner is told what keeps others out
    share_json.state, share_json.reasons = asset.verdict, asset.reasons
  end
  local told = share.max_visits and not limited(ctx, share)
  return ctx.page { share = share_json, asset = asset_json, renditions = by_name, limited = share.max_visits ~= nil,
    visits = told and { left = share.visits_left, of = share.max_visits } or nil }
end

--- The share and asset if this asker may see them as everybody does, as their owner or by a signature -> share, asset,
-- shown (to everybody, as often as they like), or false, status (404, 410 or 451), why ("used_up", or the row that was
-- refused), or nil, err.
function M.find(identity, code, signed)
  local share, err = share_model.find(code)
  if share == nil then return nil, err end
  if not share then return false, 404 end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err or gifd.err("internal", { message = "a share without its asset" }) end
  local shut, refused = share_flow.closed(share, asset)
  local sees, private = share_flow.sees(identity, share, asset), share.visibility == "private"
  if not sees and private and not signed then return false, 404 end
  if not sees and shut then return false, shut, refused end
  if share_model.expired(share) then return false, 410 end
  if share_model.used_up(share) and not sees then return false, 410, "used_up" end
  return share, asset, not shut and not private and not share.max_visits
end

local function json(ctx, about)
  local asset_json, err = assets.json(about.app, ctx.base, about.asset)
  if not asset_json then return nil, err end
  local lent = { asset_json }
  for i, r in ipairs(asset_json.renditions) do lent[i + 1] = r end
  local done, lend_err = lend(ctx, about.share, lent)
  if not done then return nil, lend_err end
  done, err = metrics.fill { shares = { about.share } }
  if not done then return nil, err end
  local headers = { ["Cache-Control"] = policy.private }
  if about.public then
    policy.public(headers, about.app.settings, "previews", about.ends)
    headers["Cross-Origin-Resource-Policy"], headers["Access-Control-Allow-Origin"] = "cross-origin", "*"
  end
  return { status = 200, json = { asset = asset_json, share = view.share(ctx.base, about.share) }, headers = headers }
end

--- The share as an ActivityPub note, for who sees the page.
local function note(ctx, about)
  local facts, err = M.facts(ctx, about.share, about.asset)
  if not facts then return nil, err end
  local headers = { ["Cache-Control"] = policy.private }
  if about.public then policy.public(headers, about.app.settings, "previews", about.ends) end
  return { status = 200, type = "application/activity+json", body = gifd.json.encode(unfurl.note(facts)),
    headers = headers }
end

local function gone(req, ctx, code, status, why, direct)
  local used_up = why == "used_up"
  if why and not used_up and direct then return closed.problem(req, status) end
  if why and not used_up then return closed.page(ctx, status, why, code) end
  if direct then
    return problem.reply(req, status, "not_found", used_up and "the link is used up"
      or status == 410 and "the link has expired" or "there is nothing here")
  end
  return ctx.html(status, page.error(ctx.page { status = status, title = used_up and "This link is used up" or nil,
    detail = used_up and "It was shared for a limited number of visits, and they have been made." or nil }))
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

--- -> true, or false when the share has changed since it was read, or nil, err
local function visit(about, reply, free)
  local req, share = about.req, about.share
  if req.method == "HEAD" then return count.add(req, count.heads(share), askers) end
  if free then return count.add(req, count.clicks(share), askers) end
  if about.limited then return share_model.visit(share, req.asker, askers) end
  if share.max_visits or not gifd.request.from_start(reply, #reply.body) then return true end
  return count.add(req, count.clicks(share), askers)
end

--- Who looks at a limited page without visiting it: nobody in front of a screen.
local function glances(req)
  local verdict = evidence.judge(req.method, req.headers)
  return req.method ~= "GET" or verdict == kinds.PREVIEW or verdict == kinds.verdict_numbers.bot
end

--- The facts for who asks, or false when the share has changed; a preview program that looks once is made to wait
-- while what moves there is being made.
local function facts_for(about, ctx, free)
  local facts, err = (free and still or M.facts)(ctx, about.share, about.asset)
  if not facts then return nil, err end
  local row, known = unfurlers.of(about.req.headers["user-agent"])
  local wish = known and about.public and about.req.method == "GET" and unfurl.wish(facts, row)
  if not wish or not media.await(about.app, about.asset, wish, PATIENCE) then return facts end
  -- it may have been taken down meanwhile
  local share, asset = M.find(ctx.identity, about.share.code, ctx.signed)
  if not share then return share, asset end
  return M.facts(ctx, share, asset)
end

--- The page, or false when the share has changed since it was read
local function show(about, ctx)
  local req, share = about.req, about.share
  local free = about.limited and glances(req)
  local facts, err = facts_for(about, ctx, free)
  if not facts then return facts, err end
  facts.bare = req.query.show == "1"
  if appeal_flow.refused(share, about.asset) then
    facts.appeal, err = appeal_flow.link(share.code)
    if not facts.appeal then return nil, err end
  end
  facts.calm = about.app.settings.delivery.hints and calm(req)
  if ctx.signed and share.visibility == "private" then
    facts.link = ctx.base .. req.target:gsub("^%a+://[^/]*", "")
    facts.link_until = moment.text(ctx.signed.expires * 1e6)
  end
  local reply = ctx.html(200, page.share(facts))
  if not share.max_visits then reply.etag = '"' .. gifd.crypto.sha256(reply.body):sub(1, 32) .. '"' end
  page_headers(about, ctx, reply.headers)
  local counted, count_err = visit(about, reply, free)
  if not counted then return counted, count_err end
  if share.max_visits or not (about.public or about.signed) then return reply end
  return keep(reply, { asset = about.asset, share = share, ends = about.ends, signed = about.signed,
    anyone = about.signed and true or nil, counts = count.clicks(share) })
end

local look

function look(app, req, ctx, code, ext)
  local share, asset, shown = M.find(ctx.identity, code, ctx.signed)
  if share == nil then return nil, asset end
  if not share then return gone(req, ctx, code, asset, shown, ext ~= nil) end
  local about = { app = app, req = req, asset = asset, share = share, public = shown and not ctx.signed,
    signed = ctx.signed, ends = share.expires_at or math.huge, limited = limited(ctx, share),
    again = function() return look(app, req, ctx, code, ext) end }
  if ext and about.limited and not ctx.signed then return gone(req, ctx, code, 404, false, true) end
  if ext == "json" then return json(ctx, about) end
  if ext == "activity" then return note(ctx, about) end
  if ext then return media.choose(about, ext) end
  return show(about, ctx)
end

function M.get(app, req, ctx)
  local code, ext = req.params.code:match("^([^.]+)%.(%w+)$")
  for try = 1, TRIES do
    local reply, err = look(app, req, ctx, code or req.params.code, ext)
    if reply ~= false then return reply, err end
    local slept, sleep_err = gifd.time.sleep(0.005 * 2 ^ try) -- the visit that was the last may not be committed yet
    if not slept then return nil, sleep_err end
  end
  return nil, gifd.err("busy", { message = "the share keeps changing", retryable = true })
end

return M
