--- http/hashes: /api/v1/moderation/hashes: content that is banned, or allowed whatever judges say.
local S = require "gifd.schema"
local asset_model = require "gifd.model.asset"
local categories = require "gifd.flow.categories"
local fields = require "gifd.http.fields"
local listed = require "gifd.flow.listed"
local model = require "gifd.model.listed"
local moment = require "gifd.moment"
local problem = require "gifd.http.problem"

local BODY_MAX, PAGE, OF_ASSET = 64 * 1024, 50, 200

local M = {}

local no_store = { ["Cache-Control"] = "no-store" }

local function shown(e)
  return { id = tostring(e.id), list = e.list, kind = e.kind, hash = e.hash, distance = e.distance,
    category = e.category, reason = e.reason, asset_id = e.asset_id or gifd.null, added_by = e.added_by,
    created_at = moment.text(e.created_at) }
end

local hash = S.string { pattern = "^%x+$", min = 64, max = 64, optional = true, expects = "must be 64 hex digits" }

local wanted = S.record {
  list = S.one_of { "ban", "allow" },
  sha256 = hash,
  pdq = hash,
  asset_id = S.string { min = 1, max = 64, optional = true },
  distance = S.optional(S.integer { min = 0, max = listed.distance_max }),
  reason = S.string { max = 500, default = "" },
  category = S.one_of { default = "unknown", unpack(categories.list) },
}

local function fault(name, message) return nil, problem.fields { { keys = { name }, message = message } } end

--- The body, checked
local function body_of()
  local body, err = fields.json_body(BODY_MAX)
  if not body then return nil, err end
  local values, faults = S.check(wanted, body)
  if #faults > 0 then return nil, problem.fields(faults) end
  local named = 0
  for _, name in ipairs { "sha256", "pdq", "asset_id" } do if values[name] then named = named + 1 end end
  if named ~= 1 then return nil, gifd.err("invalid", { message = "say one of sha256, pdq and asset_id" }) end
  if values.distance and values.sha256 then return fault("distance", "is for pictures: a digest is the same or not") end
  if values.list == "ban" and values.category == "safe" then return fault("category", "is not of what is banned") end
  return values
end

--- -> entries, or nil, err
local function entries_of(app, values)
  if values.asset_id then
    local asset, err = asset_model.find(values.asset_id)
    if asset == nil then return nil, err end
    if not asset then return fault("asset_id", "there is no such asset") end
    return listed.entries_of(app.settings, asset, values)
  end
  local digest = values.sha256
  return { { list = values.list, kind = digest and "sha256" or "pdq", hash = (digest or values.pdq):lower(),
    distance = digest and 0 or values.distance or listed.distance, reason = values.reason,
    category = values.category } }
end

function M.add(app, _, ctx)
  local values, err = body_of()
  if not values then return nil, err end
  local entries, entries_err = entries_of(app, values)
  if not entries then return nil, entries_err end
  local done, put_err = listed.put(app, entries, ctx.identity)
  if not done then return nil, put_err end
  local items = {}
  for _, e in ipairs(entries) do
    local rows, list_err = model.list({ list = e.list, kind = e.kind, hash = e.hash }, 0, 1)
    if not rows then return nil, list_err end
    items[#items + 1] = rows[1] and shown(rows[1])
  end
  return { status = 201, headers = no_store, json = { items = gifd.json.array(items) } }
end

local query = S.record {
  list = S.optional(S.one_of { "ban", "allow" }),
  kind = S.optional(S.one_of { "sha256", "pdq" }),
  hash = hash,
  asset_id = S.string { min = 1, max = 64, optional = true },
  cursor = S.string { pattern = "^%d+$", max = 16, optional = true },
  limit = S.string { pattern = "^[1-9]%d?%d?$", optional = true, expects = "must be 1 to 999" },
}

function M.list(_, req)
  local filter, faults = S.check(query, req.query)
  if #faults > 0 then return nil, problem.fields(faults) end
  local limit = tonumber(filter.limit or PAGE)
  filter.hash = filter.hash and filter.hash:lower()
  local rows, err = model.list(filter, tonumber(filter.cursor or 0), limit + 1)
  if not rows then return nil, err end
  local items = {}
  for i = 1, math.min(limit, #rows) do items[i] = shown(rows[i]) end
  return { status = 200, headers = no_store, json = { items = gifd.json.array(items),
    next = #rows > limit and tostring(rows[limit].id) or gifd.null } }
end

local function gone(app, rows, ctx)
  local done, err = listed.remove(app, rows, ctx.identity)
  if not done then return nil, err end
  return { status = 204, headers = no_store }
end

function M.remove(app, req, ctx)
  local id = req.params.id:match("^%d+$") and #req.params.id <= 15 and tonumber(req.params.id)
  local entry, err = false, nil
  if id then entry, err = model.find(id) end
  if entry == nil then return nil, err end
  if not entry then return problem.not_found(req) end
  return gone(app, { entry }, ctx)
end

--- DELETE ?asset_id=&list=: all entries that were made of one asset.
function M.remove_asset(app, req, ctx)
  local filter, faults = S.check(S.record { asset_id = S.string { min = 1, max = 64 },
    list = S.optional(S.one_of { "ban", "allow" }) }, req.query)
  if #faults > 0 then return nil, problem.fields(faults) end
  local rows, err = model.list(filter, 0, OF_ASSET)
  if not rows then return nil, err end
  if not rows[1] then return problem.not_found(req) end
  return gone(app, rows, ctx)
end

return M
