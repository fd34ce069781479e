--- http/moderation: /api/v1/moderation: reviewers decide about an asset (by id) or a share (by code), take that back,
-- and purge what must be gone for good. Every route needs the scope moderate.
local S = require "gifd.schema"
local categories = require "gifd.flow.categories"
local decide = require "gifd.flow.decide"
local fields = require "gifd.http.fields"
local problem = require "gifd.http.problem"

local BODY_MAX = 64 * 1024

local M = {}

local category = S.one_of { unpack(categories.list) }
local about = {
  reason = S.string { max = 200, optional = true },
  notes = S.string { max = 10000, optional = true },
  based_on = S.string { max = 16, optional = true },
}

local function with(more)
  local out = {}
  for name, node in pairs(about) do out[name] = node end
  for name, node in pairs(more) do out[name] = node end
  return S.record(out)
end

local schemas = {
  review = with { decision = S.one_of { "approved", "rejected", "flagged", "quarantined" },
    category = S.optional(category), legal = S.boolean { default = false }, ban = S.optional(S.boolean {}) },
  undo = with {},
  purge = with { category = S.optional(category), legal = S.boolean { default = false },
    ban = S.optional(S.boolean {}) },
}

local function no_store(json) return { status = 200, headers = { ["Cache-Control"] = "no-store" }, json = json } end

--- The subject of the path -> { kind, row }, or false and the reply, or nil, err
local function subject_of(req)
  local subject, err = decide.find(req.params.kind, req.params.id)
  if subject == nil then return nil, err end
  if not subject then return false, problem.not_found(req) end
  return subject
end

local function body_of(schema)
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, faults = S.check(schema, body)
  if #faults > 0 then return nil, problem.fields(faults) end
  return values
end

local function shown(result)
  return no_store { decision = result.decision, category = result.category,
    confidence = result.confidence == nil and gifd.null or result.confidence,
    reasons = gifd.json.array(result.reasons), scan_id = result.scan_id, legal = result.legal }
end

local function acting(name, act)
  return function(app, req, ctx)
    local subject, other = subject_of(req)
    if not subject then
      if subject == nil then return nil, other end
      return other
    end
    local values, err = body_of(schemas[name])
    if not values then return nil, err end
    values.by = ctx.identity
    local result, act_err = act(app, subject, values)
    if not result then return nil, act_err end
    return shown(result)
  end
end

M.review = acting("review", decide.run)
M.undo = acting("undo", decide.undo)
M.purge = acting("purge", function(app, subject, values)
  if subject.kind ~= "asset" then return nil, gifd.err("invalid", { message = "only assets have bytes to purge" }) end
  return decide.purge(app, subject.row, values)
end)

return M
