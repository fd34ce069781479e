--- flow/purge: what was kept of a thing is no longer true. Called for each change of what strangers see.
--
--   the change and a row of `purges`, one transaction --> M.share, M.asset: our own replies are taken back at once
--                                                    '--> jobs/purges: once more, and the hook on_purge
--
-- So a kill between the change and the taking back heals within a second, and whoever keeps replies outside of this
-- server (a plugin for a CDN) hears of each change at least once. Kept replies carry the tags "asset:ID" and
-- "share:CODE" (http/keep). A change of a share may open or close the media of its asset, so it takes back both.
local model = require "gifd.model.purge"

local M = {}

local function take_back(tags)
  for _, tag in ipairs(tags) do gifd.cache.purge(tag) end
end

function M.tags(asset_id, code)
  return { "asset:" .. asset_id, code and "share:" .. code or nil }
end

--- Statements for the batch that makes the change.
function M.asset_call(id) return model.statement(id) end
function M.share_call(share) return model.statement(share.asset_id, share.code) end

--- After the change was committed.
function M.asset(_, id)
  take_back(M.tags(id))
  gifd.jobs.wake()
end

function M.share(_, share)
  take_back(M.tags(share.asset_id, share.code))
  gifd.jobs.wake()
end

local endings = { "", ".gif", ".webp", ".png", ".jpg", ".mp4", ".webm" }

--- Every address under which what changed may have been kept. files: of the ladder.
function M.urls(base, asset_id, code, files)
  local out = { ("%s/a/%s/poster"):format(base, asset_id), ("%s/a/%s/mp4"):format(base, asset_id) }
  for _, ending in ipairs(endings) do
    out[#out + 1] = ("%s/a/%s%s"):format(base, asset_id, ending)
    if code then out[#out + 1] = ("%s/s/%s%s"):format(base, code, ending) end
  end
  if code then
    out[#out + 1] = ("%s/s/%s.json"):format(base, code)
    out[#out + 1] = ("%s/oembed?url=%s"):format(base, gifd.text.uri(("%s/s/%s"):format(base, code)))
  end
  for _, file in ipairs(files) do out[#out + 1] = ("%s/a/%s/%s"):format(base, asset_id, file) end
  return out
end

return M
