--- command/keys: gifd keys list|rotate|revoke: what signed URLs are signed with. A running server follows in a second.
local arguments = require "gifd.command.arguments"
local model = require "gifd.model.signing_key"
local moment = require "gifd.moment"

local OK, FAILED, USAGE, NOT_FOUND, CONFLICT, LIMIT = 0, 1, 2, 4, 6, 7

local function complain(code, text)
  gifd.console.error("gifd keys: " .. text .. "\n")
  return code
end

local function list()
  local rows, err = model.list()
  if not rows then return complain(FAILED, tostring(err.message)) end
  for _, r in ipairs(rows) do
    gifd.console.write(("%s\t%s\tmade %s\tchanged %s\n"):format(r.kid, r.state, moment.text(r.created_at),
      moment.text(r.updated_at)))
  end
  return OK
end

local function signing_kid()
  for _, row in ipairs(model.live() or {}) do
    if row.state == "signing" then return row.kid end
  end
end

--- Why the batch did not take it.
local function refused(kid, err)
  if err.code ~= "conflict" then return complain(FAILED, tostring(err.message)) end
  local known = kid and model.find(kid)
  if known then return complain(CONFLICT, "there is, or was, a key " .. kid) end
  return complain(LIMIT, ("%d keys verify already; revoke one"):format(model.most))
end

local function rotate(args)
  local options, words = arguments(args, { kid = "value", secret = "value" })
  if not options then return complain(USAGE, words) end
  if options.kid and not options.kid:match("^[%w_-]+$") or #(options.kid or "") > 32 then
    return complain(USAGE, "--kid has 1 to 32 of a-zA-Z0-9_-")
  end
  if options.secret and (#options.secret < 16 or #options.secret > 256) then
    return complain(USAGE, "--secret has 16 to 256 bytes")
  end
  local done, err = model.rotate(options.kid, options.secret)
  if not done then return refused(options.kid, err) end
  gifd.console.write((signing_kid() or "") .. "\n")
  return OK
end

local function revoke(args)
  if not args[1] or args[2] then return complain(USAGE, "revoke needs the name that list prints") end
  local done, err = model.revoke(args[1])
  if done == nil then return complain(FAILED, tostring(err.message)) end
  if not done then return complain(NOT_FOUND, "there is no such key, or it was revoked before") end
  return OK
end

local verbs = { list = list, rotate = rotate, revoke = revoke }

return function(args)
  local verb = verbs[args[1]]
  if not verb then return complain(USAGE, "say list, rotate or revoke") end
  local rest = {}
  for i = 2, #args do rest[i - 1] = args[i] end
  return verb(rest)
end
