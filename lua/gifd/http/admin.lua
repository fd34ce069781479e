--- http/admin: what an operator asks a running server over HTTP: status, reload, rollback, switching a plugin on again.
-- The supervisor answers (core/app/admin.h); the answer is the same as over its control socket.
local fields = require "gifd.http.fields"

local M = {}

local BODY_MAX = 4096
local statuses = { refused = 409, not_found = 404, invalid = 400 }

local function ask(question)
  local answer, err = gifd.admin.ask(question)
  if not answer then return nil, err end
  return { status = answer.error and (statuses[answer.error] or 500) or 200, json = answer,
    headers = { ["Cache-Control"] = "no-store" } }
end

--- An empty body is an empty object.
local function body_of(req)
  if not req.has_body then return {} end
  return fields.json_body(BODY_MAX)
end

function M.status() return ask { ["do"] = "status" } end

--- Folders of plugins are for the control socket alone: whoever names them can read the machine's files.
function M.reload(_, req)
  local body, err = body_of(req)
  if not body then return nil, err end
  return ask { ["do"] = "reload" }
end

function M.rollback(_, req)
  local body, err = body_of(req)
  if not body then return nil, err end
  local number = body.generation
  if number ~= nil and (type(number) ~= "number" or number < 1 or number % 1 ~= 0) then
    return nil, gifd.err("invalid", { message = "generation must be a number of one that is kept" })
  end
  return ask { ["do"] = "rollback", generation = number }
end

function M.enable(_, req)
  local body, err = body_of(req)
  if not body then return nil, err end
  if type(body.plugin) ~= "string" then return nil, gifd.err("invalid", { message = "plugin must be a name" }) end
  return ask { ["do"] = "enable", plugin = body.plugin }
end

return M
