--- http/media: bytes of assets: /a/{id}, /a/{id}.EXT, /a/{id}/{rendition}; and the choice of bytes for /s/{code}.EXT.
--
-- Every form asks the same question (flow/share.media_access) and describes its reply as data: a digest, a type,
-- headers.
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local keep = require "gifd.http.keep"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local renditions = require "gifd.flow.renditions"
local share_flow = require "gifd.flow.share"
local view = require "gifd.http.view"

local HOLD = 5

local M = {}

local media_csp = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

--- A reply of a blob. public: a stranger may have it, so caches may keep it for a day.
function M.blob(digest, type, public)
  return { status = 200, type = type, blob = digest, etag = '"' .. digest .. '"', headers = {
    ["Cache-Control"] = public and "public, max-age=86400" or "private, no-store",
    ["X-Content-Type-Options"] = "nosniff", ["Content-Security-Policy"] = media_csp,
      ["Cross-Origin-Resource-Policy"] = "cross-origin",
    ["Access-Control-Allow-Origin"] = public and "*" or nil } }
end

--- Extension -> the rendition that may have that type, by name.
local rendition_of = { mp4 = "mp4", png = "poster", jpg = "poster", jpeg = "poster" }

--- The bytes of an asset as EXT, holding the request while they are being made -> { digest, type } | false when the
-- ladder
--- has none | nil, err or a reply (third value).
local function rendition(req, asset, name, ext)
  local found, err = rendition_model.find(asset.id, name)
  if found == nil then return nil, err end
  if not found and renditions.expected(asset, name) then
    local settled, wait_err = assets.settled(asset, HOLD)
    if not settled then return nil, wait_err end
    found, err = rendition_model.find(asset.id, name)
    if found == nil then return nil, err end
    if not found and renditions.expected(settled, name) then
      return nil, nil, problem.reply(req, 503, "busy", "this is still being made",
        { headers = { ["Retry-After"] = "2" } })
    end
  end
  if not found then return false end
  local own = view.extension(found.type)
  if ext and own ~= ext and not (ext == "jpeg" and own == "jpg") then return false end
  return found
end

--- The reply for EXT ("gif", "mp4", ...) or a rendition's name.
function M.choose(req, asset, public, ext, name)
  if not name and (not ext or view.extension(asset.type) == ext or (ext == "jpeg" and asset.type == "image/jpeg")) then
    return M.blob(asset.digest, asset.type, public)
  end
  name = name or rendition_of[ext]
  if not name then return problem.not_found(req) end
  if name == "mp4" and asset.type == "video/mp4" then return M.blob(asset.digest, asset.type, public) end
  local found, err, reply = rendition(req, asset, name, ext)
  if reply then return reply end
  if found == nil then return nil, err end
  if not found then return problem.not_found(req) end
  return M.blob(found.digest, found.type, public)
end

local function serve(req, ctx, id, ext, name)
  local asset, err = asset_model.find(id)
  if asset == nil then return nil, err end
  if not asset then return problem.not_found(req) end
  local allowed, public, ends = share_flow.media_access(ctx.identity, asset)
  if allowed == nil then return nil, public end
  if not allowed then return problem.not_found(req) end
  local reply, choose_err = M.choose(req, asset, public, ext, name)
  if not reply or not public then return reply, choose_err end
  return keep(reply, { asset = asset, ends = ends, anyone = true })
end

--- GET /a/{id}, where id may carry an extension
function M.original(_, req, ctx)
  local id, ext = req.params.id:match("^(%x+)%.(%w+)$")
  return serve(req, ctx, id or req.params.id, ext)
end

--- GET /a/{id}/{name}: "poster", "mp4", with or without their extension
function M.rendition(_, req, ctx)
  local name, ext = req.params.name:match("^(%l[%w_-]*)%.(%w+)$")
  name = name or req.params.name
  if name ~= "poster" and name ~= "mp4" then return problem.not_found(req) end
  return serve(req, ctx, req.params.id, ext, name)
end

return M
