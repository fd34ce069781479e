--- flow/renditions: which derived bytes an asset gets, and making them: one job, one decode.
--
--   poster  the first frame: PNG of pictures (their own pixels, with transparency), JPEG of films
--   mp4     H.264, for what moves. A source that is MP4 is its own: the original's bytes serve as the rendition.
local asset_model = require "gifd.model.asset"
local events = require "gifd.flow.events"
local fault_model = require "gifd.model.fault"
local hooks = require "gifd.plugin.hooks"
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

local function limits_of(settings, asset)
  local u = settings.uploads
  return { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline,
    pixels = asset.width * asset.height * asset.frames }
end

local function ended(app, id, calls, event)
  calls[#calls + 1] = purge.asset_call(id)
  event.asset_id = id
  events.add(app, calls, "on_rendition", event)
  local done, err = gifd.db.batch(calls)
  if done then purge.asset(nil, id) end
  return done, err
end

local function names_differ(rungs)
  local seen = {}
  for _, rung in ipairs(rungs) do
    if seen[rung.name] then return false, ("name: %q is there twice"):format(rung.name) end
    seen[rung.name] = true
  end
  return true
end

--- The ladder as plugins would have it, and the steps that were skipped.
local function ladder_of(app, ctx_of, asset)
  local own = M.wanted(asset)
  local steps = app.registry.hooks.renditions
  if not steps then return own, {} end
  return hooks.pipe(steps, ctx_of, own, { asset = { id = asset.id, type = asset.type, bytes = asset.bytes,
    width = asset.width, height = asset.height, frames = asset.frames, duration_ms = asset.duration_ms,
    has_alpha = asset.has_alpha, has_audio = asset.has_audio } }, names_differ)
end

local function render(settings, asset, rungs)
  local recipes = {}
  for i, rung in ipairs(rungs) do
    recipes[i] = { background = 0xffffff }
    for key, value in pairs(rung) do if key ~= "name" then recipes[i][key] = value end end
  end
  return gifd.catch(gifd.media.render, asset.digest, recipes, limits_of(settings, asset))
end

--- What was made of the ladder, the ladder, and the steps that count as skipped: recipes of plugins that make no sense
-- together are theirs to answer for, and the product's own are made.
local function made_of(app, ctx_of, asset)
  local rungs, skipped = ladder_of(app, ctx_of, asset)
  local made, err = render(app.settings, asset, rungs)
  local steps = app.registry.hooks.renditions
  if not made and err.code == "script" and steps then
    local last = steps[#steps]
    skipped[#skipped + 1] = { hook = last.hook, plugin = last.plugin.name, version = last.plugin.version, err = err }
    rungs = M.wanted(asset)
    made, err = render(app.settings, asset, rungs)
  end
  if not made then return nil, err end
  return made, rungs, skipped
end

--- Makes what is missing and writes rows, media state and the job's end in one transaction: true, or nil, err. The
-- bytes are committed before; a kill in between leaves blobs that the next attempt finds again by their digest.
function M.climb(app, job, ctx_of)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset or asset.media == "ready" or asset.media == "failed" then
    return gifd.db.batch { job_model.complete_statement(job) }
  end
  local moved, move_err = asset_model.set_media(asset.id, { "new", "probed" }, "rendering")
  if moved == nil then return nil, move_err end
  local made, wanted, skipped = made_of(app, ctx_of, asset)
  if not made then return nil, wanted end
  local calls, names = {}, {}
  for i, rung in ipairs(wanted) do names[i] = rung.name end
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
  for _, fault in ipairs(skipped) do
    for _, call in ipairs(fault_model.asset_statements(asset.id, fault)) do calls[#calls + 1] = call end
  end
  return ended(app, asset.id, calls, { media = "ready", renditions = names })
end

--- No attempt is left, or none can help.
function M.give_up(app, job, err)
  local reason = err.code == "timeout" and "bad_media" or err.code
  return ended(app, job.payload.asset_id, {
    asset_model.media_statement(job.payload.asset_id, "failed", reason),
    job_model.fail_statement(job, tostring(err.message or err.code)),
  }, { media = "failed", reason = reason })
end

return M
