--- http/view: rows as the JSON of the API.
local asset_model = require "gifd.model.asset"
local moment = require "gifd.moment"
local share_model = require "gifd.model.share"

local M = {}

local extensions = {
  ["image/gif"] = "gif", ["image/webp"] = "webp", ["image/png"] = "png", ["image/jpeg"] = "jpg", ["video/mp4"] = "mp4",
    ["video/webm"] = "webm",
}
function M.extension(type) return extensions[type] or "bin" end

function M.asset_url(base, id) return base .. "/a/" .. id end

function M.rendition_url(base, id, name)
  if name == "mp4" then return base .. "/a/" .. id .. ".mp4" end
  return base .. "/a/" .. id .. "/" .. name
end

function M.asset(base, asset, renditions)
  local list = {}
  for i, r in ipairs(renditions) do
    list[i] = { name = r.name, type = r.type, width = r.width, height = r.height, bytes = r.bytes,
      url = M.rendition_url(base, asset.id, r.name) }
  end
  return {
    id = asset.id, digest = asset.digest, type = asset.type, bytes = asset.bytes, width = asset.width,
      height = asset.height,
    frames = asset.frames, duration_ms = asset.duration_ms, has_alpha = asset.has_alpha, has_audio = asset.has_audio,
      truncated = asset.truncated,
    state = asset_model.state(asset), reason = asset.media == "failed" and asset.media_reason or nil,
    reasons = gifd.json.array(asset.reasons), views = asset.views,
    url = M.asset_url(base, asset.id), renditions = gifd.json.array(list),
  }
end

function M.share(base, share)
  return {
    code = share.code, short_url = base .. "/s/" .. share.code, canonical_url = M.asset_url(base, share.asset_id),
      asset_id = share.asset_id,
    title = share.title, tags = gifd.json.array(share.tags), description = share.description,
      visibility = share.visibility,
    state = share_model.state(share), reasons = gifd.json.array(share.reasons), clicks = share.clicks,
    views = share.views,
    max_visits = share.max_visits or gifd.null, visits_left = share.visits_left or gifd.null,
    expires_at = moment.text(share.expires_at), created_at = moment.text(share.created_at),
  }
end

return M
