--- http/media: bytes of assets: /a/{id}, /a/{id}.EXT, /a/{id}/{rendition}; and the choice of bytes for /s/{code}.EXT.
--
-- Every form asks the same question (flow/share.media_access) and describes its reply as data: a digest, a type,
-- headers. What is asked for is `about` = { app, req, asset, share?, named? (the share of ?s=CODE), public (strangers
-- may have it, without a signature), signed (claims of the URL's signature, or false), ends (microseconds, math.huge or
-- nil: until when) }. Each reply is a view (model/count).
local accept = require "gifd.http.accept"
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local count = require "gifd.model.count"
local disposition = require "gifd.http.disposition"
local keep = require "gifd.http.keep"
local policy = require "gifd.http.policy"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local renditions = require "gifd.flow.renditions"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local vary = require "gifd.http.vary"
local view = require "gifd.http.view"

local HOLD = 5

local M = {}

local media_csp = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

-- Values of ?download that name no file.
local nameless = { [""] = true, ["1"] = true, ["true"] = true, yes = true }

local function attachment(about, type, name)
  local asked, wanted = about.req.query.download, {}
  if not nameless[asked] then wanted[1] = asked end
  if about.share and about.share.title ~= "" then wanted[#wanted + 1] = about.share.title end
  local own = about.share and about.share.code or about.asset.id
  if name == "poster" then own = own .. "-poster" end
  return disposition.attachment(wanted, own, view.extension(type))
end

--- A reply of a blob, counted: file is the asset (its original) or one of its renditions, which has a name.
local function blob(about, file)
  local type, name = file.type, file.name
  local headers = { ["Cache-Control"] = policy.private, ["Content-Security-Policy"] = media_csp,
    ["Cross-Origin-Resource-Policy"] = "cross-origin" }
  if about.public then policy.public(headers, about.app.settings, "media", about.ends) end
  if about.public or about.signed then headers["Access-Control-Allow-Origin"] = "*" end
  if about.req.query.download then headers["Content-Disposition"] = attachment(about, type, name) end
  local reply = { status = 200, type = type, blob = file.digest, etag = '"' .. file.digest .. '"', headers = headers,
    last_modified = math.floor(about.asset.created_at / 1e6) }
  local keys = count.views(about.asset, name or "original", about.share or about.named)
  if gifd.request.from_start(reply, file.bytes) then
    local counted, err = count.add(about.req, keys, about.app.class_names)
    if not counted then return nil, err end
  end
  if not about.public and not about.signed then return reply end
  if about.share and about.share.max_visits then return reply end -- its last visit ends it, which purges nothing
  return keep(reply, { asset = about.asset, share = about.share, ends = about.ends or math.huge, signed = about.signed,
    counts = keys, anyone = true })
end

--- Extension -> the rendition that may have that type, by name.
local rendition_of = { mp4 = "mp4", png = "poster", jpg = "poster", jpeg = "poster" }

--- The bytes of an asset as EXT, holding the request while they are being made -> { digest, type } | false when the
-- ladder has none | nil, err or a reply (third value).
local function rendition(about, name, ext)
  local asset = about.asset
  local found, err = rendition_model.find(asset.id, name)
  if found == nil then return nil, err end
  if not found and renditions.expected(asset, name) then
    local settled, wait_err = assets.settled(asset, HOLD)
    if not settled then return nil, wait_err end
    found, err = rendition_model.find(asset.id, name)
    if found == nil then return nil, err end
    if not found and renditions.expected(settled, name) then
      return nil, nil, problem.reply(about.req, 503, "busy", "this is still being made",
        { headers = { ["Retry-After"] = "2" } })
    end
  end
  if not found then return false end
  local own = view.extension(found.type)
  if ext and own ~= ext and not (ext == "jpeg" and own == "jpg") then return false end
  return found
end

--- The reply for EXT ("gif", "mp4", ...) or a rendition's name.
function M.choose(about, ext, name)
  local asset = about.asset
  if not name and (not ext or view.extension(asset.type) == ext or (ext == "jpeg" and asset.type == "image/jpeg")) then
    return blob(about, asset)
  end
  name = name or rendition_of[ext]
  if not name then return problem.not_found(about.req) end
  if name == "mp4" and asset.type == "video/mp4" then return blob(about, asset) end
  local found, err, reply = rendition(about, name, ext)
  if reply then return reply end
  if found == nil then return nil, err end
  if not found then return problem.not_found(about.req) end
  return blob(about, found)
end

--- The original or its MP4, as the client would rather have it. What it says differs by Accept, so it is not kept.
local function negotiated(about)
  local mp4, err = rendition_model.find(about.asset.id, "mp4")
  if mp4 == nil then return nil, err end
  local wanted = accept.choose(about.req.headers.accept, { about.asset.type, mp4 and mp4.type or nil })
  local reply, blob_err = blob(about, wanted == 2 and mp4 or about.asset)
  if not reply then return nil, blob_err end
  reply.cache = nil
  vary(reply.headers, "Accept")
  return reply
end

--- The share that ?s=CODE names, if it is one of this asset -> share | false, or nil, err
local function named(req, asset)
  if not req.query.s then return false end
  local share, err = share_model.find(req.query.s)
  if share == nil then return nil, err end
  return share and share.asset_id == asset.id and share
end

local function serve(app, req, ctx, id, ext, name)
  local asset, err = asset_model.find(id)
  if asset == nil then return nil, err end
  if not asset then return problem.not_found(req) end
  local allowed, public, ends = share_flow.media_access(ctx.identity, asset, ctx.signed)
  if allowed == nil then return nil, public end
  if not allowed then return problem.not_found(req) end
  local share, share_err = named(req, asset)
  if share == nil then return nil, share_err end
  local about = { app = app, req = req, asset = asset, named = share, public = public, signed = ctx.signed,
    ends = ends }
  if not ext and not name and app.settings.delivery.negotiate then return negotiated(about) end
  return M.choose(about, ext, name)
end

--- GET /a/{id}, where id may carry an extension
function M.original(app, req, ctx)
  local id, ext = req.params.id:match("^(%x+)%.(%w+)$")
  return serve(app, req, ctx, id or req.params.id, ext)
end

--- GET /a/{id}/{name}: "poster", "mp4", with or without their extension
function M.rendition(app, req, ctx)
  local name, ext = req.params.name:match("^(%l[%w_-]*)%.(%w+)$")
  name = name or req.params.name
  return serve(app, req, ctx, req.params.id, ext, name)
end

return M
