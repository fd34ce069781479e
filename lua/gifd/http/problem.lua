--- http/problem: errors as application/problem+json (RFC 9457), and which status each code of the closed list gets.
local exposed = require "gifd.http.exposed"

local M = {}

local statuses = {
  invalid = 400, protocol = 400, unauthorized = 401, denied = 403, not_found = 404, timeout = 408, conflict = 409,
  signature_missing = 403, expiration_missing = 403, signature_invalid = 403, expired = 403, url_malformed = 403,
  too_large = 413, unsupported_media = 415, bad_media = 422, rate_limited = 429, internal = 500, script = 500,
    corrupt = 500,
  busy = 503, closed = 503, cancelled = 503, out_of_memory = 503, io = 500, disk_full = 507, budget = 500,
}
local titles = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [408] = "Request Timeout",
    [409] = "Conflict",
  [410] = "Gone", [413] = "Content Too Large", [415] = "Unsupported Media Type", [422] = "Unprocessable Content",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [501] = "Not Implemented",
    [451] = "Unavailable For Legal Reasons", [503] = "Service Unavailable",
  [507] = "Insufficient Storage",
}
--- Nobody's fault here: the client went away, the disk is full, there is no room now.
local expected = { cancelled = true, closed = true, disk_full = true, busy = true }
--- Details of these are ours alone and go to the log instead.
local silent = { internal = true, script = true, corrupt = true, io = true, out_of_memory = true, budget = true }

--- A reply. more: { headers, errors = { {pointer, detail} }, members = further ones }
function M.reply(req, status, code, detail, more)
  local headers = { ["Cache-Control"] = "no-store" }
  for name, value in pairs(more and more.headers or {}) do headers[name] = value end
  if status == 401 then headers["WWW-Authenticate"] = 'Bearer realm="gifd"' end
  if status == 503 and not headers["Retry-After"] then headers["Retry-After"] = "1" end
  local body = { type = "about:blank", title = titles[status] or "Error", status = status, detail = detail, code = code,
    request_id = req.id }
  for name, value in pairs(more and more.members or {}) do body[name] = value end
  if more and more.errors then body.errors = gifd.json.array(more.errors) end
  return { status = status, type = "application/problem+json", headers = headers, body = gifd.json.encode(body) }
end

--- What an err is answered with; err.problem is a code that says more than that of the closed list.
-- Faults of ours are logged in full and told in general.
function M.of(req, err)
  local code = err.code or "internal"
  local status = err.errors and 422 or statuses[code] or 500
  if status >= 500 and not expected[code] then
    gifd.log.error("request.failed", { path = req.path, code = code, error = tostring(err.message) })
  end
  local shown = silent[code] and exposed.of(err)
  if shown and req.wants_page then return exposed.page(req, status, shown) end
  local detail = silent[code] and "the server could not do this; its log has the request id"
    or tostring(err.message or code)
  if status == 500 then code = "internal" end
  code = err.problem or code
  return M.reply(req, status, code, detail, { headers = err.headers, errors = err.errors, members = shown })
end

function M.not_found(req) return M.reply(req, 404, "not_found", "there is nothing here") end

--- An err that lists fields: faults of gifd.schema become JSON pointers.
function M.fields(faults)
  local errors = {}
  for i, fault in ipairs(faults) do
    local pointer = ""
    for _, key in ipairs(fault.keys) do
      local text = type(key) == "number" and tostring(key - 1) or tostring(key)
      pointer = pointer .. "/" .. text:gsub("~", "~0"):gsub("/", "~1")
    end
    local detail = fault.message
    if fault.nearest then detail = detail .. ", did you mean " .. fault.nearest .. "?" end
    errors[i] = { pointer = pointer, detail = detail }
  end
  local first = errors[1]
  return gifd.err("invalid", { message = (first.pointer ~= "" and first.pointer .. " " or "the body ") .. first.detail,
    errors = errors })
end

return M
