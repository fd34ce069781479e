--- witness: what caches are told, as one line of JSON in the log.
local function on_purge(ctx, event)
  ctx.log.info("purge", { told = gifd.json.encode { tags = event.tags, urls = event.urls } })
end

return { hooks = { on_purge = on_purge } }
