--- command/token: gifd token create|list|revoke
local S = require "gifd.schema"
local account_flow = require "gifd.flow.account"
local arguments = require "gifd.command.arguments"
local moment = require "gifd.moment"
local token_model = require "gifd.model.token"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function complain(code, text)
  gifd.console.error("gifd token: " .. text .. "\n")
  return code
end

local function create(args)
  local options, words = arguments(args, { scopes = "value", expires = "value", name = "value", account = "value" })
  if not options then return complain(USAGE, words) end
  if not options.scopes then return complain(USAGE, "create needs --scopes, such as --scopes upload") end
  local scopes, err = account_flow.parse_scopes(options.scopes)
  if not scopes then return complain(USAGE, err.message) end
  local expires_at
  if options.expires then
    local seconds, faults = S.check(S.duration { min = 1 }, options.expires)
    if #faults > 0 then return complain(USAGE, "--expires " .. faults[1].message) end
    expires_at = moment.now() + math.floor(seconds * 1e6)
  end
  local account, account_err = account_flow.named(options.account)
  if not account then return complain(FAILED, tostring(account_err.message)) end
  local secret, create_err = account_flow.token(account, scopes, options.name, expires_at)
  if not secret then return complain(FAILED, tostring(create_err.message)) end
  gifd.console.write(secret .. "\n")
  return OK
end

local function list()
  local rows, err = token_model.list()
  if not rows then return complain(FAILED, tostring(err.message)) end
  for _, r in ipairs(rows) do
    local state = r.revoked_at and "revoked" or r.expires_at and ("until " .. moment.text(r.expires_at)) or "valid"
    gifd.console.write(("%d\t%s\t%s\t%s\t%s\n"):format(r.id, r.account, r.scopes, state, r.name))
  end
  return OK
end

local function revoke(args)
  local id = args[1] and args[1]:match("^%d+$") and tonumber(args[1])
  if not id then return complain(USAGE, "revoke needs the number that list prints") end
  local done, err = token_model.revoke(id)
  if done == nil then return complain(FAILED, tostring(err.message)) end
  if not done then return complain(NOT_FOUND, "there is no such token, or it was revoked before") end
  return OK
end

local verbs = { create = create, list = list, revoke = revoke }

return function(args)
  local verb = verbs[args[1]]
  if not verb then return complain(USAGE, "say create, list or revoke") end
  local rest = {}
  for i = 2, #args do rest[i - 1] = args[i] end
  return verb(rest)
end
