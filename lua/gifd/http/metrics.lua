--- http/metrics: what was seen, played and clicked: /api/v1/assets/{id}/metrics and its like (flow/metrics).
--
-- Whoever sees an asset or a share may ask for its sums; its raw events are for its owner; what leads, and all
-- together, for whoever has the scope read; forgetting is for admin.
local S = require "gifd.schema"
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local csv = require "gifd.csv"
local fields = require "gifd.http.fields"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"
local problem = require "gifd.http.problem"
local purge = require "gifd.flow.purge"
local rollup_job = require "gifd.flow.metric_events"
local share_flow = require "gifd.flow.share"
local shares = require "gifd.http.shares"

local PAGE, TOP, TOP_MAX = 100, 10, 1000
local SPANS = { minute = 3600, hour = 2 * 86400, day = 60 * 86400 } -- when no `from` is given

local M = {}

local no_store = { ["Cache-Control"] = "no-store" }
local types = { csv = "text/csv; charset=utf-8; header=present", ndjson = "application/x-ndjson" }

local function ok(json) return { status = 200, headers = no_store, json = json } end

--- The asset if this asker sees it: asset, owns; or false and the reply
local function seen_asset(req, ctx)
  local asset, err = asset_model.find(req.params.id)
  if asset == nil then return nil, err end
  if not asset then return false, problem.not_found(req) end
  local allowed, public = share_flow.media_access(ctx.identity, asset)
  if allowed == nil then return nil, public end
  if not allowed then return false, problem.not_found(req) end
  local identity = ctx.identity
  if not identity then return asset, false end
  if identity:may("admin") then return asset, true end
  local own, own_err = asset_model.has_share_of(asset.id, identity.account_id)
  if own == nil then return nil, own_err end
  return asset, own
end

--- Numbers, with reasons for who asks for them.
local function answered(req, about, numbers, err)
  if not numbers then return nil, err end
  if req.query.reasons then
    local reasons, reasons_err = metrics.reasons(about)
    if not reasons then return nil, reasons_err end
    numbers.by_reason = gifd.json.array(reasons)
  end
  return ok(numbers)
end

function M.asset(_, req, ctx)
  local asset, other = seen_asset(req, ctx)
  if asset == nil then return nil, other end
  if not asset then return other end
  return answered(req, { asset = asset }, metrics.asset(asset))
end

function M.share(_, req, ctx)
  local share, other = shares.seen(req, ctx)
  if share == nil then return nil, other end
  if not share then return other end
  return answered(req, { share = share }, metrics.share(share))
end

function M.all(_, req) return answered(req, {}, metrics.all()) end

local top_query = {
  by = S.optional(S.one_of { "views", "plays", "clicks", "ctr", "play_rate" }),
  limit = S.optional(S.string { pattern = "^[1-9]%d?%d?%d?$", expects = "must be 1 to 1000" }),
  format = S.optional(S.one_of { "json", "csv", "ndjson" }),
}

local top_columns = { "asset_id", "views", "plays", "clicks", "ctr", "play_rate" }

