--- http/moderation: /api/v1/moderation: reviewers see what waits, claim it, decide about an asset (by id) or a share
-- (by code), take that back, answer appeals, and purge what must be gone for good. All of it needs the scope moderate.
local S = require "gifd.schema"
local appeal_flow = require "gifd.flow.appeal"
local appeal_model = require "gifd.model.appeal"
local asset_model = require "gifd.model.asset"
local categories = require "gifd.flow.categories"
local decide = require "gifd.flow.decide"
local decision_model = require "gifd.model.decision"
local evidence = require "gifd.http.evidence"
local fields = require "gifd.http.fields"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"
local problem = require "gifd.http.problem"
local queue_events = require "gifd.flow.queue_events"
local rendition_model = require "gifd.model.rendition"
local review = require "gifd.flow.review"
local review_model = require "gifd.model.review"
local view = require "gifd.http.view"

local BODY_MAX, PAGE, HISTORY = 64 * 1024, 50, 50

local M = {}

local category = S.one_of { unpack(categories.list) }
local about = {
  reason = S.string { max = 200, optional = true },
  notes = S.string { max = 10000, optional = true },
  based_on = S.string { max = 16, optional = true },
  claim = S.string { max = 16, optional = true },
}

local function with(more)
  local out = {}
  for name, node in pairs(about) do out[name] = node end
  for name, node in pairs(more) do out[name] = node end
  return S.record(out)
end

local schemas = {
  review = with { decision = S.one_of { "approved", "rejected", "flagged", "escalated", "quarantined" },
    category = S.optional(category), legal = S.boolean { default = false }, ban = S.optional(S.boolean {}),
    cluster = S.boolean { default = false } },
  undo = with { cluster = S.boolean { default = false } },
  purge = with { category = S.optional(category), legal = S.boolean { default = false },
    ban = S.optional(S.boolean {}) },
  appeal = S.record { decision = S.one_of { "upheld", "overturned" },
    notes = S.string { max = 10000, optional = true } },
}

local headers = { ["Cache-Control"] = "no-store" }
local function no_store(json) return { status = 200, headers = headers, json = json } end

--- The subject of the path -> { kind, row }, or nil, err; not_found when it is none
local function subject_of(req)
  local subject, err = decide.find(req.params.kind, req.params.id)
  if subject then return subject end
  return nil, err or gifd.err("not_found", { message = "there is nothing here" })
end

local function body_of(schema)
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, faults = S.check(schema, body)
  if #faults > 0 then return nil, problem.fields(faults) end
  return values
end

local function fault(name, message) return nil, problem.fields { { keys = { name }, message = message } } end

--- What one member says of another.
local function fits(subject, values)
  if values.legal and values.decision ~= "rejected" then return fault("legal", "is of what is rejected") end
  if values.ban and values.decision ~= "rejected" and values.decision ~= "quarantined" then
    return fault("ban", "is of what is rejected or quarantined")
  end
  if values.cluster and subject.kind ~= "asset" then return fault("cluster", "is of assets") end
  if values.category == "safe" and values.decision == "rejected" then
    return fault("category", "is not of what is rejected")
  end
  return true
end

local function shown(result)
  return no_store { decision = result.decision, category = result.category,
    confidence = result.confidence == nil and gifd.null or result.confidence,
    reasons = gifd.json.array(result.reasons), scan_id = result.scan_id, legal = result.legal,
    escalated = result.escalated or false, cluster = result.cluster and gifd.json.array(result.cluster) or nil }
end

local function acting(name, act)
  return function(app, req, ctx)
    local subject, err = subject_of(req)
    if not subject then return nil, err end
    local values, body_err = body_of(schemas[name])
    if not values then return nil, body_err end
    values.by = ctx.identity
    local result, act_err = act(app, subject, values)
    if not result then return nil, act_err end
    return shown(result)
  end
end

M.review = acting("review", function(app, subject, values)
  local fit, err = fits(subject, values)
  if not fit then return nil, err end
  return review.run(app, subject, values)
end)
M.undo = acting("undo", function(app, subject, values)
  local fit, err = fits(subject, values)
  if not fit then return nil, err end
  return review.undo(app, subject, values)
end)
M.purge = acting("purge", function(app, subject, values)
  if subject.kind ~= "asset" then return nil, gifd.err("invalid", { message = "only assets have bytes to purge" }) end
  return decide.purge(app, subject.row, values)
end)

function M.claim(app, req, ctx)
  local subject, err = subject_of(req)
  if not subject then return nil, err end
  local claimed, claim_err = review.claim(app, subject, ctx.identity)
  if not claimed then return nil, claim_err end
  return no_store(claimed)
end

function M.release(_, req, ctx)
  local subject, err = subject_of(req)
  if not subject then return nil, err end
  local done, release_err = review.release(subject, ctx.identity)
  if not done then return nil, release_err end
  return { status = 204, headers = headers }
end

