--- http/media: bytes of assets: /a/{id}, /a/{id}.EXT, /a/{id}/{rendition}; and the choice of bytes for /s/{code}.EXT.
--
-- Every form asks the same question (flow/share.media_access) and describes its reply as data: a digest, a type,
-- headers. What is asked for is `about` = { app, req, asset, share?, named? (the share of ?s=CODE), public (strangers
-- may have it, without a signature), signed (claims of the URL's signature, or false), ends (microseconds, math.huge or
-- nil: until when), again (answers anew, after a wait in which it may have been taken down) }. Each reply is a view
-- (model/count).
local accept = require "gifd.http.accept"
local askers = require "gifd.flow.askers"
local asset_model = require "gifd.model.asset"
local assets = require "gifd.http.assets"
local closed = require "gifd.http.closed"
local count = require "gifd.model.count"
local disposition = require "gifd.http.disposition"
local keep = require "gifd.http.keep"
local ladder = require "gifd.ladder"
local policy = require "gifd.http.policy"
local problem = require "gifd.http.problem"
local rendition_model = require "gifd.model.rendition"
local renditions = require "gifd.flow.renditions"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local vary = require "gifd.http.vary"
local view = require "gifd.http.view"

local HOLD, POLL = 5, 0.025

local M = {}

local media_csp = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

-- Values of ?download that name no file.
local nameless = { [""] = true, ["1"] = true, ["true"] = true, yes = true }

