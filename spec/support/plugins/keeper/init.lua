-- Each of these tells all secrets of the configuration; the digests prove that they are what they should be.
local function all(ctx)
  local out = { ctx.config.token }
  for i, one in ipairs(ctx.config.more) do out[i + 1] = one.key end
  return out
end

local function told(ctx) return "I say " .. table.concat(all(ctx), " and ") end

local ways = {
  log = function(ctx)
    ctx.log.warn(told(ctx), { fields = told(ctx), plain = ctx.config.token, [ctx.config.token] = 1 })
    gifd.log.warn("keeper.url", { url = "http://x/?key=" .. gifd.text.uri(ctx.config.more[1].key) })
    return { status = 204 }
  end,
  throw = function(ctx) error(told(ctx)) end,
  throw_table = function(ctx) error({ code = "invalid", message = told(ctx) }) end,
  err = function(ctx) return nil, gifd.err("invalid", { message = told(ctx) }) end,
  reply = function(ctx) return { status = told(ctx) } end,
  type = function(ctx) return { status = 200, headers = { ["X-" .. told(ctx)] = "1" } } end,
}

return {
  routes = {
    ["GET /digests"] = { auth = "public", run = function(ctx)
      local out = {}
      for i, secret in ipairs(all(ctx)) do out[i] = gifd.crypto.sha256(secret) end
      return { json = out }
    end },
    ["GET /tell/{how}"] = { auth = "public", run = function(ctx, req) return ways[req.params.how](ctx) end },
  },
  hooks = { judge = function(ctx) error(told(ctx)) end, on_upload = function(ctx) error(told(ctx)) end },
  jobs = { tell = { every = "1h", run = function(ctx) error(told(ctx)) end } },
  check = function(ctx)
    if ctx.config.refuse then return nil, gifd.err("invalid", { message = told(ctx) }) end
    return true
  end,
}
