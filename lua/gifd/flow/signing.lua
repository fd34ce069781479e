--- flow/signing: URLs that carry their own permission (core/crypto/sign.h says what is signed).
--
-- Keys are rows; every process keeps them precomputed in C and looks twice a second whether they changed: a rotation or
-- a revocation made by anybody holds everywhere within a second, without a reload. A new key does not sign before every
-- process has had that second to learn of it. What could not be looked at for STALE seconds is not believed any longer.
local audit = require "gifd.flow.audit"
local model = require "gifd.model.signing_key"
local moment = require "gifd.moment"

local FRESH, STALE, GLANCE, LEARN = 0.5, 5, 0.05, 1

local M = {}
M.longest = 365 * 86400

local looked, used, known = 0, nil, {}

--- What was answered because of a key is taken back with it.
local function take_back(live)
  for kid in pairs(known) do
    if not live[kid] and gifd.cache then gifd.cache.purge(M.tag(kid)) end
  end
  known = live
end

function M.tag(kid) return "key:" .. kid end

--- Which of the rows signs: the one that is to, or the one before while that is too young.
local function signer(rows)
  local young, before = moment.now() - LEARN * 1e6, nil
  for _, row in ipairs(rows) do
    if row.state == "signing" then return row.created_at > young and before or row end
    before = row
  end
end

local function use(rows)
  local keys, names, live, signs = {}, {}, {}, signer(rows)
  for i, row in ipairs(rows) do
    keys[i] = { kid = row.kid, secret = gifd.crypto.unbase64url(row.secret), signing = row == signs }
    names[i], live[row.kid] = row.kid .. (row == signs and " signs" or ""), true
  end
  local now_used = table.concat(names, ",")
  if now_used == used then return true end
  local done, err = gifd.crypto.use_keys(keys)
  if not done then return nil, err end
  used = now_used
  take_back(live)
  return true
end

--- Looks at the rows -> true, or nil, err
function M.refresh()
  local now = gifd.time.now()
  local rows, err = model.live()
  if rows then rows, err = use(rows) end
  if rows then
    looked = now
    return true
  end
  if now - looked > STALE and used ~= "" then
    gifd.crypto.use_keys {}
    used = ""
  end
  return nil, err
end

--- Makes sure that the keys are not older than so many seconds.
function M.ready(seconds)
  local age = gifd.time.now() - looked
  if used and age >= 0 and age < (seconds or FRESH) then return true end
  return M.refresh()
end

--- Until the generation drains: for replies that are checked without Lua.
function M.watch()
  while true do
    local done, err = M.refresh()
    if not done and err.code ~= "cancelled" then
      gifd.log.warn("signing.refresh", { code = err.code, error = tostring(err.message) })
    end
    if not gifd.time.sleep(FRESH) then return end
  end
end

local function entry(action, kid, when)
  local calls = {}
  audit.add(nil, calls, { action = action, kind = "key", subject = kid }, when)
  return calls
end

--- A new key signs: kid and secret of one's own, or nil -> its name, or nil, err
function M.rotate(kid, secret)
  kid = kid or model.name()
  local done, err = model.rotate(kid, secret, entry("key.rotate", kid))
  if not done then return nil, err end
  return kid
end

--- -> true when it was good for something until now
function M.revoke(kid) return model.revoke(kid, entry("key.revoke", kid, "changed")) end

--- options: { expires (Unix seconds), params? } -> path with its signed query. The first key is made at first need.
function M.url(path, options)
  local done, err = M.ready()
  if not done then return nil, err end
  local url, url_err = gifd.crypto.sign_url(path, options)
  if url or url_err.code ~= "not_found" then return url, url_err end
  local kid = model.name()
  done, err = model.make(kid, entry("key.create", kid, "changed"))
  if done then done, err = M.refresh() end
  if not done then return nil, err end
  return gifd.crypto.sign_url(path, options)
end

--- Is this target signed, and validly? -> { expires, kid, prefix? } or nil, err, whose code is the reason
function M.verify(target)
  local done, err = M.ready()
  if not done then return nil, err end
  local valid, claims = gifd.crypto.verify_url(target)
  if not valid and claims.code == "signature_invalid" and not known[target:match "[?&]kid=([%w_-]+)"] then
    -- perhaps by a key that another process has just made: looked for once after this was asked, and not more often
    -- than every GLANCE
    local asked = gifd.time.now()
    local wait = GLANCE - (asked - looked)
    if wait > 0 then gifd.time.sleep(math.min(wait, GLANCE)) end
    if looked < asked then done, err = M.refresh() end
    if not done then return nil, err end
    valid, claims = gifd.crypto.verify_url(target)
  end
  if not valid then return nil, claims end
  return claims
end

return M
