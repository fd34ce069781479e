--- flow/renditions: which derived bytes an asset gets, and making them: one job, one decode.
--
--   poster  the first frame: PNG of pictures (their own pixels, with transparency), JPEG of films
--   mp4     H.264, for what moves. A source that is MP4 is its own: the original's bytes serve as the rendition.
local asset_model = require "gifd.model.asset"
local job_model = require "gifd.model.job"
local purge = require "gifd.flow.purge"
local rendition_model = require "gifd.model.rendition"

local M = {}

--- Pure: asset -> array of { name, format } to make.
function M.wanted(asset)
  local out = { { name = "poster", format = asset.type:match("^image/") and "png" or "jpeg" } }
  if asset.frames > 1 and asset.type ~= "video/mp4" then out[2] = { name = "mp4", format = "mp4" } end
  return out
end

--- True when a request for this rendition is worth waiting for.
function M.expected(asset, name)
  if asset.media == "failed" or asset.media == "ready" then return false end
  if name == "mp4" and asset.type == "video/mp4" then return true end
  for _, wanted in ipairs(M.wanted(asset)) do if wanted.name == name then return true end end
  return false
end

local function limits_of(settings)
  local u = settings.uploads
  return { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline }
end

local function ended(id, calls)
  calls[#calls + 1] = purge.asset_call(id)
  local done, err = gifd.db.batch(calls)
  if done then purge.asset(nil, id) end
  return done, err
end

--- Makes what is missing and writes rows, media state and the job's end in one transaction: true, or nil, err. The
-- bytes are committed before; a kill in between leaves blobs that the next attempt finds again by their digest.
function M.climb(settings, job)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset or asset.media == "ready" or asset.media == "failed" then
    return gifd.db.batch { job_model.complete_statement(job) }
  end
  local moved, move_err = asset_model.set_media(asset.id, { "new", "probed" }, "rendering")
  if moved == nil then return nil, move_err end
  local wanted, recipes = M.wanted(asset), {}
  for i, w in ipairs(wanted) do recipes[i] = { format = w.format, background = 0xffffff } end
  local made, render_err = gifd.media.render(asset.digest, recipes, limits_of(settings))
  if not made then return nil, render_err end
  local calls = {}
  for i, output in ipairs(made.outputs) do
    local digest, size = gifd.blob.commit(output.draft)
    if not digest then return nil, size end
    calls[i] = rendition_model.statement(asset.id, {
      name = wanted[i].name, type = output.facts.type, width = output.facts.width, height = output.facts.height,
        bytes = size, digest = digest })
  end
  if asset.type == "video/mp4" then
    calls[#calls + 1] = rendition_model.statement(asset.id, {
      name = "mp4", type = asset.type, width = asset.width, height = asset.height, bytes = asset.bytes,
        digest = asset.digest })
  end
  calls[#calls + 1] = asset_model.media_statement(asset.id, "ready")
  calls[#calls + 1] = job_model.complete_statement(job)
  return ended(asset.id, calls)
end

--- No attempt is left, or none can help.
function M.give_up(job, err)
  local reason = err.code == "timeout" and "bad_media" or err.code
  return ended(job.payload.asset_id, {
    asset_model.media_statement(job.payload.asset_id, "failed", reason),
    job_model.fail_statement(job, tostring(err.message or err.code)),
  })
end

return M