--- A list as CSV or NDJSON
local function listed(format, columns, items, name)
  local out = {}
  if format == "csv" then out[1] = csv.line(columns) end
  for _, item in ipairs(items) do
    out[#out + 1] = format == "csv" and csv.line(item, columns) or gifd.json.encode(item) .. "\n"
  end
  return { status = 200, type = types[format], body = table.concat(out), headers = { ["Cache-Control"] = "no-store",
    ["Content-Disposition"] = ('attachment; filename="%s.%s"'):format(name, format) } }
end

function M.top(_, req)
  local query, err = fields.check(top_query, req.query)
  if not query then return nil, err end
  local by = query.by or "views"
  local found, top_err = metrics.top(by, math.min(tonumber(query.limit or TOP), TOP_MAX))
  if not found then return nil, top_err end
  if query.format == "csv" or query.format == "ndjson" then
    return listed(query.format, top_columns, found.items, "top-" .. by)
  end
  return ok { by = by, items = gifd.json.array(found.items),
    as_of = found.as_of > 0 and moment.text(found.as_of) or gifd.null }
end

--- A time of the query: RFC 3339 or seconds since 1970 -> microseconds
local function time_of(query, name, default)
  local text = query[name]
  if not text then return default end
  local number = text:match("^%d+%.?%d*$") and tonumber(text) or gifd.time.parse(text)
  if not number or number > 1e11 then
    return nil, problem.fields { { keys = { name }, message = "must be a time such as 2030-01-01T00:00:00Z" } }
  end
  return math.floor(number * 1e6 + 0.5)
end

local series_query = {
  asset_id = S.optional(S.string { min = 1, max = 64 }),
  code = S.optional(S.string { min = 1, max = 64 }),
  from = S.optional(S.string { max = 40 }), to = S.optional(S.string { max = 40 }),
  step = S.optional(S.one_of { "minute", "hour", "day" }),
  split = S.optional(S.one_of { "platform", "verdict" }),
  format = S.optional(S.one_of { "json", "csv", "ndjson" }),
}

--- What a question is about -> { asset } or { share } or {}; or false and the reply
local function about_of(query, req, ctx)
  if query.code then
    req.params.code = query.code
    local share, other = shares.seen(req, ctx)
    if not share then return share, other end
    return { share = share }
  end
  if query.asset_id then
    req.params.id = query.asset_id
    local asset, other = seen_asset(req, ctx)
    if not asset then return asset, other end
    return { asset = asset }
  end
  if not (ctx.identity and ctx.identity:may("read")) then
    return false, problem.reply(req, 422, "invalid", "say asset_id or code; all together is for the scope read")
  end
  return {}
end

function M.timeseries(_, req, ctx)
  local query, err = fields.check(series_query, req.query)
  if not query then return nil, err end
  local about, other = about_of(query, req, ctx)
  if about == nil then return nil, other end
  if not about then return other end
  local step = query.step or "hour"
  local to, to_err = time_of(query, "to", moment.now())
  if not to then return nil, to_err end
  local from, from_err = time_of(query, "from", to - SPANS[step] * 1e6)
  if not from then return nil, from_err end
  local series, series_err = metrics.series(about, step, from, to, query.split)
  if not series then
    if series_err.code ~= "invalid" then return nil, series_err end
    return problem.reply(req, 422, "invalid", series_err.message,
      { errors = { { pointer = series_err.pointer, detail = series_err.message } } })
  end
  if query.format == "csv" or query.format == "ndjson" then
    return listed(query.format, { "at", "views", "plays", "clicks" }, series.points, "timeseries")
  end
  series.points = gifd.json.array(series.points)
  return ok(series)
end

local events_query = {
  from = S.optional(S.string { max = 40 }), to = S.optional(S.string { max = 40 }),
  cursor = S.optional(S.string { pattern = "^%d+%.%d+$", max = 40 }),
  limit = S.optional(S.string { pattern = "^[1-9]%d?%d?%d?$", expects = "must be 1 to 1000" }),
  format = S.optional(S.one_of { "json", "csv", "ndjson" }),
}

function M.events(_, req, ctx)
  local query, err = fields.check(events_query, req.query)
  if not query then return nil, err end
  local asset, owns = seen_asset(req, ctx)
  if asset == nil then return nil, owns end
  if not asset then return owns end
  if not owns then return problem.reply(req, 403, "denied", "events by themselves are for the owner") end
  local from, from_err = time_of(query, "from", 0)
  if not from then return nil, from_err end
  local to, to_err = time_of(query, "to", moment.now() + 86400e6)
  if not to then return nil, to_err end
  if query.format == "csv" or query.format == "ndjson" then
    return { status = 200, type = types[query.format], headers = { ["Cache-Control"] = "no-store",
      ["Content-Disposition"] = ('attachment; filename="events.%s"'):format(query.format) },
      pieces = function()
        return metrics.export({ asset = asset }, from, to, query.format, gifd.request.write)
      end }
  end
  local cursor = { file = 0, id = 0 }
  if query.cursor then
    local file, id = query.cursor:match("^(%d+)%.(%d+)$")
    cursor = { file = tonumber(file), id = tonumber(id) }
  end
  local events, next_cursor = metrics.events({ asset = asset }, from, to, cursor, tonumber(query.limit or PAGE))
  if not events then return nil, next_cursor end
  return ok { items = gifd.json.array(events),
    next = next_cursor and ("%d.%d"):format(next_cursor.file, next_cursor.id) or gifd.null }
end

local function clear(app, ctx, asset)
  local calls = {}
  audit.add(app, calls, { action = "events.clear", actor = "account:" .. ctx.identity.account,
    kind = asset and "asset" or "events", subject = asset and asset.id or "all", detail = {}, class = "long" })
  local done, err = metrics.clear(asset, calls)
  if not done then return nil, err end
  if asset then purge.asset(app, asset.id) end
  return { status = 204, headers = no_store }
end

function M.clear_asset(app, req, ctx)
  local asset, err = asset_model.find(req.params.id)
  if asset == nil then return nil, err end
  if not asset then return problem.not_found(req) end
  return clear(app, ctx, asset)
end

function M.clear_all(app, _, ctx) return clear(app, ctx, nil) end

--- All sums as they change, about once a second.
function M.stream(app)
  local reader, full = gifd.bus.subscribe(rollup_job.topic)
  if not reader then return nil, full end
  local numbers, err = metrics.all()
  if not numbers then return nil, err end
  return { status = 200, type = "text/event-stream", headers = { ["Cache-Control"] = "no-store",
    ["X-Accel-Buffering"] = "no" }, events = { reader = reader, first = rollup_job.message(numbers),
      per_address = app.settings.http.streams_per_address } }
end

return M
