--- command/keys: gifd keys list|rotate|revoke: what signed URLs are signed with. A running server follows in a second.
local arguments = require "gifd.command.arguments"
local model = require "gifd.model.signing_key"
local moment = require "gifd.moment"
local signing = require "gifd.flow.signing"

local OK, FAILED, USAGE, NOT_FOUND, CONFLICT, LIMIT = 0, 1, 2, 4, 6, 7

local function say(code, text)
  gifd.console.error("gifd keys: " .. text .. "\n")
  return code
end

local function json(value) gifd.console.write(gifd.json.encode(value) .. "\n") end

local function list(args)
  local options, words = arguments(args, { json = "flag" })
  if not options then return say(USAGE, words) end
  local rows, err = model.list()
  if not rows then return say(FAILED, tostring(err.message)) end
  for _, r in ipairs(rows) do
    local made, changed = moment.text(r.created_at), moment.text(r.updated_at)
    if options.json then json { kid = r.kid, state = r.state, created_at = made, updated_at = changed }
    else gifd.console.write(("%s\t%s\tmade %s\tchanged %s\n"):format(r.kid, r.state, made, changed)) end
  end
  return OK
end

local function known(kid) return say(CONFLICT, "there is, or was, a key " .. kid) end
local function full() return say(LIMIT, ("%d keys verify already; revoke one"):format(model.most)) end

--- Why the batch did not take it.
local function refused(kid, err)
  if err.code ~= "conflict" then return say(FAILED, tostring(err.message)) end
  if kid and model.find(kid) then return known(kid) end
  return full()
end

--- What rotate would say.
local function rehearsed(kid)
  local found, err = nil, nil
  if kid then found, err = model.find(kid) end
  if err then return say(FAILED, tostring(err.message)) end
  if found then return known(kid) end
  local live, live_err = model.live()
  if not live then return say(FAILED, tostring(live_err.message)) end
  if #live >= model.most then return full() end
  return say(OK, ("%s would sign, and what signs now would verify"):format(kid or "a new key"))
end

local function rotate(args)
  local options, words = arguments(args, { kid = "value", secret = "value", json = "flag",
    ["dry-run"] = "flag" })
  if not options then return say(USAGE, words) end
  if options.kid and not options.kid:match("^[%w_-]+$") or #(options.kid or "") > 32 then
    return say(USAGE, "--kid has 1 to 32 of a-zA-Z0-9_-")
  end
  if options.secret and (#options.secret < 16 or #options.secret > 256) then
    return say(USAGE, "--secret has 16 to 256 bytes")
  end
  if options["dry-run"] then return rehearsed(options.kid) end
  local done, err = signing.rotate(options.kid, options.secret)
  if not done then return refused(options.kid, err) end
  if options.json then json { kid = done } else gifd.console.write(done .. "\n") end
  return OK
end

local function revoke(args)
  local options, words = arguments(args, { json = "flag", ["dry-run"] = "flag" })
  if not options then return say(USAGE, words) end
  local kid, dry = words[1], options["dry-run"]
  if not kid or words[2] then return say(USAGE, "revoke needs the name that list prints") end
  local done, err
  if dry then
    done, err = model.find(kid)
    done = done and done.state ~= "revoked"
  else done, err = signing.revoke(kid) end
  if err then return say(FAILED, tostring(err.message)) end
  if not done then return say(NOT_FOUND, "there is no such key, or it was revoked before") end
  if dry then say(OK, ("would refuse what %s has signed"):format(kid)) end
  if options.json then json { kid = kid, revoked = not dry } end
  return OK
end

local verbs = { list = list, rotate = rotate, revoke = revoke }

return function(args)
  local verb = verbs[args[1]]
  if not verb then return say(USAGE, "say list, rotate or revoke") end
  return verb { unpack(args, 2) }
end
