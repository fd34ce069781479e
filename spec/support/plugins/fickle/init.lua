--- fickle: judges, pipes and listeners that fail as a title asks them to; what it is told goes to the log.
local function judge(ctx, subject)
  if subject.kind ~= "share" then return { decision = "approved" } end
  local title = subject.title
  ctx.log.info("judged", { title = title, late = ctx.deadline ~= nil })
  subject.title = "spoilt"
  if title:find("rubbish", 1, true) then return { decision = "approved", confidence = "very" } end
  if title:find("word", 1, true) then return "approved" end
  if title:find("throws", 1, true) then error("a secret of the author") end
  if title:find("later", 1, true) then return nil, gifd.err("busy", { retryable = true, message = "not now" }) end
  if title:find("sleeps", 1, true) then gifd.time.sleep(60) end
  return { decision = "approved" }
end

local function tags(_, value, about)
  if about.title:find("notags", 1, true) then return { "", 7 } end
  value[#value + 1] = "fickle-" .. (about.asset.frames > 1 and "moving" or "still")
  if about.title:find("tagfail", 1, true) then error("tags are hard") end
  return value
end

local function renditions(_, ladder, about)
  ladder[#ladder + 1] = { name = "mini", format = "png", at_once = true, width = math.min(16, about.asset.width) }
  return ladder
end

local function on_share(ctx, event)
  ctx.log.info("told", { event = event.event, code = event.code, account = event.account, id = event.id })
  if event.visibility == "unlisted" then error("no ears for this") end
end

local function on_any(ctx, event) ctx.log.info("told", { event = event.event, code = event.code,
  verdict = event.verdict, media = event.media }) end

return { hooks = { judge = { run = judge, timeout = "1s" }, tags = tags, renditions = renditions, on_share = on_share,
  on_upload = on_any, on_verdict = on_any, on_rendition = on_any, on_delete = on_any,
  on_withdraw = on_any, on_ban = on_any } }
