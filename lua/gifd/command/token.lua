--- command/token: gifd token create|list|revoke
local S = require "gifd.schema"
local account_flow = require "gifd.flow.account"
local arguments = require "gifd.command.arguments"
local moment = require "gifd.moment"
local token_model = require "gifd.model.token"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function say(code, text)
  gifd.console.error("gifd token: " .. text .. "\n")
  return code
end

local function json(value) gifd.console.write(gifd.json.encode(value) .. "\n") end

local function create(args)
  local options, words = arguments(args, { scopes = "value", expires = "value", name = "value", account = "value",
    json = "flag" })
  if not options then return say(USAGE, words) end
  if not options.scopes then return say(USAGE, "create needs --scopes, such as --scopes upload") end
  local scopes, err = account_flow.parse_scopes(options.scopes)
  if not scopes then return say(USAGE, err.message) end
  local expires_at
  if options.expires then
    local seconds, faults = S.check(S.duration { min = 1 }, options.expires)
    if #faults > 0 then return say(USAGE, "--expires " .. faults[1].message) end
    expires_at = moment.now() + math.floor(seconds * 1e6)
  end
  local account, account_err = account_flow.named(options.account)
  if not account then return say(FAILED, tostring(account_err.message)) end
  local secret, create_err = account_flow.token(account, scopes, options.name, expires_at)
  if not secret then return say(FAILED, tostring(create_err.message)) end
  if options.json then
    json { token = secret, name = options.name, scopes = options.scopes,
      expires_at = expires_at and moment.text(expires_at) }
  else
    gifd.console.write(secret .. "\n")
  end
  return OK
end

local function list(args)
  local options, words = arguments(args, { json = "flag" })
  if not options then return say(USAGE, words) end
  local rows, err = token_model.list()
  if not rows then return say(FAILED, tostring(err.message)) end
  for _, r in ipairs(rows) do
    local state = r.revoked_at and "revoked" or r.expires_at and ("until " .. moment.text(r.expires_at)) or "valid"
    if options.json then
      json { id = r.id, account = r.account, scopes = r.scopes, name = r.name,
        state = r.revoked_at and "revoked" or "valid", expires_at = r.expires_at and moment.text(r.expires_at) }
    else
      gifd.console.write(("%d\t%s\t%s\t%s\t%s\n"):format(r.id, r.account, r.scopes, state, r.name))
    end
  end
  return OK
end

--- Would the token be revoked? -> true; false: there is none, or it was before; or nil, err
local function revocable(id)
  local rows, err = token_model.list()
  for _, r in ipairs(rows or {}) do if r.id == id then return not r.revoked_at end end
  if not rows then return nil, err end
  return false
end

local function revoke(args)
  local options, words = arguments(args, { json = "flag", ["dry-run"] = "flag" })
  if not options then return say(USAGE, words) end
  local id = words[1] and words[1]:match("^%d+$") and tonumber(words[1])
  if not id or words[2] then return say(USAGE, "revoke needs the number that list prints") end
  local dry = options["dry-run"]
  local done, err
  if dry then done, err = revocable(id) else done, err = account_flow.revoke(id) end
  if done == nil then return say(FAILED, tostring(err.message)) end
  if not done then return say(NOT_FOUND, "there is no such token, or it was revoked before") end
  if dry then say(OK, ("would revoke token %d"):format(id)) end
  if options.json then json { id = id, revoked = not dry } end
  return OK
end

local verbs = { create = create, list = list, revoke = revoke }

return function(args)
  local verb = verbs[args[1]]
  if not verb then return say(USAGE, "say create, list or revoke") end
  return verb { unpack(args, 2) }
end
