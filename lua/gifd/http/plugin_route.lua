--- http/plugin_route: a plugin's route as one of ours: the contract of DESIGN 8 on the outside, a reply table on the
-- inside. What a plugin does wrong is told to the log; a stranger gets a request id.
local S = require "gifd.schema"
local askers = require "gifd.flow.askers"
local call = require "gifd.plugin.call"
local contracts = require "gifd.plugin.contracts"
local count = require "gifd.model.count"
local problem = require "gifd.http.problem"
local share_model = require "gifd.model.share"

--- The request's body: bytes, or what its schema makes of the JSON in it.
local function body_of(route, req)
  local text = ""
  if req.has_body then
    local err
    text, err = gifd.request.body(route.body_max)
    if not text then return nil, err end
  end
  if not route.body then return text end
  local value, err = gifd.json.decode(text)
  if value == nil then
    return nil, gifd.err("invalid", { message = text == "" and "the body must be JSON"
      or "the body is not JSON: " .. tostring(err.message) })
  end
  local checked, faults = S.check(route.body, value)
  if faults[1] then return nil, problem.fields(faults) end
  return checked
end

--- A plugin's tags are its own; those of the product it may use, so that what it says ends with what it is about.
local function tag_of(plugin, tag)
  if tag:match("^share:[%w_-]+$") or tag:match("^asset:%x+$") then return tag end
  return contracts.tag(plugin, tag)
end

--- Shares by their codes to keys of the tally: each time the reply is given, from here or from what is kept, they are
-- visited.
local function keys_of(route, codes)
  local keys = {}
  for i, code in ipairs(codes) do
    local share, err = share_model.find(code)
    if share == nil then return nil, err end
    if not share then return nil, gifd.err("script", { message = "cache.counts: there is no share " .. code }) end
    keys[i] = count.clicks(share)[1]
  end
  if keys[1] and not route.counts then
    return nil, gifd.err("script", { message = "cache.counts: the manifest's uses must have \"shares.count\"" })
  end
  return keys
end

local function rules_of(route, req, what, cache)
  local rules, err = contracts.returned(route.plugin, what, route.run, contracts.cache_reply, { cache = cache })
  if not rules then return nil, err end
  rules = rules.cache
  local counts, counts_err = keys_of(route, rules.counts)
  if not counts then return nil, counts_err end
  if counts[1] and req.method == "GET" then
    local counted, add_err = count.add(req, counts, askers)
    if not counted then return nil, add_err end
  end
  local tags = {}
  for i, tag in ipairs(rules.tags) do tags[i] = tag_of(route.plugin, tag) end
  if rules.key then tags[#tags + 1] = contracts.tag(route.plugin, rules.key) end
  tags[#tags + 1] = contracts.tag(route.plugin, "")
  return { tags = tags, seconds = math.floor(rules.seconds), counts = counts, anyone = true }
end

--- Of a reply without fields of its own; shared, so never written.
local plain = { ["X-Content-Type-Options"] = "nosniff", ["Content-Security-Policy"] = "default-src 'none'; sandbox" }

local function fields_of(given)
  local headers, type_ = {}, nil
  for name, value in pairs(given) do
    if name:lower() == "content-type" then type_ = value else headers[name] = value end
  end
  for name, value in pairs(plain) do headers[name] = headers[name] or value end
  return headers, type_
end

local function reply_of(route, req, what, answer)
  local headers, type_ = plain, nil
  if answer.headers then headers, type_ = fields_of(answer.headers) end
  local reply = { status = answer.status or 200, headers = headers, type = type_ or (answer.body
    and "application/octet-stream" or nil), body = answer.body, json = answer.json }
  if answer.cache == nil then return reply end
  local err
  reply.cache, err = rules_of(route, req, what, answer.cache)
  if not reply.cache then return nil, err end
  if route.method ~= "GET" or route.auth ~= "public" then reply.cache = nil end -- it is for one asker
  return reply
end

--- route of registry.lua -> run(app, req, ctx)
return function(route)
  local what = ("route %q"):format(route.name)
  for _, use in ipairs(route.plugin.uses or {}) do route.counts = route.counts or use == "shares.count" end
  return function(_, req, ctx)
    local body, err = body_of(route, req)
    if body == nil then return nil, err end
    local given = { method = req.method, path = req.path, params = req.params, query = req.query, headers = req.headers,
      body = body, account = ctx.identity and ctx.identity.account or nil, client_ip = req.client_ip }
    req.params, req.query, req.headers = nil, nil, nil -- the plugin's from here on
    local answer, failure = call.give(route.plugin, route.name, route.run, ctx.hook_ctx(route.plugin), given)
    if answer == nil and failure then return nil, failure end
    local fault = contracts.reply_fault(answer)
    if fault then return nil, contracts.fault(route.plugin, what, route.run, fault) end
    return reply_of(route, req, what, answer)
  end
end
