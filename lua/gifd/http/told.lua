--- http/told: POST /api/v1/events. C answers it by itself (core/script/intake.h); this is what is left to Lua: requests
-- whose limits it has to charge, and events that only tokens may tell of.
local problem = require "gifd.http.problem"

local BODY_MAX = 8 * 2 ^ 20

local M = {}

local statuses = { not_found = 404, too_large = 413 }

function M.create(app, req, ctx)
  if app.settings.events.from == "tokens" and not (ctx.identity and ctx.identity:may("upload")) then
    if ctx.identity then return problem.reply(req, 403, "denied", "this needs the scope upload") end
    return problem.reply(req, 401, "unauthorized", "events are told with a token here")
  end
  local body, err = gifd.request.body(BODY_MAX)
  if not body then return nil, err end
  local type = (req.headers["content-type"] or ""):lower()
  local lines = type:find("ndjson", 1, true) ~= nil or type:find("jsonl", 1, true) ~= nil
  local told, tell_err = gifd.intake.tell(body, lines)
  if not told then return nil, tell_err end
  local fault = told.single and told.rejected[1]
  if fault then
    return problem.reply(req, statuses[fault.code] or 422, fault.code, fault.detail,
      { errors = { { pointer = fault.pointer, detail = fault.detail } } })
  end
  return { status = 202, headers = { ["Cache-Control"] = "no-store" },
    json = { accepted = told.accepted, rejected = gifd.json.array(told.rejected) } }
end

return M
