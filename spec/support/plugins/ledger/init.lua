--- ledger: runs what a spec posts as a list of steps, each { primitive, arguments... }, and answers with what each
-- returned: { results... } or { error = code, message = text }.
local function find(path)
  local at = gifd
  for name in path:gmatch("[^%.]+") do at = at[name] end
  return at
end

local function outcome(ok, ...)
  if not ok then return { threw = tostring((...)) } end
  local first, second = ...
  if first == nil and type(second) == "table" then return { error = second.code, message = second.message } end
  local out = {}
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    out[i] = value == nil and gifd.null or value
  end
  return out
end

local function steps(_, req)
  local out = {}
  for i, step in ipairs(gifd.json.decode(req.body)) do
    out[i] = outcome(pcall(function() return find(step[1])(unpack(step, 2)) end))
  end
  return { json = out }
end

--- Waits for one message of a topic.
local function hear(_, req)
  local reader = gifd.bus.subscribe(req.query.topic)
  gifd.kv.set("hearing", true)
  local value, lost = reader:next(5)
  return { json = { value = value == nil and gifd.null or value, lost = lost } }
end

local function count(_, req)
  local counter, err = gifd.metric.counter("asked_total", { who = req.query.who or "nobody" })
  if not counter then return { status = 429, json = { error = err.code } } end
  counter:add()
  gifd.metric.histogram("seconds"):observe(0.25)
  return { json = { counted = true } }
end

return {
  routes = {
    ["POST /steps"] = { auth = "public", run = steps },
    ["GET /hear"] = { auth = "public", run = hear },
    ["GET /count"] = { auth = "public", run = count },
  },
}
