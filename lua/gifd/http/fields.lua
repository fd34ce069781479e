--- http/fields: what a client says about a share, from query, form and JSON alike; flow/words has the rules.
local problem = require "gifd.http.problem"
local words = require "gifd.flow.words"

local M = { schema = words.schema, complete = words.complete }

--- "a, b" -> { "a", "b" }
function M.split_tags(text)
  local out = {}
  for tag in (text .. ","):gmatch("([^,]*),") do
    tag = gifd.text.trim(tag)
    if tag ~= "" then out[#out + 1] = tag end
  end
  return out
end

--- Checks values against a record of fields -> finished values, or nil, err with a pointer for each fault.
function M.check(fields, values)
  local checked, faults = words.check(fields, values)
  if not checked then return nil, problem.fields(faults) end
  return checked
end

--- A time in a JSON body -> microseconds; null stays null. Returns nil, err with a pointer.
function M.expiry(value)
  if value == nil or value == gifd.null then return value end
  local seconds = type(value) == "string" and gifd.time.parse(value)
  if not seconds then
    return nil, problem.fields { { keys = { "expires_at" }, message = "must be a time such as 2030-01-01T00:00:00Z" } }
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
