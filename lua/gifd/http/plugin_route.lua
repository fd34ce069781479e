--- http/plugin_route: a plugin's route as one of ours: the contract of DESIGN 8 on the outside, a reply table on the
-- inside.
local call = require "gifd.plugin.call"

--- route of registry.lua -> run(app, req, ctx)
return function(route)
  return function(_, req, ctx)
    local body = ""
    if req.has_body then
      local err
      body, err = gifd.request.body(route.body_max)
      if not body then return nil, err end
    end
    local given = { method = req.method, path = req.path, params = req.params, query = req.query, headers = req.headers,
      body = body,
                    account = ctx.identity and ctx.identity.account or nil, client_ip = req.client_ip }
    local what = req.method .. " " .. route.path
    local answer, err = call(route.plugin, what, route.run, ctx.hook_ctx(route.plugin), given)
    if answer == nil then
      return nil, err or gifd.err("script", { message = "the route of plugin " .. route.plugin.name
        .. " returned nothing" })
    end
    if type(answer) ~= "table" or (answer.body ~= nil and type(answer.body) ~= "string") then
      return nil, gifd.err("script", { message = "the route of plugin " .. route.plugin.name
        .. " must return { status, headers, body or json }" })
    end
    local headers, type_ = {}, nil
    for name, value in pairs(answer.headers or {}) do
      if name:lower() == "content-type" then type_ = value else headers[name] = value end
    end
    headers["X-Content-Type-Options"] = headers["X-Content-Type-Options"] or "nosniff"
    headers["Content-Security-Policy"] = headers["Content-Security-Policy"] or "default-src 'none'; sandbox"
    return { status = answer.status or 200, headers = headers, type = type_
      or (answer.body and "application/octet-stream" or nil),
             body = answer.body, json = answer.json }
  end
end
