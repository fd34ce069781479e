--- ponder: judges a share after some seconds, long after its upload was answered.
local function judge(ctx, subject)
  if subject.kind ~= "share" then return nil end
  gifd.time.sleep(ctx.config.seconds)
  ctx.log.info("pondered", { title = subject.title })
  if subject.title:find("bad", 1, true) then return { decision = "rejected", reasons = { "on reflection" } } end
  return { decision = "approved" }
end

return { hooks = { judge = { run = judge, slow = true } } }
