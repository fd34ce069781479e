--- oracle: says of everything what its settings say.
local function judge(ctx)
  local c = ctx.config
  if c.down then return nil, gifd.err("busy", { retryable = true, message = "nobody is at home" }) end
  return { decision = c.says, category = c.category, confidence = c.confidence, reasons = { "so it is" } }
end

return { hooks = { judge = judge } }
