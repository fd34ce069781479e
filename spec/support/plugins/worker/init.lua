--- worker: POST /jobs queues one, GET /jobs/{id} says how it stands, DELETE /jobs/{id} cancels it.
local function toil(ctx, payload)
  payload = payload or {}
  ctx.log.info("toil", { note = payload.note, attempt = ctx.job.attempt })
  if payload.progress then gifd.jobs.progress(ctx.job.id, payload.progress, "so far") end
  if payload.seconds then gifd.time.sleep(payload.seconds) end
  if payload.fail == "later" and ctx.job.attempt < 2 then
    return nil, gifd.err("busy", { retryable = true, message = "not now" })
  end
  if payload.fail == "never" then return nil, gifd.err("invalid", { message = "cannot be" }) end
  if payload.fail == "rubbish" then return { f = function() end } end
  return { note = payload.note, attempt = ctx.job.attempt }
end

local function tick(ctx) ctx.log.info("tick", { job = ctx.job.id }) end

local function post(_, req)
  local id, made = gifd.jobs.enqueue(req.query.job or "toil", req.body.payload,
    { key = req.body.key, delay = req.body.delay, priority = req.body.priority, after = req.body.after })
  if not id then return nil, made end
  return { status = 202, json = { id = id, made = made } }
end

local function get(_, req)
  local job, err = gifd.jobs.get(req.params.id)
  if job == nil then return nil, err end
  if not job then return nil, gifd.err("not_found", { message = "there is no such job" }) end
  return { json = job }
end

local function cancel(_, req) return { json = { cancelled = gifd.jobs.cancel(req.params.id) } } end

return {
  jobs = { toil = { run = toil, timeout = "4s" }, tick = { run = tick, every = "1s" },
    nightly = { run = tick, every = "30 3 * * mon-fri" },
    poison = { attempts = 2, timeout = "30s", run = function(ctx)
      ctx.log.info("poison", { attempt = ctx.job.attempt })
      gifd.time.sleep(20)
    end } },
  routes = {
    ["POST /jobs"] = { auth = "public", run = post, body = schema.record { payload = schema.any { optional = true },
      key = schema.optional(schema.string { max = 100 }), delay = schema.optional(schema.number {}),
      priority = schema.optional(schema.string {}),
      after = schema.optional(schema.list { of = schema.string {} }) } },
    ["GET /jobs/{id}"] = { auth = "public", run = get },
    ["DELETE /jobs/{id}"] = { auth = "public", run = cancel },
  },
}
