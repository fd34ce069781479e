--- oracle: says of everything what its settings say, but that it rejects titles with "bad".
local function judge(ctx, subject)
  local c = ctx.config
  if c.slow then gifd.time.sleep(c.slow) end
  if subject.kind == "share" and subject.title:find("bad", 1, true) then return { decision = "rejected" } end
  if c.down then return nil, gifd.err("busy", { retryable = true, message = "nobody is at home" }) end
  return { decision = c.says, category = c.category, confidence = c.confidence, reasons = { "so it is" } }
end

return { hooks = { judge = judge } }