local function attachment(about, type, name)
  local asked, wanted = about.req.query.download, {}
  if not nameless[asked] then wanted[1] = asked end
  if about.share and about.share.title ~= "" then wanted[#wanted + 1] = about.share.title end
  local own = about.share and about.share.code or about.asset.id
  if name and not type:find("/" .. name, 1, true) then own = own .. "-" .. name end
  return disposition.attachment(wanted, own, view.extension(type))
end

--- A reply of a blob, counted: file is the asset (its original) or one of its renditions, which has a name.
local function blob(about, file)
  local type, name = file.type, file.name and file.name:match("^[^.]+")
  local headers = { ["Cache-Control"] = policy.private, ["Content-Security-Policy"] = media_csp,
    ["Cross-Origin-Resource-Policy"] = "cross-origin" }
  if about.public then policy.public(headers, about.app.settings, "media", about.ends) end
  if about.public or about.signed then headers["Access-Control-Allow-Origin"] = "*" end
  if about.req.query.download then headers["Content-Disposition"] = attachment(about, type, name) end
  local reply = { status = 200, type = type, blob = file.digest, etag = '"' .. file.digest .. '"', headers = headers,
    last_modified = math.floor(about.asset.created_at / 1e6) }
  local keys = count.views(about.asset, about.share or about.named)
  if gifd.request.from_start(reply, file.bytes) then
    local counted, err = count.add(about.req, keys, askers)
    if not counted then return nil, err end
  end
  if not about.public and not about.signed then return reply end
  if about.share and about.share.max_visits then return reply end -- its last visit ends it, which purges nothing
  return keep(reply, { asset = about.asset, share = about.share, ends = about.ends or math.huge, signed = about.signed,
    counts = keys, anyone = true })
end

--- Waits while the file is being made: its row, false when it cannot be, true when that lasts too long, or nil, err.
local function awaited(asset, one, seconds)
  local until_ = gifd.time.now() + (seconds or HOLD)
  repeat
    local slept, sleep_err = gifd.time.sleep(POLL)
    if not slept then return nil, sleep_err end
    local found, err = rendition_model.find(asset.id, ladder.file(one))
    if found or found == nil then return found, err end
    local code, reason = renditions.refused(asset, one)
    if code == nil then return nil, reason end
    if code then return false end
  until gifd.time.now() >= until_
  return true
end

local function impossible(req, asset, one)
  local code, reason = renditions.refused(asset, one)
  if code == nil then return nil, reason end
  return problem.reply(req, 404, code or "not_found", reason or "there is nothing here")
end

local function later(req, detail)
  return problem.reply(req, 503, "busy", detail, { headers = { ["Retry-After"] = "2" } })
end

--- Has a rendition made and waits for it, so many seconds at most -> is it there now?
function M.await(app, asset, word, seconds)
  local ends = gifd.time.now() + seconds
  local settled = assets.settled(asset, seconds)
  local one = settled and ladder.find(renditions.ladder(app, settled), word)
  if not one or not renditions.settled(settled) or renditions.refused(settled, one) ~= false then return false end
  local left = ends - gifd.time.now()
  if left <= 0 or not renditions.ask(app, settled, one) then return false end
  local found = awaited(settled, one, left)
  return found and found ~= true or false
end

--- The reply of a rendition, which holds the request while it is being made.
local function made(about, one)
  local app, asset, req = about.app, about.asset, about.req
  local found, err = rendition_model.find(asset.id, ladder.file(one))
  if found == nil then return nil, err end
  if found then return blob(about, found) end
  if one.at_once and not renditions.settled(asset) then -- its job makes it
    asset, err = assets.settled(asset, HOLD)
    if not asset then return nil, err end
    if not renditions.settled(asset) then return later(req, "this is still being made") end
    return about.again()
  end
  local code, reason = renditions.refused(asset, one)
  if code == nil then return nil, reason end
  if code then return problem.reply(req, 404, code, reason) end
  local asked, ask_err = renditions.ask(app, asset, one)
  if not asked and ask_err.code == "too_large" then return problem.reply(req, 404, "impossible", ask_err.message) end
  if not asked and ask_err.code == "busy" then return later(req, ask_err.message) end
  if not asked then return nil, ask_err end
  found, err = awaited(asset, one)
  if found == nil then return nil, err end
  if found == true then return later(req, "this is still being made") end
  if found then return about.again() end
  return impossible(req, asset, one)
end

--- The rung of a name, once it is known what plugins make of the ladder -> rung, asset | false | nil, err
local function rung(about, word)
  local app, asset = about.app, about.asset
  local one = ladder.find(renditions.ladder(app, asset), word)
  if one or renditions.settled(asset) or not app.registry.hooks.renditions then return one or false, asset end
  local err
  asset, err = assets.settled(asset, HOLD)
  if not asset then return nil, err end
  return ladder.find(renditions.ladder(app, asset), word) or false, asset
end

local function is_own(asset, ext)
  return view.extension(asset.type) == ext or ext == "jpeg" and asset.type == "image/jpeg"
end

--- The source-size file in the source's own format: the original, until there is a smaller one that shows the same.
-- What has sound is not its own rendition.
local function own(about, ext)
  local asset, file = about.asset, ladder.of_extension[ext]
  local one = ladder.find(renditions.ladder(about.app, asset), file)
  if not one or not ladder.may_be_source({ format = one.format }, asset) then return blob(about, asset) end
  local found, err = rendition_model.find(asset.id, file)
  if found == nil then return nil, err end
  if found then return blob(about, found.digest ~= asset.digest and found or asset) end
  if asset.media == "ready" and asset.frames > 1 and not ladder.is_source({ format = one.format }, asset) then
    local code, reason = renditions.refused(asset, one)
    if code == nil then return nil, reason end
    if not code then renditions.ask(about.app, asset, one, true) end -- for those who come later
  end
  return blob(about, asset)
end

--- The reply for EXT ("gif", "mp4", ...), or for a rendition's NAME or NAME.EXT.
function M.choose(about, ext, name)
  local asset = about.asset
  if not name and not ext then return blob(about, asset) end
  if not name and is_own(asset, ext) and not (asset.has_audio and ladder.of_extension[ext]) then
    return own(about, ext)
  end
  local word = name and (ext and name .. "." .. ext or name) or ladder.of_extension[ext]
  if name and ext == "jpeg" then word = name .. ".jpg" end
  if not word then return problem.not_found(about.req) end
  local one, settled = rung(about, word)
  if one == nil then return nil, settled end
  about.asset = settled
  if not one then
    local found, err = false, nil
    if word:match("^r%-%x+%.?%w*$") then found, err = rendition_model.find_named(asset.id, word) end -- of a recipe
    if found == nil then return nil, err end
    return found and blob(about, found) or problem.not_found(about.req)
  end
  return made(about, one)
end

--- The original or its MP4, as the client would rather have it. What it says differs by Accept, so it is not kept.
local function negotiated(about)
  local mp4, err = rendition_model.find(about.asset.id, "mp4.mp4")
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

local serve

function serve(app, req, ctx, id, ext, name)
  local asset, err = asset_model.find(id)
  if asset == nil then return nil, err end
  if not asset then return problem.not_found(req) end
  local allowed, public, ends = share_flow.media_access(ctx.identity, asset, ctx.signed)
  if allowed == nil then return nil, public end
  if not allowed or asset.purged_at then return closed.problem(req, share_flow.closed(asset) or 404) end
  local share, share_err = named(req, asset)
  if share == nil then return nil, share_err end
  local about = { app = app, req = req, asset = asset, named = share, public = public, signed = ctx.signed,
    ends = ends, again = function() return serve(app, req, ctx, id, ext, name) end }
  if not ext and not name and app.settings.delivery.negotiate then return negotiated(about) end
  return M.choose(about, ext, name)
end

--- GET /a/{id}, where id may carry an extension
function M.original(app, req, ctx)
  local id, ext = req.params.id:match("^(%x+)%.(%w+)$")
  return serve(app, req, ctx, id or req.params.id, ext)
end

--- GET /a/{id}/{name}: NAME.EXT of the ladder; NAME alone is its first type
function M.rendition(app, req, ctx)
  local name, ext = req.params.name:match("^(%l[%w_-]*)%.(%w+)$")
  name = name or req.params.name
  return serve(app, req, ctx, req.params.id, ext, name)
end

return M
