local limiter = gifd.limit.limiter { strategy = "sliding_window", rate = 3, per = "1h" }

--- ?k=KEY&cost=N&peek=1&reset=1
local function take(_, req)
  local key = req.query.k
  if req.query.reset then return { json = { reset = limiter:reset(key) } } end
  local how = req.query.peek and limiter.peek or limiter.check
  local allowed, standing = how(limiter, key, tonumber(req.query.cost))
  if allowed == nil then return nil, standing end
  return { json = { allowed = allowed, remaining = standing.remaining, never = standing.retry_after == nil } }
end

return { routes = {
  ["GET /take"] = { auth = "public", run = take },
  ["GET /door"] = { auth = "public", limit = { rate = 2, per = "1h", by = { "ip" } },
    run = function() return { body = "in" } end },
} }
