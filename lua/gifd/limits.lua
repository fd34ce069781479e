--- limits: how often whoever calls may have a route: what config.lua and a plugin's route can say about it, and what
-- holds when they say nothing. The counting is C's (core/script/limits.c).
--
--   limits = { ["POST /api/v1/assets"] = { rate = 100, per = "1m", by = { "ip", "token" } } }
--
-- Of one route: a policy, or a list of them; from here on always a list.
local S = require "gifd.schema"
local nearest = require "gifd.nearest"

local M = {}

local most = 2 ^ 48

local policy = S.record {
  strategy = S.one_of { "token_bucket", "fixed_window", "sliding_window", default = "token_bucket",
    doc = "token_bucket: evenly, after a burst; fixed_window, sliding_window: so many in each stretch of time" },
  rate = S.integer { min = 1, max = most, doc = "how many" },
  per = S.duration { min = 0.001, max = 366 * 86400, doc = "in how long" },
  burst = S.optional(S.integer { min = 1, max = most,
    doc = "token_bucket: how many at once; without it as many as rate" }),
  resolution = S.optional(S.integer { min = 1, max = 31,
    doc = "sliding_window: parts that time is counted in; without it as many as fit" }),
  by = S.list { of = S.one_of { "ip", "user", "token", "route" }, min = 1, max = 4,
    doc = "who is counted, each for itself; a request is charged to all of them or, when one refuses, to none" },
  cost = S.integer { default = 1, min = 1, max = most, doc = "what one request counts" },
}

M.policies = S.list { of = policy, single = true, min = 1, max = 8,
  doc = "what holds together: a request that one of them refuses is charged to none" }

--- The node of config.lua's `limits`.
M.node = S.map { of = S.either { S.boolean {}, M.policies }, keys = "^%u+ /%S*$", max = 1000,
  keys_expect = "is not a route such as \"POST /api/v1/assets\"", default = {},
  preset = {
    -- Codes of sign-in links cannot be guessed; this keeps guessers from keeping us busy.
    ["GET /signin"] = { strategy = "sliding_window", rate = 60, per = "1m", by = { "ip" } },
    -- A page tells of one play: a house full of people behind one address does not watch faster than this.
    ["POST /api/v1/plays"] = { rate = 120, per = "1m", by = { "ip" } },
  },
  doc = "of routes, by method and pattern; false: none, where the default has one" }

local function names_of(routes)
  local names = {}
  for i, route in ipairs(routes) do names[i] = route.method .. " " .. route.pattern end
  return names
end

--- Numbers that do not go together: in one policy, then in all of a route.
local function check_sound(policies, keys, sound, fault)
  for i, one in ipairs(policies) do
    local ok, message = sound { one }
    local place = #policies > 1 and { keys[1], keys[2], i } or keys
    if not ok then return fault(place, message) end
  end
  local ok, message = sound(policies)
  if not ok then fault(keys, message) end
end

--- Finishes what M.node has checked: routes that do not exist, numbers that do not go together, defaults.
-- routes: of the product; plugins: names of those that are loaded (their routes are known when they run);
-- sound(policies) -> true, or nil, message; fault(keys, message, nearest).
function M.finish(wanted, routes, plugins, sound, fault)
  local out, names, known, loaded = {}, names_of(routes), {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for _, name in ipairs(plugins) do loaded[name] = true end
  for name, policies in pairs(wanted) do
    local keys = { "limits", name }
    if not known[name] and not loaded[name:match("^%u+ /p/([^/]+)")] then
      fault(keys, "there is no such route", nearest(name, names))
    elseif policies == true then
      fault(keys, "must be a table, or false for none")
    elseif policies == false then
      out[name] = nil
    else
      check_sound(policies, keys, sound, fault)
      out[name] = policies
    end
  end
  return out
end

--- Gives each route its limits: those of the settings, else those that its plugin asks for, by itself or by the name
-- of a route that has some.
function M.attach(routes, wanted)
  local names, known, own = names_of(routes), {}, {}
  for i, name in ipairs(names) do known[name], own[name] = true, routes[i].limit end
  for i, name in ipairs(names) do
    local limit = routes[i].limit
    if type(limit) == "string" then
      if not known[limit] then
        local near = nearest(limit, names)
        error(("%s: limit: there is no route %q%s"):format(name, limit,
          near and ", did you mean " .. near .. "?" or ""), 0)
      end
      limit = wanted[limit] or type(own[limit]) == "table" and own[limit] or nil
    end
    routes[i].limits = wanted[name] or limit
  end
  for name in pairs(wanted) do
    if not known[name] then
      local near = nearest(name, names)
      error(("limits[%q]: there is no such route%s"):format(name, near and ", did you mean " .. near .. "?" or ""), 0)
    end
  end
  return routes
end

return M
