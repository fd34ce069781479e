--- echo: a POST's body comes back as it was; a GET says that it is there. For conformance runs.
local function echo(_, req)
  return { status = 200, headers = { ["Content-Type"] = req.headers["content-type"] or "application/octet-stream",
    ["Cache-Control"] = "no-store" },
           body = req.body }
end

local function hello()
  return { status = 200, headers = { ["Content-Type"] = "text/plain; charset=utf-8", ["Cache-Control"] = "no-store" },
    body = "echo\n" }
end

return {
  routes = {
    ["POST /"] = { auth = "public", body_max = 16 * 2 ^ 20, run = echo },
    ["GET /"] = { auth = "public", run = hello },
  },
}
