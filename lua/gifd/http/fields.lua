--- http/fields: what a client may say about a share, checked in one place for query, form and JSON alike.
local S = require "gifd.schema"
local problem = require "gifd.http.problem"

local VISITS_MAX = 1000000

local M = {}

local function text_fault(keys, message) return { keys = keys, message = message } end

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

--- "a, b" -> { "a", "b" }
function M.split_tags(text)
  local out = {}
  for tag in (text .. ","):gmatch("([^,]*),") do
    tag = gifd.text.trim(tag)
    if tag ~= "" then out[#out + 1] = tag end
  end
  return out
end

--- Bytes that are no UTF-8, and control characters in tags.
local function encoding_faults(values)
  local faults = {}
  for _, name in ipairs { "title", "description" } do
    if type(values[name]) == "string" and not gifd.text.valid_utf8(values[name]) then
      faults[#faults + 1] = text_fault({ name }, "is not UTF-8")
    end
  end
  for i, tag in ipairs(type(values.tags) == "table" and values.tags or {}) do
    if type(tag) == "string" and (not gifd.text.valid_utf8(tag) or tag:find("%c")) then
      faults[#faults + 1] = text_fault({ "tags", i }, "must be UTF-8 without control characters")
    end
  end
  return faults
end

--- How often a share may be visited: null is as often as anybody likes.
local function visits_faults(value)
  if value == nil or value == gifd.null then return {} end
  if type(value) == "number" and value == math.floor(value) and value >= 1 and value <= VISITS_MAX then return {} end
  return { text_fault({ "max_visits" }, ("must be a whole number from 1 to %d, or null"):format(VISITS_MAX)) }
end

--- Checks values against a record of fields -> finished values, or nil, err with a pointer for each fault.
function M.check(fields, values)
  local faults = encoding_faults(values)
  if #faults == 0 then
    local found
    values, found = S.check(S.record(fields), values)
    faults = found
  end
  if #faults == 0 then faults = visits_faults(values.max_visits) end
  if #faults > 0 then return nil, problem.fields(faults) end
  return values
end

--- Fills in what a new share has when nothing was said.
function M.complete(values)
  values.title, values.description = values.title or "", values.description or ""
  values.tags, values.visibility = values.tags or {}, values.visibility or "public"
  if values.max_visits == gifd.null then values.max_visits = nil end
  return values
end

--- A time in a JSON body -> microseconds; null stays null. Returns nil, err with a pointer.
function M.expiry(value)
  if value == nil or value == gifd.null then return value end
  local seconds = type(value) == "string" and gifd.time.parse(value)
  if not seconds then
    return nil, problem.fields { text_fault({ "expires_at" }, "must be a time such as 2030-01-01T00:00:00Z") }
  end
  return math.floor(seconds * 1e6 + 0.5)
end

--- The request's JSON object, or nil, err.
function M.json_body(max)
  local text, err = gifd.request.body(max)
  if not text then return nil, err end
  if text == "" then return nil, gifd.err("invalid", { message = "the body must be a JSON object" }) end
  local value, decode_err = gifd.json.decode(text)
  if value == nil then
    return nil, gifd.err("invalid", { message = "the body is not JSON: " .. tostring(decode_err.message) })
  end
  if type(value) ~= "table" or gifd.json.is_array(value) then
    return nil, gifd.err("invalid", { message = "the body must be a JSON object" })
  end
  return value
end

return M
