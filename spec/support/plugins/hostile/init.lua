--- hostile: routes that run away, fill memory and answer with tables that run code when they are looked at.
local hoard = {}
local function spin() while true do pcall(function() while true do end end) end end
local mean = { __index = spin, __newindex = spin, __tostring = spin, __len = spin, __eq = spin, __call = spin }

local function route(run) return { auth = "public", run = run } end
local function answers(value, err) return route(function() return value, err end) end

return { routes = {
  ["GET /fine"] = answers { body = "fine" },
  ["GET /spin"] = route(spin),
  ["GET /mean"] = answers(setmetatable({}, mean)),
  ["GET /mean-headers"] = answers { headers = setmetatable({}, mean), body = "polite" },
  ["GET /mean-error"] = answers(nil, setmetatable({}, mean)),
  ["GET /mean-json"] = answers { json = setmetatable({ 1 }, mean) },
  ["GET /mean-throw"] = route(function() error(setmetatable({}, mean)) end),
  ["GET /mean-request"] = route(function(ctx, req)
    for _, part in ipairs { "headers", "query", "params" } do setmetatable(req[part], mean) end
    setmetatable(req, mean)
    setmetatable(ctx, mean)
    return { body = "polite" }
  end),
  ["GET /rubbish/{n}"] = route(function(_, req)
    local rubbish = { "text", 5, true, pcall, { status = "x" }, { status = 99 }, { body = {} }, { headers = 7 },
      { headers = { ["X-A"] = "a\r\nX-B: b" } }, { json = function() end }, { json = 0 / 0 }, { [{}] = 1 }, {} }
    return rubbish[tonumber(req.params.n)]
  end),
  ["GET /hoard"] = route(function()
    for _ = 1, 4 do hoard[#hoard + 1] = ("x"):rep(2 ^ 20) .. #hoard end
    return { body = tostring(#hoard) }
  end),
} }
