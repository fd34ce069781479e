--- flow/renditions: which derived bytes an asset has and may have, and when they are made.
--
--   upload --job ladder--> the hook's ladder; what is made at once, one decode --> ready      (M.climb)
--   request --M.ask--> renditions_asked, job renditions of it --> rows, or why it cannot be  (M.render)
--
-- Requests for one share its row of renditions_asked; whatever is asked for of an asset meanwhile is made by the same
-- job, the most wanted first. What cannot be is remembered with its reason, and not tried again.
local asset_model = require "gifd.model.asset"
local events = require "gifd.flow.events"
local facts = require "gifd.flow.facts"
local fault_model = require "gifd.model.fault"
local hooks = require "gifd.plugin.hooks"
local job_events = require "gifd.flow.job_events"
local job_model = require "gifd.model.job"
local ladder = require "gifd.ladder"
local purge = require "gifd.flow.purge"
local render = require "gifd.flow.render"
local rendition_model = require "gifd.model.rendition"

local SOON, LATER, BACKGROUND = 1, 0, -1

local M = {}

local function add(calls, more)
  for _, call in ipairs(more) do calls[#calls + 1] = call end
end

--- The ladder of an asset: the configured one, or what plugins made of it.
function M.ladder(app, asset)
  if not asset.ladder then return app.ladder end
  return ladder.of(gifd.json.decode(asset.ladder)) or app.ladder
end

function M.settled(asset) return asset.media == "ready" or asset.media == "failed" end

--- The row of a name, wherever it is -> row, file | false | nil, err
function M.find(app, asset, word)
  local one = ladder.find(M.ladder(app, asset), word)
  if not one then return false end
  return rendition_model.find(asset.id, ladder.file(one)), ladder.file(one)
end

--- Why there is none -> code, reason; false: there may be; or nil, err
function M.refused(asset, one)
  local why = ladder.impossible(one, asset)
  if why then return "impossible", why end
  if asset.media == "failed" then return "impossible", "nothing can be made of the original: "
    .. tostring(asset.media_reason) end
  local found, err = rendition_model.refused(asset.id, ladder.file(one))
  if found == nil then return nil, err end
  return found and "impossible", found and found.reason
end

--- Rows in the order of the ladder, and the rungs that may still be made -> rows, rungs; or nil, err
function M.all(app, asset)
  local rows, err = rendition_model.of_asset(asset.id)
  if not rows then return nil, err end
  local refused, refused_err = rendition_model.all_refused(asset.id)
  if not refused then return nil, refused_err end
  local by_file, ready, possible = {}, {}, {}
  for _, row in ipairs(rows) do by_file[row.name] = row end
  for _, one in ipairs(M.ladder(app, asset).list) do
    local file = ladder.file(one)
    if by_file[file] then
      ready[#ready + 1], by_file[file] = by_file[file], nil
    elseif asset.media ~= "failed" and not refused[file] and not ladder.impossible(one, asset) then
      possible[#possible + 1] = one
    end
  end
  for _, row in ipairs(rows) do if by_file[row.name] then ready[#ready + 1] = row end end
  return ready, possible
end

local function pixels(app, asset, one)
  return ladder.pixels(ladder.recipe(one, asset, app.settings.renditions.matte), asset)
end

--- Pixels of work that the rows and wishes of an asset stand for.
local function spent(app, asset)
  local rows, err = rendition_model.of_asset(asset.id)
  if not rows then return nil, err end
  local by_file, sum = M.ladder(app, asset).by_file, 0
  for _, row in ipairs(rows) do
    if by_file[row.name] and row.digest ~= asset.digest then sum = sum + pixels(app, asset, by_file[row.name]) end
  end
  return sum
end

--- Has it made, unless it is being made; nobody waits when `later` -> true, or nil, err (busy: too much waits;
-- too_large: of one asset)
function M.ask(app, asset, one, later)
  local budget, work = app.settings.renditions, pixels(app, asset, one)
  local sum, err = spent(app, asset)
  if not sum then return nil, err end
  if sum + work > budget.pixels then
    return nil, gifd.err("too_large", { message = ("all renditions of one file may have %.0f pixels together")
      :format(budget.pixels) })
  end
  local waiting, wait_err = rendition_model.waiting()
  if not waiting then return nil, wait_err end
  if waiting + work > budget.pixels_waiting then
    return nil, gifd.err("busy", { message = "too many renditions wait to be made", retryable = true })
  end
  local priority = later and LATER or SOON
  local done, batch_err = gifd.db.batch {
    rendition_model.ask_statement(asset.id, ladder.file(one), priority, work),
    job_model.render_statements(asset.id, priority) }
  if not done then return nil, batch_err end
  gifd.jobs.wake()
  return true
end

--- Statements that have all the rest made in the background, as far as the budget of an asset goes.
local function background(app, asset)
  local calls, sum = {}, 0
  for _, one in ipairs(M.ladder(app, asset).list) do
    local work = pixels(app, asset, one)
    sum = sum + work
    if sum <= app.settings.renditions.pixels and not one.at_once and not ladder.impossible(one, asset) then
      calls[#calls + 1] = rendition_model.ask_statement(asset.id, ladder.file(one), BACKGROUND, work)
    end
  end
  if calls[1] then add(calls, { job_model.render_statements(asset.id, BACKGROUND) }) end
  return calls
end

local function ended(app, id, calls, event)
  calls[#calls + 1] = purge.asset_call(id)
  event.asset_id = id
  events.add(app, calls, "on_rendition", event)
  local done, err = gifd.db.batch(calls)
  if done then purge.asset(nil, id) end
  return done, err
end

--- The same of a job, which is over when its asset was purged meanwhile.
local function ended_of(app, job, id, calls, event)
  local done, err = ended(app, id, calls, event)
  if done or err.code ~= "conflict" then return done, err end
  local asset, find_err = asset_model.find(id)
  if asset == nil then return nil, find_err end
  if asset and not asset.purged_at then return nil, err end
  return gifd.db.batch { job_model.complete_statement(job) }
end

--- The ladder as plugins would have it -> ladder, steps that were skipped, its JSON when it is another one
local function ladder_of(app, ctx_of, asset)
  local steps = app.registry.hooks.renditions
  if not steps then return app.ladder, {} end
  local list, skipped = hooks.pipe(steps, ctx_of, app.ladder.list, { asset = { id = asset.id, type = asset.type,
    bytes = asset.bytes, width = asset.width, height = asset.height, frames = asset.frames,
    duration_ms = asset.duration_ms, has_alpha = asset.has_alpha, has_audio = asset.has_audio } },
    function(list) return ladder.of(list) end)
  local own = ladder.of(list) or app.ladder
  return own, skipped, own ~= app.ladder and gifd.json.encode(list) or nil
end

local function at_once(one_ladder, asset)
  local out = {}
  for _, one in ipairs(one_ladder.list) do
    if one.at_once and not ladder.impossible(one, asset) then out[#out + 1] = one end
  end
  return out
end

--- Is this worth trying each by itself?
local function own_fault(err)
  return not err.retryable and err.code ~= "timeout" and err.code ~= "cancelled" and err.code ~= "media_crash"
end

--- Together, or each by itself when that fails: what can be is made -> rows, refused ({ one, err } each), or nil, err
-- when nothing could be.
local function as_many(settings, asset, rungs, progress)
  local rows, err = render.rows(settings, asset, rungs, progress)
  if rows then return rows, {} end
  if not own_fault(err) then return nil, err end
  local made, refused = {}, {}
  for _, one in ipairs(#rungs > 1 and rungs or {}) do
    rows, err = render.rows(settings, asset, { one })
    if not rows and not own_fault(err) then return nil, err end
    if not rows then refused[#refused + 1] = { one = one, err = err } else add(made, rows) end
  end
  if not made[1] then return nil, err end
  return made, refused
end

--- Recipes of plugins that make no sense are theirs to answer for: the product's own are made.
local function first_ones(app, ctx_of, asset, progress)
  local own, skipped, text = ladder_of(app, ctx_of, asset)
  local rows, refused = as_many(app.settings, asset, at_once(own, asset), progress)
  if not text or rows and not refused[1] then return rows, refused, skipped, text end
  local err = rows and refused[1].err or refused
  if err.code ~= "script" then return rows, refused, skipped, text end
  local last = app.registry.hooks.renditions[#app.registry.hooks.renditions]
  skipped[#skipped + 1] = { hook = last.hook, plugin = last.plugin.name, version = last.plugin.version, err = err }
  rows, refused = as_many(app.settings, asset, at_once(app.ladder, asset))
  return rows, refused, skipped
end

--- Job ladder: makes what is made at once and writes rows, media state and the job's end in one transaction: true, or
-- nil, err. The bytes are committed before; a kill in between leaves blobs that the next attempt finds by their digest.
function M.climb(app, job, ctx_of)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset or M.settled(asset) then return gifd.db.batch { job_model.complete_statement(job) } end
  asset.account_id = asset_model.first_account(asset.id)
  local moved, move_err = asset_model.set_media(asset.id, { "new", "probed" }, "rendering")
  if moved == nil then return nil, move_err end
  local rows, refused, skipped, text = first_ones(app, ctx_of, asset, job_events.progress(job))
  if not rows then return nil, refused end
  local calls, names = {}, {}
  for i, row in ipairs(rows) do
    names[i] = row.name
    add(calls, { rendition_model.statements(asset.id, row) })
  end
  for _, r in ipairs(refused) do
    add(calls, { rendition_model.refuse_statements(asset.id, ladder.file(r.one), r.err) })
  end
  add(calls, facts.statements(app.settings, asset))
  calls[#calls + 1] = asset_model.ladder_statement(asset.id, text)
  calls[#calls + 1] = asset_model.media_statement(asset.id, "ready")
  calls[#calls + 1] = job_model.complete_statement(job)
  for _, fault in ipairs(skipped) do add(calls, fault_model.asset_statements(asset.id, fault)) end
  asset.ladder = text
  if app.settings.renditions.background then add(calls, background(app, asset)) end
  return ended_of(app, job, asset.id, calls, { media = "ready", renditions = names })
end

--- No attempt is left, or none can help: the asset has no renditions.
function M.give_up(app, job, err)
  local reason = err.code == "timeout" and "bad_media" or err.code
  return ended_of(app, job, job.payload.asset_id, {
    asset_model.media_statement(job.payload.asset_id, "failed", reason),
    job_model.fail_statement(job, tostring(err.message or err.code)),
  }, { media = "failed", reason = reason })
end

--- Those that are asked for and may be made together; one at a time once they failed together.
local function next_batch(app, job, asset)
  local asked, err = rendition_model.asked(asset.id)
  if not asked then return nil, err end
  local by_file, rungs, gone = M.ladder(app, asset).by_file, {}, {}
  for _, wish in ipairs(asked) do
    local one = by_file[wish.name]
    if one then rungs[#rungs + 1] = one else gone[#gone + 1] = wish.name end
  end
  if job.payload.single or job.attempts > 1 then return { rungs[1] }, gone end
  return render.batch(app.settings, asset, rungs), gone
end

--- Job renditions: makes a batch of what was asked for of an asset; it goes on while more is asked for.
function M.render(app, job)
  local asset, err = asset_model.find(job.payload.asset_id)
  if asset == nil then return nil, err end
  if not asset then return gifd.db.batch { job_model.complete_statement(job) } end
  asset.account_id = asset_model.first_account(asset.id)
  local rungs, gone = next_batch(app, job, asset)
  if not rungs then return nil, gone end
  local calls, names = {}, {}
  for _, name in ipairs(gone) do calls[#calls + 1] = rendition_model.forget_statement(asset.id, name) end
  local rows, render_err = {}, nil
  if rungs[1] then rows, render_err = render.rows(app.settings, asset, rungs, job_events.progress(job)) end
  if rows then
    if rows[1] then calls[#calls + 1] = asset_model.there_statement(asset.id) end
    for i, row in ipairs(rows) do
      names[i] = row.name
      add(calls, { rendition_model.statements(asset.id, row) })
    end
  elseif render_err.retryable or render_err.code == "cancelled" or render_err.code == "media_crash" then
    return nil, render_err
  elseif #rungs > 1 then
    return gifd.db.batch { job_model.rendered_statement(job, asset.id, true) }
  else
    gifd.log.info("rendition.refused", { asset = asset.id, name = ladder.file(rungs[1]), code = render_err.code,
      error = tostring(render_err.message) })
    add(calls, { rendition_model.refuse_statements(asset.id, ladder.file(rungs[1]), render_err) })
  end
  calls[#calls + 1] = job_model.rendered_statement(job, asset.id, job.payload.single)
  return ended_of(app, job, asset.id, calls, { media = asset.media, renditions = names })
end

--- No attempt is left: what was asked for is told why.
function M.give_up_render(app, job, err)
  local asked, asked_err = rendition_model.asked(job.payload.asset_id)
  if not asked then return nil, asked_err end
  local calls = {}
  for i = 1, job.attempts > 1 and math.min(1, #asked) or #asked do
    local wish = asked[i]
    add(calls, { rendition_model.refuse_statements(job.payload.asset_id, wish.name, err) })
  end
  calls[#calls + 1] = job_model.rendered_statement(job, job.payload.asset_id, job.payload.single)
  return ended(app, job.payload.asset_id, calls, { media = "ready", renditions = {} })
end

return M
