--- limited: what a limiter costs when a plugin asks it: GET /p/limited/?k=KEY, and /p/limited/open without one.
local limiter = gifd.limit.limiter { strategy = "token_bucket", rate = 1000000, per = "1s" }
local body = ("x"):rep(43)

local function limited(_, req)
  local allowed, standing = limiter:check(req.query.k or "")
  if allowed == nil then return nil, standing end
  return { status = allowed and 200 or 429, body = body }
end

return { routes = {
  ["GET /"] = { auth = "public", run = limited },
  ["GET /open"] = { auth = "public", run = function() return { body = body } end },
} }
