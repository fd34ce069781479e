--- whoami: the address of whoever asks, as the server sees it.
local function answer(_, req)
  return { status = 200, headers = { ["Content-Type"] = "text/plain; charset=utf-8", ["Cache-Control"] = "no-store" },
    body = req.client_ip }
end

return { routes = { ["GET /"] = { auth = "public", run = answer } } }
