--- http/shares: /api/v1/shares and /api/v1/shares/{code}.
local S = require "gifd.schema"
local asset_model = require "gifd.model.asset"
local closed = require "gifd.http.closed"
local evidence = require "gifd.http.evidence"
local fields = require "gifd.http.fields"
local metrics = require "gifd.flow.metrics"
local problem = require "gifd.http.problem"
local report = require "gifd.http.unfurl_report"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local share_page = require "gifd.http.share_page"
local view = require "gifd.http.view"
local words = require "gifd.flow.words"

local BODY_MAX, LIMIT, LIMIT_MAX = 256 * 1024, 50, 200

local M = {}

local function no_store(status, json, headers)
  headers = headers or {}
  headers["Cache-Control"] = "no-store"
  return { status = status, headers = headers, json = json }
end

--- A share as its owner sees it -> json, or nil, err
local function owner_json(ctx, share)
  local done, err = metrics.fill { shares = { share } }
  if not done then return nil, err end
  return evidence(view.share(ctx.base, share), ctx, "share", share)
end

local function schema(app)
  local out = fields.schema(app.settings)
  out.expires_at = S.any { optional = true }
  return out
end

function M.create(app, req, ctx)
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local record = schema(app)
  record.asset_id = S.string { min = 1, max = 64 }
  record.code = words.code
  local values, invalid = fields.check(record, body)
  if not values then return nil, invalid end
  local expires_at, bad_time = fields.expiry(values.expires_at)
  if bad_time then return nil, bad_time end
  local asset, find_err = asset_model.find(values.asset_id)
  if asset == nil then return nil, find_err end
  local allowed = false
  if asset then
    local public
    allowed, public = share_flow.media_access(ctx.identity, asset)
    if allowed == nil then return nil, public end
  end
  if not allowed then return problem.reply(req, 404, "not_found", "there is no such asset") end
  values = fields.complete(values)
  values.expires_at = expires_at ~= gifd.null and expires_at or nil
  local share, create_err = share_flow.create(app, ctx.hook_ctx, ctx.identity, asset, values)
  if not share then return nil, create_err end
  local json, json_err = owner_json(ctx, share)
  if not json then return nil, json_err end
  return no_store(201, json, { Location = ctx.base .. "/api/v1/shares/" .. share.code })
end

--- The share and how the asker stands to it: share, asset, owns (it, or reviews); or false and the reply.
local function seen(req, ctx)
  local share, err = share_model.find(req.params.code)
  if share == nil then return nil, err end
  if not share then return false, problem.not_found(req) end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err end
  if share_flow.owns(ctx.identity, share) or share_flow.moderates(ctx.identity) then return share, asset, true end
  local shut = share_flow.closed(share, asset)
  if share.visibility == "private" then shut = 404 end
  if shut then return false, closed.problem(req, shut) end
  if share_model.expired(share) then return false, problem.reply(req, 410, "not_found", "the share has expired") end
  if share_model.used_up(share) then return false, problem.reply(req, 410, "not_found", "the share is used up") end
  return share, asset, false
end
M.seen = seen

function M.get(_, req, ctx)
  local share, asset, owns = seen(req, ctx)
  if not share then
    if share == nil then return nil, asset end
    return asset
  end
  if not owns then
    local done, err = metrics.fill { shares = { share } }
    return done and no_store(200, view.share(ctx.base, share)), err
  end
  local json, err = owner_json(ctx, share)
  return json and no_store(200, json), err
end

--- GET /api/v1/shares/{code}/unfurl?as=: what programs that preview links would show of it.
function M.unfurl(_, req, ctx)
  local share, asset = seen(req, ctx)
  if not share then
    if share == nil then return nil, asset end
    return asset
  end
  local facts, err = share_page.facts(ctx, share, asset)
  if not facts then return nil, err end
  local list, unknown = report.all(facts, report.names(req.query.as))
  if not list then
    return problem.reply(req, 422, "invalid", ("there is no platform %q: %s"):format(unknown, report.known()))
  end
  return no_store(200, { code = share.code, platforms = list })
end

local function owned(req, ctx)
  local share, other, owns = seen(req, ctx)
  if share and not (owns and share_flow.owns(ctx.identity, share)) then
    return false, problem.reply(req, 403, "denied", "this share belongs to another account")
  end
  return share, other
end

function M.update(app, req, ctx)
  local share, other = owned(req, ctx)
  if not share then
    if share == nil then return nil, other end
    return other
  end
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, invalid = fields.check(schema(app), body)
  if not values then return nil, invalid end
  local expires_at, bad_time = fields.expiry(values.expires_at)
  if bad_time then return nil, bad_time end
  values.expires_at = expires_at
  local updated, update_err = share_flow.update(app, ctx.hook_ctx, ctx.identity, share, values)
  if not updated then return nil, update_err end
  local json, json_err = owner_json(ctx, updated)
  if not json then return nil, json_err end
  return no_store(200, json)
end

function M.delete(app, req, ctx)
  local share, other = owned(req, ctx)
  if not share then
    if share == nil then return nil, other end
    return other
  end
  local done, err = share_flow.delete(app, ctx.identity, share)
  if done == nil then return nil, err end
  return { status = 204, headers = { ["Cache-Control"] = "no-store" } }
end

--- A cursor is opaque to clients: the id of the last share of the page before.
local function cursor_id(text)
  local raw = gifd.crypto.unbase64url(text)
  local id = raw and tonumber(raw:match("^s:(%d+)$"))
  return id
end

function M.list(_, req, ctx)
  local limit = LIMIT
  if req.query.limit then
    limit = req.query.limit:match("^%d+$") and tonumber(req.query.limit)
    if not limit or limit < 1 or limit > LIMIT_MAX then
      return nil, problem.fields { { keys = { "limit" }, message = "must be 1 to " .. LIMIT_MAX } }
    end
  end
  local before
  if req.query.cursor then
    before = cursor_id(req.query.cursor)
    if not before then
      return nil, problem.fields { { keys = { "cursor" }, message = "is not a cursor of this list" } }
    end
  end
  local rows, err = share_model.of_account(ctx.identity.account_id, before, limit + 1)
  if not rows then return nil, err end
  local done, fill_err = metrics.fill { shares = rows }
  if not done then return nil, fill_err end
  local items, headers, next_cursor = {}, {}, gifd.null
  for i = 1, math.min(#rows, limit) do items[i] = view.share(ctx.base, rows[i]) end
  if #rows > limit then
    next_cursor = gifd.crypto.base64url("s:" .. rows[limit].id)
    headers.Link = ("<%s/api/v1/shares?limit=%d&cursor=%s>; rel=\"next\""):format(ctx.base, limit, next_cursor)
  end
  return no_store(200, { items = gifd.json.array(items), next = next_cursor }, headers)
end

return M
