--- flow/purge: what was kept of a thing is no longer true. Called after each committed change of what strangers see.
--
-- Kept replies carry the tags "asset:ID" and "share:CODE" (http/keep). A change of a share may open or close the media
-- of its asset, so it takes back both.
local M = {}

function M.asset(_, id) gifd.cache.purge("asset:" .. id) end

function M.share(app, share)
  gifd.cache.purge("share:" .. share.code)
  M.asset(app, share.asset_id)
end

return M
