--- jobs/recipe: one job of the queue: one rendition by somebody's recipe (gifd.recipes).
--
-- It is a row like any other, named "r-" and the beginning of the recipe's digest: the same recipe is made once.
local asset_model = require "gifd.model.asset"
local job_events = require "gifd.flow.job_events"
local job_model = require "gifd.model.job"
local ladder = require "gifd.ladder"
local render = require "gifd.flow.render"
local rendition_model = require "gifd.model.rendition"

local M = {}

local function result_of(asset, r)
  return gifd.json.encode { asset_id = asset.id, name = r.name:match("^[^.]+"), file = r.name, type = r.type,
    width = r.width, height = r.height, bytes = r.bytes, digest = r.digest }
end

local function row_of(file, text, made)
  local output = made.outputs[1]
  local digest, size = gifd.blob.commit(output.draft)
  if not digest then return nil, size end
  return { name = file, type = output.facts.type, width = output.facts.width, height = output.facts.height,
    bytes = size, digest = digest, recipe = text, made_by = made.made_by }
end

function M.run(app, job)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset then return nil, gifd.err("not_found", { message = "the asset is gone" }) end
  local recipe = job.payload.recipe
  recipe.background = recipe.background or app.settings.renditions.matte
  local text = ladder.text(recipe)
  local file = ("r-%s.%s"):format(gifd.crypto.sha256(text):sub(1, 16), ladder.extensions[recipe.format])
  local known, find_err = rendition_model.find(asset.id, file)
  if known == nil then return nil, find_err end
  if known then return result_of(asset, known) end
  local limits = render.limits(app.settings, asset)
  limits.account = job.account_id or 0
  local made, make_err = gifd.catch(gifd.media.render, asset.digest, { recipe }, limits, job_events.progress(job))
  if not made then return nil, make_err end
  local r, commit_err
  if ladder.source_will_do(recipe, asset, made.outputs[1]) then
    r = { name = file, type = asset.type, width = asset.width, height = asset.height, bytes = asset.bytes,
      digest = asset.digest }
  else
    r, commit_err = row_of(file, text, made)
    if not r then return nil, commit_err end
  end
  local calls = { asset_model.there_statement(asset.id) }
  for _, call in ipairs { rendition_model.statements(asset.id, r) } do calls[#calls + 1] = call end
  calls[#calls + 1] = job_model.result_statement(job, result_of(asset, r))
  return gifd.db.batch(calls)
end

return M
