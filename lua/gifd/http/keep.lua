--- http/keep: a reply that C may give again by itself until something it is made of changes (flow/purge).
--
-- about = { asset, share?, ends (microseconds; math.huge: never), counts? (keys of model/count), signed? (claims),
--           anyone? (the same whoever asks) }
-- A signature is part of the address under which a reply is kept: it is not judged again, but ends with its time and
-- is taken back with its key.
local moment = require "gifd.moment"
local signing = require "gifd.flow.signing"

local LONGEST = 3600

return function(reply, about)
  if not reply or reply.status ~= 200 then return reply end
  local seconds = LONGEST
  local ends = about.signed and math.min(about.ends, about.signed.expires * 1e6) or about.ends
  if ends ~= math.huge then seconds = math.min(LONGEST, math.floor((ends - moment.now()) / 1e6)) end
  if seconds < 1 then return reply end
  local tags = { "asset:" .. about.asset.id }
  if about.share then tags[2] = "share:" .. about.share.code end
  if about.signed then tags[#tags + 1] = signing.tag(about.signed.kid) end
  reply.cache = { tags = tags, seconds = seconds, counts = about.counts, anyone = about.anyone }
  return reply
end
