--- flow/render: rungs of a ladder to bytes: one question, one decode, each distinct recipe once.
--
--   rungs --ladder.recipe--> equal ones together --gifd.media.render--> drafts --commit--> rows
--                     |--> what fits its budget as it is made without one: that
--                     '--> what is the source already: no work
--
-- Never larger than the source in its own format: then the source's own bytes serve under that name.
local ladder = require "gifd.ladder"
local rendition_model = require "gifd.model.rendition"

local M = {}

-- Of one question, so that it ends in time and in memory: canvases of encoders, and pictures that pass through them.
local CANVAS_PX, WORK_PX, RECIPES = 8e6, 300e6, 32

function M.limits(settings, asset)
  local u = settings.uploads
  return { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames, deadline = u.render_deadline,
    pixels = asset and asset.width * asset.height * asset.frames, account = asset and asset.account_id }
end

--- From the front of `rungs` as many as one question takes; at least one.
function M.batch(settings, asset, rungs)
  local out, seen, canvas, work, count = {}, {}, 0, 0, 0
  for i, one in ipairs(rungs) do
    local recipe = ladder.recipe(one, asset, settings.renditions.matte)
    local text = ladder.text(recipe)
    if not seen[text] then
      local w, h = ladder.size(recipe, asset)
      seen[text], count = true, count + 1
      canvas, work = canvas + w * h, work + ladder.pixels(recipe, asset)
    end
    if i > 1 and (canvas > CANVAS_PX or work > WORK_PX or count > RECIPES) then break end
    out[i] = one
  end
  return out
end

--- A group is another one's bytes.
local function take(group, from)
  group.text, group.source, group.bytes, group.facts, group.made_by = from.text, from.source, from.bytes, from.facts,
    from.made_by
  group.draft, group.digest = from.draft, from.digest
end

--- known: what was made before, by the text of its recipe.
local function groups_of(settings, asset, rungs, known)
  local groups, by_text = {}, {}
  for _, one in ipairs(rungs) do
    local recipe = ladder.recipe(one, asset, settings.renditions.matte)
    local text = ladder.text(recipe)
    if not by_text[text] then
      local group = { recipe = recipe, text = text, rungs = {}, source = ladder.is_source(recipe, asset) }
      if known[text] then take(group, known[text]) end
      by_text[text], groups[#groups + 1] = group, group
    end
    table.insert(by_text[text].rungs, one)
  end
  return groups, by_text
end

local function question(settings, source, asset, groups, progress)
  local recipes = {}
  for i, group in ipairs(groups) do recipes[i] = group.recipe end
  if not recipes[1] then return true end
  local made, err = gifd.catch(gifd.media.render, source, recipes, M.limits(settings, asset), progress)
  if not made then return nil, err end
  for i, output in ipairs(made.outputs) do
    local group = groups[i]
    group.source = ladder.may_be_source(group.recipe, asset) and output.bytes >= asset.bytes
    group.draft, group.bytes, group.facts = output.draft, output.bytes, output.facts
    group.made_by = made.made_by
  end
  return true
end

--- A part of the way: 0 to 100 of it are from .. to of the whole.
local function part(progress, from, to)
  if not progress then return nil end
  return function(percent) progress(from + (to - from) * percent / 100) end
end

--- The one that is made anyway and may fit the budget of this one; nil: this one has none.
local function base_of(group, by_text, known)
  if not group.recipe.budget then return nil end
  local free = {}
  for key, value in pairs(group.recipe) do free[key] = value end
  free.budget, free.floor = nil, nil
  local text = ladder.text(free)
  return by_text[text] or known[text]
end

--- source: draft or digest; asset: its facts and bytes; known: groups that were made of it before, by text -> array of
-- groups { rungs, recipe, text, source = its own bytes will do, or draft or digest, bytes, facts, made_by }; or nil,
-- err. All or none. progress: function(percent), or nil
function M.make(settings, source, asset, rungs, known, progress)
  local groups, by_text = groups_of(settings, asset, rungs, known)
  local first, then_, rest = {}, {}, {}
  for _, group in ipairs(groups) do
    if not group.source and not group.bytes then
      group.base = base_of(group, by_text, known)
      local list = group.base and then_ or first
      list[#list + 1] = group
    end
  end
  local half = then_[1] and first[1] and 50 or then_[1] and 0 or 100
  local done, err = question(settings, source, asset, first, part(progress, 0, half))
  if not done then return nil, err end
  for _, group in ipairs(then_) do
    local base = group.base
    if (base.source and asset.bytes or base.bytes) <= group.recipe.budget then take(group, base)
    else rest[#rest + 1] = group end
  end
  done, err = question(settings, source, asset, rest, part(progress, half, 100))
  if not done then return nil, err end
  return groups
end

--- What rows say was made before.
local function known_of(asset)
  local rows, err = rendition_model.provenance(asset.id)
  if not rows then return nil, err end
  local out = {}
  for _, r in ipairs(rows) do
    if r.recipe then
      out[r.recipe] = { text = r.recipe, bytes = r.bytes, digest = r.digest, made_by = r.made_by,
        facts = { type = r.type, width = r.width, height = r.height } }
    end
  end
  return out
end

--- The same as rows for model/rendition, their bytes committed -> array; or nil, err.
function M.rows(settings, asset, rungs, progress)
  local known, known_err = known_of(asset)
  if not known then return nil, known_err end
  local groups, err = M.make(settings, asset.digest, asset, rungs, known, progress)
  if not groups then return nil, err end
  local rows, digests = {}, {}
  for _, group in ipairs(groups) do
    local row = { type = asset.type, width = asset.width, height = asset.height, bytes = asset.bytes,
      digest = asset.digest }
    if not group.source then
      local digest = group.digest or digests[group.text]
      if not digest then
        digest, err = gifd.blob.commit(group.draft)
        if not digest then return nil, err end
        digests[group.text] = digest
      end
      row = { type = group.facts.type, width = group.facts.width, height = group.facts.height, bytes = group.bytes,
        digest = digest, recipe = group.text, made_by = group.made_by }
    end
    for _, one in ipairs(group.rungs) do
      local own = { name = ladder.file(one) }
      for key, value in pairs(row) do own[key] = value end
      rows[#rows + 1] = own
    end
  end
  return rows
end

return M
