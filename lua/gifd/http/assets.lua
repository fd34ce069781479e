--- http/assets: POST /api/v1/assets and GET /api/v1/assets/{id}.
local asset_model = require "gifd.model.asset"
local closed = require "gifd.http.closed"
local evidence = require "gifd.http.evidence"
local fields = require "gifd.http.fields"
local ingest = require "gifd.flow.ingest"
local job_model = require "gifd.model.job"
local metrics = require "gifd.flow.metrics"
local problem = require "gifd.http.problem"
local renditions = require "gifd.flow.renditions"
local share_flow = require "gifd.flow.share"
local view = require "gifd.http.view"

local FIELD_COUNT, FIELD_BYTES, WAIT_MAX, POLL = 16, 128 * 1024, 30, 0.025

local M = {}

local function fault(name, detail) return nil, problem.fields { { keys = { name }, message = detail } } end

--- Query and form give texts: tags are a list with commas.
local function values_of(source)
  return { title = source.title, description = source.description, visibility = source.visibility,
           tags = source.tags and fields.split_tags(source.tags) or nil,
           max_visits = source.max_visits and (tonumber(source.max_visits:match("^%d+$")) or source.max_visits) or nil }
end

--- The one file of an upload and its fields -> draft, values
local function form_of(up, req)
  if up.raw then return up.files[1], values_of(req.query) end
  local file
  for _, candidate in ipairs(up.files) do
    if candidate.field ~= "file" then return fault(candidate.field or "", "must be text, not a file") end
    if file then return fault("file", "there must be one file") end
    file = candidate
  end
  if not file then
    return fault("file", up.fields.file and "must be a file, not text" or "is required")
  end
  return file, values_of(up.fields)
end

local function size_text(bytes)
  if bytes % 2 ^ 20 == 0 then return ("%d MiB (%d bytes)"):format(bytes / 2 ^ 20, bytes) end
  return ("%d bytes"):format(bytes)
end

local function wait_seconds(req)
  local seconds = (req.headers.prefer or ""):lower():match("%f[%w]wait%s*=%s*\"?(%d+)")
  return seconds and math.min(tonumber(seconds), WAIT_MAX) or 0
end

--- Until its renditions are made, failed, or `seconds` have passed; the row as it is then.
function M.settled(asset, seconds)
  local until_ = gifd.time.now() + seconds
  while not renditions.settled(asset) and gifd.time.now() < until_ do
    local slept, err = gifd.time.sleep(POLL)
    if not slept then return nil, err end
    local again, find_err = asset_model.find(asset.id)
    if not again then return nil, find_err or gifd.err("not_found", { message = "the asset is gone" }) end
    asset = again
  end
  return asset
end

function M.json(app, base, asset)
  local ready, possible = renditions.all(app, asset)
  if not ready then return nil, possible end
  local done, err = metrics.fill { assets = { asset } }
  if not done then return nil, err end
  local json = view.asset(base, asset, ready, possible)
  json.progress = not renditions.settled(asset) and job_model.ladder_percent(asset.id) or gifd.null
  return json
end

--- The upload itself -> ingest result, or nil, err.
local function take(app, req, ctx)
  local max = app.settings.uploads.max_bytes
  if not req.has_body then
    return nil, gifd.err("invalid", { message = "the body must be a file, or a form with one" })
  end
  local admitted, full = ingest.admit(app.settings)
  if not admitted then return nil, full end
  local up, err = gifd.request.upload { max = max, fields = FIELD_COUNT, field_bytes = FIELD_BYTES }
  if not up then
    if err.code == "too_large" and req.content_length and req.content_length > max then
      err = gifd.err("too_large", { message = "the file is larger than the limit of " .. size_text(max) })
    elseif err.code == "too_large" then
      err = gifd.err("too_large", { message = ("%s (files may have %s)"):format(tostring(err.message),
        size_text(max)) })
    end
    return nil, err
  end
  local file, values = form_of(up, req)
  if not file then return nil, values end
  local checked, invalid = fields.check(fields.schema(app.settings), values)
  if not checked then return nil, invalid end
  if file.bytes == 0 then return nil, gifd.err("unsupported_media", { message = "the file is empty" }) end
  return ingest.run(app, ctx.hook_ctx, ctx.identity, file.draft, fields.complete(checked))
end

function M.create(app, req, ctx)
  local form = (req.headers["content-type"] or ""):lower():match("^multipart/form%-data") ~= nil
  if (req.content_length or 0) > app.settings.uploads.max_bytes + (form and FIELD_COUNT * FIELD_BYTES or 0) then
    return nil, gifd.err("too_large", { message = "the body is larger than the limit of "
      .. size_text(app.settings.uploads.max_bytes) })
  end
  local made, err = take(app, req, ctx)
  if not made then return nil, err end
  local asset, headers = made.asset, { ["Cache-Control"] = "no-store" }
  local seconds = wait_seconds(req)
  if seconds > 0 then
    local settled, wait_err = M.settled(asset, seconds)
    if not settled then return nil, wait_err end
    asset, headers["Preference-Applied"] = settled, "wait=" .. seconds
  end
  local json, json_err = M.json(app, ctx.base, asset)
  if not json then return nil, json_err end
  local done, fill_err = metrics.fill { shares = { made.share } }
  if not done then return nil, fill_err end
  local share, share_err = evidence(view.share(ctx.base, made.share), ctx, "share", made.share)
  if not share then return nil, share_err end
  headers.Location = share.short_url
  return { status = made.held and 200 or 201, headers = headers, json = { asset = json, share = share } }
end

function M.get(app, req, ctx)
  local asset, err = asset_model.find(req.params.id)
  if asset == nil then return nil, err end
  if not asset then return problem.not_found(req) end
  local allowed, public = share_flow.media_access(ctx.identity, asset)
  if allowed == nil then return nil, public end
  if not allowed then return closed.problem(req, share_flow.closed(asset) or 404) end
  local json, json_err = M.json(app, ctx.base, asset)
  if not json then return nil, json_err end
  local own = share_flow.moderates(ctx.identity)
  if ctx.identity and not own then
    own, err = asset_model.has_share_of(asset.id, ctx.identity.account_id)
    if own == nil then return nil, err end
  end
  if own then
    json, json_err = evidence(json, ctx, "asset", asset)
    if not json then return nil, json_err end
  end
  return { status = 200, headers = { ["Cache-Control"] = "no-store" }, json = json }
end

return M
