--- flow/signing: URLs that carry their own permission (core/crypto/sign.h says what is signed).
--
-- Keys are rows; every process keeps them precomputed in C and looks twice a second whether they changed: a rotation or
-- a revocation made by anybody holds everywhere within a second, without a reload. What could not be looked at for
-- STALE seconds is not believed any longer.
local model = require "gifd.model.signing_key"

local FRESH, STALE = 0.5, 5

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

local function use(rows)
  local keys, names, live = {}, {}, {}
  for i, row in ipairs(rows) do
    keys[i] = { kid = row.kid, secret = gifd.crypto.unbase64url(row.secret), signing = row.state == "signing" }
    names[i], live[row.kid] = row.kid .. " " .. row.state, true
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

--- Makes sure that the keys are those of now.
function M.ready()
  local age = gifd.time.now() - looked
  if used and age >= 0 and age < FRESH then return true end
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

--- options: { expires (Unix seconds), params? } -> path with its signed query. The first key is made at first need.
function M.url(path, options)
  local done, err = M.ready()
  if not done then return nil, err end
  local url, url_err = gifd.crypto.sign_url(path, options)
  if url or url_err.code ~= "not_found" then return url, url_err end
  done, err = model.make()
  if done then done, err = M.refresh() end
  if not done then return nil, err end
  return gifd.crypto.sign_url(path, options)
end

--- Is this target signed, and validly? -> { expires, kid, prefix? } or nil, err, whose code is the reason
function M.verify(target)
  local done, err = M.ready()
  if not done then return nil, err end
  local valid, claims = gifd.crypto.verify_url(target)
  if not valid then return nil, claims end
  return claims
end

return M
