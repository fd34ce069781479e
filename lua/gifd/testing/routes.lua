--- testing/routes: a request to a route of a plugin under test, answered as the server would, without a socket.
local context = require "gifd.plugin.context"
local plugin_route = require "gifd.http.plugin_route"
local problem = require "gifd.http.problem"

local M = {}

--- "/lists/{name}" or "/{rest...}" against a path -> params, or nil
local function matched(pattern, path)
  local names = {}
  local lua = pattern:gsub("[%-%.%+%*%?%^%$%%%[%]%(%)]", "%%%0"):gsub("{([%w_]+)([%%.]*)}", function(name, rest)
    names[#names + 1] = name
    return rest ~= "" and "(.*)" or "([^/]+)"
  end)
  local found = { path:match("^" .. lua .. "$") }
  if not found[1] then return nil end
  local params = {}
  for i, name in ipairs(names) do params[name] = gifd.text.unuri(found[i]) or found[i] end
  return params
end

local function query_of(text)
  local out = {}
  for name, value in (text or ""):gmatch("([^&=]+)=?([^&]*)") do
    out[gifd.try(gifd.text.unuri(name))] = gifd.try(gifd.text.unuri((value:gsub("%+", " "))))
  end
  return out
end

local function find(self, method, path)
  local other = false
  for _, route in ipairs(self.app.registry.routes) do
    local params = matched(route.pattern, path)
    if params and route.method == method then return route, params end
    other = other or params ~= nil
  end
  return nil, other
end

local function admitted(route, identity)
  if route.auth == "public" then return true end
  if not identity then return nil, gifd.err("unauthorized", { message = "this needs a token" }) end
  if not identity:may(route.auth) then
    return nil, gifd.err("denied", { message = "this needs the scope " .. route.auth })
  end
  return true
end

local function answer(self, route, req, identity)
  local allowed, err = admitted(route, identity)
  if not allowed then return nil, err end
  local ctx = { identity = identity, hook_ctx = function(plugin)
    return context.make(plugin, { request_id = req.id, identity = identity or nil })
  end }
  return plugin_route(route)(self.app, req, ctx)
end

--- As a client reads it.
local function received(reply)
  local out = { status = reply.status, headers = {}, body = reply.body or "", cache = reply.cache }
  for name, value in pairs(reply.headers or {}) do out.headers[name:lower()] = value end
  if reply.json ~= nil then out.body, reply.type = gifd.json.encode(reply.json), "application/json" end
  out.headers["content-type"] = reply.type
  if (reply.type or ""):find("json", 1, true) then out.json = gifd.json.decode(out.body) end
  return out
end

--- asked: see rig.lua
function M.request(self, asked, identity)
  local method, target = asked[1], asked[2]
  if type(target) ~= "string" or target:sub(1, 1) ~= "/" then
    error('request takes { "GET", "/path" }: the path below /p/' .. self.plugin.name, 3)
  end
  local path, query = target:match("^([^?]*)%??(.*)$")
  path = "/p/" .. self.plugin.name .. (path == "/" and "" or path)
  local body, headers = asked.body, { host = "127.0.0.1:8080" }
  for name, value in pairs(asked.headers or {}) do headers[name:lower()] = value end
  if asked.json ~= nil then body, headers["content-type"] = gifd.json.encode(asked.json), "application/json" end
  local req = { id = "test", method = method, path = path, target = path .. (query ~= "" and "?" .. query or ""),
    query = query_of(query), headers = headers, has_body = body ~= nil, content_length = body and #body or nil,
    client_ip = asked.client_ip or "192.0.2.1", host = headers.host, clients = {} }
  local route, params = find(self, method, path)
  if not route then
    return received(params and problem.reply(req, 405, "invalid", "not with this method") or problem.not_found(req))
  end
  req.params = params
  gifd.request = { body = function(max)
    if #(body or "") > max then return nil, gifd.err("too_large", { message = "the body is too large" }) end
    return body or ""
  end }
  local reply, err = answer(self, route, req, identity)
  return received(reply or problem.of(req, err or gifd.err("internal", { message = "no reply" })))
end

return M