local limit = S.string { pattern = "^[1-9]%d?%d?$", optional = true, expects = "must be 1 to 999" }
local queue_query = S.record {
  kind = S.one_of { "asset", "share", optional = true },
  category = S.optional(category),
  state = S.one_of { optional = true, unpack(review_model.states) },
  cursor = S.string { pattern = "^%-?%d+%.%d+%.%d+$", max = 60, optional = true, expects = "must be what next was" },
  limit = limit,
}

local function asked(schema, req)
  local values, faults = S.check(schema, req.query)
  if #faults > 0 then return nil, problem.fields(faults) end
  return values
end

function M.queue(_, req)
  local filter, err = asked(queue_query, req)
  if not filter then return nil, err end
  local after
  if filter.cursor then
    local rank, since, id = filter.cursor:match("^(%-?%d+)%.(%d+)%.(%d+)$")
    after = { rank = tonumber(rank), since = tonumber(since), id = tonumber(id) }
  end
  local items, last = review.queue(filter, after, tonumber(filter.limit or PAGE))
  if not items then return nil, last end
  return no_store { items = gifd.json.array(items),
    next = last and ("%d.%d.%d"):format(last.rank, last.since, last.id) or gifd.null }
end

local function decisions_of(subject)
  local rows, err = decision_model.of(subject.kind, subject.row.id, HISTORY)
  if not rows then return nil, err end
  for i, d in ipairs(rows) do
    rows[i] = { scan_id = d.scan_id, decision = d.decision, was = d.was, category = d.category,
      confidence = d.confidence == nil and gifd.null or d.confidence, reasons = gifd.json.array(d.reasons),
      actor = d.actor, policy = d.policy or gifd.null, notes = d.notes, legal = d.legal, banned = d.banned,
      undoes = d.undoes or gifd.null, at = moment.text(d.created_at) }
  end
  return gifd.json.array(rows)
end

--- All that a reviewer is to know of one thing -> plain table, or nil, err. ctx = { base, identity }
function M.all_of(ctx, subject)
  local json, err = review.about(subject)
  if not json then return nil, err end
  json.kind, json.decisions = subject.kind, nil
  json.decisions, err = decisions_of(subject)
  if not json.decisions then return nil, err end
  local asset, asset_err = subject.row
  if subject.kind == "share" then
    json.id = subject.row.code
    asset, asset_err = asset_model.find(subject.row.asset_id)
    if not asset then return nil, asset_err or gifd.err("internal", { message = "a share without its asset" }) end
  else json.id = subject.row.id end
  local ready, ready_err = rendition_model.of_asset(asset.id)
  if not ready then return nil, ready_err end
  local of_share = subject.kind == "share" and { subject.row } or {}
  local done, fill_err = metrics.fill { shares = of_share, assets = { asset } }
  if not done then return nil, fill_err end
  if of_share[1] then json.share = view.share(ctx.base, subject.row) end
  json.asset = view.asset(ctx.base, asset, ready)
  return evidence(json, ctx, subject.kind, subject.row)
end

function M.get(_, req, ctx)
  local subject, err = subject_of(req)
  if not subject then return nil, err end
  local json, all_err = M.all_of(ctx, subject)
  if not json then return nil, all_err end
  return no_store(json)
end

function M.statistics()
  local numbers, err = review.statistics()
  if not numbers then return nil, err end
  return no_store(numbers)
end

--- A stream of events: how much there is, then each decision, claim and appeal.
function M.events(app)
  local reader, full = gifd.bus.subscribe(queue_events.topic)
  if not reader then return nil, full end
  local numbers, err = review.statistics()
  if not numbers then return nil, err end
  numbers.judges, numbers.by_kind = nil, nil
  return { status = 200, type = "text/event-stream", headers = { ["Cache-Control"] = "no-store",
    ["X-Accel-Buffering"] = "no" }, events = { reader = reader, first = queue_events.message("statistics", numbers),
      per_address = app.settings.http.streams_per_address } }
end

local appeals_query = S.record {
  state = S.one_of { "open", "upheld", "overturned", default = "open" },
  cursor = S.string { pattern = "^%d+$", max = 16, optional = true },
  limit = limit,
}

function M.appeals(_, req)
  local filter, err = asked(appeals_query, req)
  if not filter then return nil, err end
  local most = tonumber(filter.limit or PAGE)
  local rows, list_err = appeal_model.list(filter.state, tonumber(filter.cursor or 0), most + 1)
  if not rows then return nil, list_err end
  local items = {}
  for i = 1, math.min(most, #rows) do items[i] = review.appeal(rows[i]) end
  return no_store { items = gifd.json.array(items), next = #rows > most and tostring(rows[most].id) or gifd.null }
end

function M.close_appeal(app, req, ctx)
  local id = req.params.id:match("^%d+$") and #req.params.id <= 15 and tonumber(req.params.id)
  local p, err = false, nil
  if id then p, err = appeal_model.find(id) end
  if p == nil then return nil, err end
  if not p then return problem.not_found(req) end
  local values, body_err = body_of(schemas.appeal)
  if not values then return nil, body_err end
  local closed, close_err = appeal_flow.close(app, p, values.decision, ctx.identity, values.notes)
  if not closed then return nil, close_err end
  return no_store(review.appeal(closed))
end

return M
