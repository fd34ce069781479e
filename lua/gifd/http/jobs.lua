--- http/jobs: /api/v1/jobs: work to be done later, as its owner and admins see it. Admins see the server's own too.
local S = require "gifd.schema"
local asset_model = require "gifd.model.asset"
local fields = require "gifd.http.fields"
local job_events = require "gifd.flow.job_events"
local job_list = require "gifd.model.job_list"
local job_model = require "gifd.model.job"
local job_stats = require "gifd.model.job_stats"
local problem = require "gifd.http.problem"
local recipes = require "gifd.recipes"
local view = require "gifd.http.view"

local BODY_MAX, PAGE, PAGE_MAX, WAITING_MOST = 64 * 1024, 20, 100, 1000

local M = {}

local schema = S.record {
  type = S.one_of { "render" },
  asset_id = S.string { max = 64 },
  recipe = S.any {},
  priority = S.one_of { "critical", "high", "normal", "low", default = "normal" },
}

local no_store = { ["Cache-Control"] = "no-store" }

--- Only of this account, or nil: of everybody's.
local function scope(ctx) return not ctx.identity:may("admin") and ctx.identity.account_id or nil end

local function shown(ctx, job)
  local out = job_list.shown(job)
  if job.name == "recipe" and type(out.result) == "table" then
    out.result.url = view.rendition_url(ctx.base, out.result.asset_id, out.result.file)
  end
  return out
end

--- The body, checked -> { asset_id, recipe, priority }, or nil, err
local function wanted()
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, faults = S.check(schema, body)
  if #faults > 0 then return nil, problem.fields(faults) end
  local recipe
  recipe, faults = recipes.check(values.recipe, { "recipe" })
  if not recipe then return nil, problem.fields(faults) end
  if recipe.kind == "frames" then
    return nil, problem.fields { { keys = { "recipe" }, message = "frames are several files: ask for thumbnails" } }
  end
  values.recipe = recipes.media(recipe)[1]
  return values
end

local function may_render(ctx, id)
  local asset, err = asset_model.find(id)
  if asset == nil then return nil, err end
  if not asset then return false end
  if ctx.identity:may("admin") then return true end
  return asset_model.has_share_of(asset.id, ctx.identity.account_id)
end

function M.create(_, _, ctx)
  local values, err = wanted()
  if not values then return nil, err end
  if values.priority == "critical" and not ctx.identity:may("admin") then
    return nil, gifd.err("denied", { message = "priority critical needs the scope admin" })
  end
  local may, may_err = may_render(ctx, values.asset_id)
  if may == nil then return nil, may_err end
  if not may then
    return nil, problem.fields { { keys = { "asset_id" }, message = "there is no such asset of yours" } }
  end
  local id, made = job_model.enqueue({ name = "recipe", lane = "media", account_id = ctx.identity.account_id,
    payload = gifd.json.encode { asset_id = values.asset_id, recipe = values.recipe },
    priority = job_model.priorities[values.priority] }, WAITING_MOST)
  if not id then return nil, made end
  gifd.jobs.wake()
  return { status = 202, headers = { Location = "/api/v1/jobs/" .. id, ["Cache-Control"] = "no-store" },
    json = { id = tostring(id), state = "pending" } }
end

local function find(req, ctx)
  local job, err = job_list.find(req.params.id, scope(ctx))
  if job == nil then return nil, err end
  if not job then return nil, gifd.err("not_found", { message = "there is no such job of yours" }) end
  return job
end

function M.get(_, req, ctx)
  local job, err = find(req, ctx)
  if not job then return nil, err end
  local json = shown(ctx, job)
  if ctx.identity:may("admin") then json.log = job.log or "" end
  return { status = 200, headers = no_store, json = json }
end

local query = {
  state = S.optional(S.one_of { "pending", "running", "completed", "failed", "cancelled", "parked" }),
  type = S.optional(S.string { min = 1, max = 200 }),
  cursor = S.optional(S.string { pattern = "^%d+$", max = 16 }),
  limit = S.optional(S.string { pattern = "^[1-9]%d?%d?$", expects = "must be 1 to 100" }),
}

function M.list(_, req, ctx)
  local filter, err = fields.check(query, req.query)
  if not filter then return nil, err end
  local limit = math.min(tonumber(filter.limit or PAGE), PAGE_MAX)
  local rows, list_err = job_list.list { state = filter.state, type = filter.type, account_id = scope(ctx),
    before = tonumber(filter.cursor), limit = limit + 1 }
  if not rows then return nil, list_err end
  local more = #rows > limit
  rows[limit + 1] = nil
  local next_cursor = more and tostring(rows[#rows].id) or gifd.null
  for i, job in ipairs(rows) do rows[i] = shown(ctx, job) end
  return { status = 200, headers = no_store, json = { items = gifd.json.array(rows), next = next_cursor } }
end

function M.cancel(_, req, ctx)
  local job, err = find(req, ctx)
  if not job then return nil, err end
  if job.every then return nil, gifd.err("conflict", { message = "a schedule is not cancelled" }) end
  local done, cancel_err = job_list.cancel(job.id)
  if done == nil then return nil, cancel_err end
  if done then
    gifd.jobs.wake()
    job_events.tell(job.id)
  end
  local now, find_err = find(req, ctx)
  if not now then return nil, find_err end
  if not done and now.state ~= "cancelled" then
    return nil, gifd.err("conflict", { message = "the job is over: " .. now.state })
  end
  return { status = 200, headers = no_store, json = shown(ctx, now) }
end

function M.metrics()
  local numbers, err = job_stats.read(job_model.priority_names)
  if not numbers then return nil, err end
  return { status = 200, headers = no_store, json = numbers }
end

--- A stream of events: how the job stands, then each change, until it is over. The reader comes before the look, so
-- that nothing is missed between the two; C goes on with it alone.
function M.events(app, req, ctx)
  local job, err = find(req, ctx)
  if not job then return nil, err end
  local reader, full = gifd.bus.subscribe(job_events.topic(job.id))
  if not reader then return nil, full end
  local watched, watch_err = job_list.watch(job.id)
  if not watched then return nil, watch_err end
  job, err = find(req, ctx)
  if not job then return nil, err end
  return { status = 200, type = "text/event-stream", headers = { ["Cache-Control"] = "no-store",
    ["X-Accel-Buffering"] = "no" }, events = { reader = reader, first = job_events.message(job),
      per_address = app.settings.http.streams_per_address } }
end

return M
