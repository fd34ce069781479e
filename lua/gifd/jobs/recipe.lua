--- jobs/recipe: one job of the queue: one rendition by somebody's recipe (flow/recipe).
local asset_model = require "gifd.model.asset"
local job_model = require "gifd.model.job"
local recipe_flow = require "gifd.flow.recipe"
local rendition_model = require "gifd.model.rendition"

local M = {}

local function result_of(asset, r)
  return gifd.json.encode { asset_id = asset.id, name = r.name, type = r.type, width = r.width, height = r.height,
    bytes = r.bytes, digest = r.digest }
end

local function make(app, job, asset)
  local u = app.settings.uploads
  local wanted = { background = 0xffffff }
  for name, value in pairs(job.payload.recipe) do wanted[name] = value end
  return gifd.catch(gifd.media.render, asset.digest, { wanted },
    { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline,
      account = job.account_id or 0, pixels = asset.width * asset.height * asset.frames })
end

function M.run(app, job)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset then return nil, gifd.err("not_found", { message = "the asset is gone" }) end
  local name = recipe_flow.name(job.payload.recipe)
  local known, find_err = rendition_model.find(asset.id, name)
  if known == nil then return nil, find_err end
  if known then return result_of(asset, known) end
  local made, make_err = make(app, job, asset)
  if not made then return nil, make_err end
  local output = made.outputs[1]
  local digest, size = gifd.blob.commit(output.draft)
  if not digest then return nil, size end
  local r = { name = name, type = output.facts.type, width = output.facts.width, height = output.facts.height,
    bytes = size, digest = digest }
  return gifd.db.batch { rendition_model.statement(asset.id, r),
    job_model.result_statement(job, result_of(asset, r)) }
end

return M
