--- http/keep: a reply that C may give again by itself until something it is made of changes (flow/purge).
--
-- about = { asset, share?, ends (microseconds; math.huge: never), counts? (keys of gifd.tally),
--           anyone? (the same whoever asks) }
local moment = require "gifd.moment"

local LONGEST = 3600

return function(reply, about)
  if not reply or reply.status ~= 200 then return reply end
  local seconds = LONGEST
  if about.ends ~= math.huge then seconds = math.min(LONGEST, math.floor((about.ends - moment.now()) / 1e6)) end
  if seconds < 1 then return reply end
  local tags = { "asset:" .. about.asset.id }
  if about.share then tags[2] = "share:" .. about.share.code end
  reply.cache = { tags = tags, seconds = seconds, counts = about.counts, anyone = about.anyone }
  return reply
end
