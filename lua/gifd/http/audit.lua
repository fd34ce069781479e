--- http/audit: /api/v1/audit: what has changed and who did it, for whoever has the scope audit.
local S = require "gifd.schema"
local audit_export = require "gifd.flow.audit_export"
local chain = require "gifd.model.audit_chain"
local fields = require "gifd.http.fields"
local model = require "gifd.model.audit"
local moment = require "gifd.moment"
local problem = require "gifd.http.problem"

local PAGE, MONTH = 50, 30 * 86400 * 1e6

local M = {}

local no_store = { ["Cache-Control"] = "no-store" }

local filters = {
  asset = S.optional(S.string { min = 1, max = 64 }),
  user = S.optional(S.string { min = 1, max = 64 }),
  moderator = S.optional(S.string { min = 1, max = 64 }),
  type = S.optional(S.string { min = 1, max = 100 }),
  from = S.optional(S.string { max = 40 }),
  to = S.optional(S.string { max = 40 }),
}

local function with(more)
  local out = {}
  for name, schema in pairs(filters) do out[name] = schema end
  for name, schema in pairs(more) do out[name] = schema end
  return out
end

--- Both ends of a time in place, as microseconds.
local function times(values)
  for _, name in ipairs { "from", "to" } do
    if values[name] then
      local seconds = gifd.time.parse(values[name])
      if not seconds then
        return nil, problem.fields { { keys = { name }, message = "must be a time such as 2030-01-01T00:00:00Z" } }
      end
      values[name] = moment.from_seconds(seconds)
    end
  end
  return values
end

--- -> values of the query, filter; or nil, err
local function asked(req, schema)
  local values, err = fields.check(schema, req.query)
  if values then values, err = times(values) end
  if not values then return nil, err end
  return values, { asset = values.asset, user = values.user, type = values.type, from = values.from, to = values.to,
    actor = values.moderator and "account:" .. values.moderator or nil }
end

local list_query = with {
  cursor = S.optional(S.string { pattern = "^%d+%.%d+$", max = 40 }),
  limit = S.optional(S.string { pattern = "^[1-9]%d?%d?$", expects = "must be 1 to 999" }),
}

function M.list(_, req)
  local values, filter = asked(req, list_query)
  if not values then return nil, filter end
  local limit, after = tonumber(values.limit or PAGE), nil
  if values.cursor then
    local at, id = values.cursor:match("^(%d+)%.(%d+)$")
    after = { at = tonumber(at), id = tonumber(id) }
  end
  local rows, err = model.list(filter, "down", after, limit + 1)
  if not rows then return nil, err end
  local more = #rows > limit
  rows[limit + 1] = nil
  local last = rows[#rows]
  local next_cursor = more and ("%d.%d"):format(last.at, last.id) or gifd.null
  for i, found in ipairs(rows) do rows[i] = model.shown(found) end
  return { status = 200, headers = no_store, json = { items = gifd.json.array(rows), next = next_cursor } }
end

local export_query = with { format = S.optional(S.one_of { "ndjson", "csv" }) }

function M.export(_, req)
  local values, filter = asked(req, export_query)
  if not values then return nil, filter end
  local format = values.format or "ndjson"
  return { status = 200, type = audit_export.types[format], headers = { ["Cache-Control"] = "no-store",
    ["Content-Disposition"] = ('attachment; filename="audit.%s"'):format(format) },
    pieces = function() return audit_export.run(filter, format, gifd.request.write) end }
end

function M.report(_, req)
  local values, filter = asked(req, { from = filters.from, to = filters.to })
  if not values then return nil, filter end
  filter.to = filter.to or moment.now()
  filter.from = filter.from or math.max(0, filter.to - MONTH)
  local anchor, err = chain.anchor()
  if anchor == nil then return nil, err end
  local report, report_err = audit_export.report(filter, anchor)
  if not report then return nil, report_err end
  return { status = 200, headers = no_store, json = report }
end

function M.anchor()
  local anchor, err = chain.anchor()
  if anchor == nil then return nil, err end
  return { status = 200, headers = no_store, json = { rows = anchor and anchor.id or 0,
    mac = anchor and anchor.mac or gifd.null, at = anchor and moment.text(anchor.at) or gifd.null } }
end

return M
