--- http/evidence: what was decided about an asset or a share, and what hooks failed to do for it: for its owner and for
-- reviewers. What exactly went wrong (places in a plugin's files) is the operator's alone; what each judge said, and
-- who has decided with which notes, is the reviewers'.
local decision_model = require "gifd.model.decision"
local fault_model = require "gifd.model.fault"
local moment = require "gifd.moment"
local verdict_model = require "gifd.model.verdict"

local null = gifd.null

local function value(v)
  if v == nil then return null end
  return v
end

local function ballots(kind, row)
  local list, err = verdict_model.all(kind, row)
  if not list then return nil, err end
  for i, b in ipairs(list) do
    list[i] = { judge = b.judge, version = b.version, decision = b.decision, category = value(b.category),
      confidence = value(b.confidence), reasons = gifd.json.array(b.reasons), data = value(b.data),
      at = moment.text(b.created_at) }
  end
  return gifd.json.array(list)
end

--- How the thing stands -> { decision, category, confidence, reasons, scan_id, timestamp, metadata }, or nil, err
local function moderation(ctx, kind, row)
  local standing, err = decision_model.find(row.verdict ~= "pending" and row.scan_id)
  if standing == nil then return nil, err end
  local by = standing and (standing.actor == "judges" and "judges" or "person") or nil
  local out = { decision = row.verdict, category = standing and standing.category or "unknown",
    confidence = value(standing and standing.confidence), reasons = gifd.json.array(row.reasons),
    scan_id = value(standing and standing.scan_id or nil),
    timestamp = standing and moment.text(standing.created_at) or null,
    metadata = { kind = kind, revision = row.revision, by = value(by), policy = value(standing and standing.policy),
      legal = row.legal, purged_at = row.purged_at and moment.text(row.purged_at) or null } }
  if not ctx.identity:may("moderate") then return out end
  out.metadata.ballots, err = ballots(kind, row)
  if not out.metadata.ballots then return nil, err end
  out.metadata.actor, out.metadata.notes = value(standing and standing.actor), standing and standing.notes or ""
  out.metadata.undoes = value(standing and standing.undoes)
  return out
end

--- Adds `moderation` and `hook_failures` to the JSON of a thing -> json, or nil, err
return function(json, ctx, kind, row)
  local rows, err = fault_model.of(kind, row.id)
  if not rows then return nil, err end
  local list, admin = {}, ctx.identity:may("admin")
  for i, fault in ipairs(rows) do
    list[i] = { hook = fault.hook, plugin = fault.plugin, version = fault.version, code = fault.code,
      detail = admin and fault.detail or nil, at = moment.text(fault.created_at) }
  end
  json.hook_failures = gifd.json.array(list)
  json.moderation, err = moderation(ctx, kind, row)
  if not json.moderation then return nil, err end
  return json
end
