--- http/policy: how long others may keep a reply, as data. config.lua says which policy each kind of reply has.
--
-- A reply that stops being true at a known moment (a share's end) is not fresh beyond it: that is told as a date,
-- since the reply may be given again later (http/keep) and seconds would then count from there.
local moment = require "gifd.moment"

local KEPT = 3600 -- http/keep

local M = {}

--- Names in config.lua -> seconds of freshness. revalidate: kept, but asked about each time.
M.ages = { immutable = 31536000, long = 86400, short = 3600, revalidate = 0, none = -1 }

--- Never in a shared cache, nor on a disk: what is private, signed or somebody's own.
M.private = "private, no-store"

--- Writes Cache-Control (and Expires) of a public reply. kind: "media", "pages" or "previews"; ends: microseconds,
-- math.huge or nil for never.
function M.public(headers, settings, kind, ends)
  local cache = settings.cache
  local name = cache[kind]
  local age = M.ages[name]
  if age < 0 then
    headers["Cache-Control"] = "no-store"
  elseif age == 0 then
    headers["Cache-Control"] = "public, no-cache"
  elseif ends and ends ~= math.huge and (ends - moment.now()) / 1e6 < age + KEPT then
    headers["Cache-Control"], headers.Expires = "public", gifd.time.http_date(math.floor(ends / 1e6))
  else
    local stale = cache.stale_while_revalidate
    headers["Cache-Control"] = ("public, max-age=%d%s%s"):format(age, name == "immutable" and ", immutable" or "",
      stale > 0 and (", stale-while-revalidate=%d"):format(stale) or "")
  end
end

return M
