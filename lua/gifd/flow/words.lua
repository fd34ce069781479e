--- flow/words: what anybody may say about a share (a client of the API, a plugin), checked in one place.
local S = require "gifd.schema"

local VISITS_MAX = 1000000

local M = {}

local function fault_of(keys, message) return { path = S.path(keys), keys = keys, message = message } end

--- The schema of each field under these settings.
function M.schema(settings)
  local u = settings.uploads
  return {
    title = S.string { max = u.title, optional = true },
    description = S.string { max = u.description, optional = true },
    tags = S.list { of = S.string { min = 1, max = u.tag }, max = u.tags, optional = true },
    visibility = S.one_of { "public", "unlisted", "private", optional = true },
    max_visits = S.any { optional = true },
  }
end

--- A code of one's own.
M.code = S.string { optional = true, pattern = "^[A-Za-z0-9_-]+$", min = 2, max = 64,
  expects = "must be 2 to 64 of a-zA-Z0-9_-" }

--- Bytes that are no UTF-8, and control characters in tags.
local function encoding_faults(values)
  local faults = {}
  for _, name in ipairs { "title", "description" } do
    if type(values[name]) == "string" and not gifd.text.valid_utf8(values[name]) then
      faults[#faults + 1] = fault_of({ name }, "is not UTF-8")
    end
  end
  for i, tag in ipairs(type(values.tags) == "table" and values.tags or {}) do
    if type(tag) == "string" and (not gifd.text.valid_utf8(tag) or tag:find("%c")) then
      faults[#faults + 1] = fault_of({ "tags", i }, "must be UTF-8 without control characters")
    end
  end
  return faults
end

--- How often a share may be visited: null is as often as anybody likes.
local function visits_faults(value)
  if value == nil or value == gifd.null then return {} end
  if type(value) == "number" and value == math.floor(value) and value >= 1 and value <= VISITS_MAX then return {} end
  return { fault_of({ "max_visits" }, ("must be a whole number from 1 to %d, or null"):format(VISITS_MAX)) }
end

--- Checks values against a record of fields -> finished values, or nil, faults as those of gifd.schema.
function M.check(fields, values)
  if type(values) ~= "table" then return nil, { fault_of({}, "must be a table") } end
  local faults = encoding_faults(values)
  if #faults == 0 then
    local found
    values, found = S.check(S.record(fields), values)
    faults = found
  end
  if #faults == 0 then faults = visits_faults(values.max_visits) end
  if #faults > 0 then return nil, faults end
  return values
end

--- May a share have these tags? -> true, or false, why
function M.tags_allowed(settings, tags)
  local _, faults = M.check({ tags = M.schema(settings).tags }, { tags = tags })
  if not faults then return true end
  return false, faults[1].path .. ": " .. faults[1].message
end

--- Fills in what a new share has when nothing was said.
function M.complete(values)
  values.title, values.description = values.title or "", values.description or ""
  values.tags, values.visibility = values.tags or {}, values.visibility or "public"
  if values.max_visits == gifd.null then values.max_visits = nil end
  return values
end

return M
