--- http/view: rows as the JSON of the API. What was counted of them is in it when flow/metrics.fill has told the row.
local asset_model = require "gifd.model.asset"
local ladder = require "gifd.ladder"
local moment = require "gifd.moment"
local share_model = require "gifd.model.share"

local M = {}

local extensions = {
  ["image/gif"] = "gif", ["image/webp"] = "webp", ["image/png"] = "png", ["image/jpeg"] = "jpg", ["video/mp4"] = "mp4",
    ["video/webm"] = "webm",
}
function M.extension(type) return extensions[type] or "bin" end

function M.asset_url(base, id) return base .. "/a/" .. id end

--- file: NAME.EXT; the source-size one of a type has a shorter address.
function M.rendition_url(base, id, file)
  local name, ext = file:match("^(.-)%.(%w+)$")
  if name == ext then return base .. "/a/" .. id .. "." .. ext end
  return base .. "/a/" .. id .. "/" .. file
end

local function rendition(base, asset, file, state, r)
  return { name = file:match("^[^.]+"), state = state, type = r.type, width = r.width, height = r.height,
    bytes = r.bytes or gifd.null, url = M.rendition_url(base, asset.id, file) }
end

--- ready: rows; possible: rungs of the ladder that are made when they are asked for, or nil
function M.asset(base, asset, ready, possible)
  local list = {}
  for i, r in ipairs(ready) do list[i] = rendition(base, asset, r.name, "ready", r) end
  for _, one in ipairs(possible or {}) do
    local width, height = ladder.size(ladder.recipe(one, asset), asset)
    list[#list + 1] = rendition(base, asset, ladder.file(one), "possible", { type = ladder.types[one.format],
      width = width, height = height })
  end
  return {
    id = asset.id, digest = asset.digest, type = asset.type, bytes = asset.bytes, width = asset.width,
      height = asset.height,
    frames = asset.frames, duration_ms = asset.duration_ms, has_alpha = asset.has_alpha, has_audio = asset.has_audio,
      truncated = asset.truncated, colors = gifd.json.array(asset.colors), placeholder = asset.placeholder or gifd.null,
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
