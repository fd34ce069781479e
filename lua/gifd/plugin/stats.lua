--- plugin/stats: how often each part of each plugin was called, how often that failed, and how long it took, in the
-- memory that all processes share.
local M = {}

local WHAT_MOST, CALLS = 80, "gifd_plugin_calls_total"

local names = {
  { field = "calls", name = CALLS, kind = "counter" },
  { field = "failures", name = "gifd_plugin_failures_total", kind = "counter" },
  { field = "microseconds", name = "gifd_plugin_microseconds_total", kind = "counter" },
  { field = "last", name = "gifd_plugin_last_seconds", kind = "gauge" },
  { field = "max", name = "gifd_plugin_max_seconds", kind = "gauge" },
}

--- plugin -> what -> { field = handle }, or false where there is no room for more numbers
local handles = {}

local function open(plugin, what)
  local labels, out = { plugin = plugin, part = what:sub(1, WHAT_MOST) }, {}
  for _, row in ipairs(names) do
    local handle = gifd.metric[row.kind](row.name, labels)
    if not handle then return false end
    out[row.field] = handle
  end
  return out
end

local function handles_of(plugin, what)
  local of = handles[plugin]
  if not of then
    of = {}
    handles[plugin] = of
  end
  if of[what] == nil then of[what] = open(plugin, what) end
  return of[what]
end

--- seconds: how long the call lasted
function M.add(plugin, what, seconds, failed)
  local h = handles_of(plugin, what)
  if not h then return end
  if seconds < 0 then seconds = 0 end -- the clock was set back
  h.calls:add(1)
  if failed then h.failures:add(1) end
  h.microseconds:add(math.floor(seconds * 1e6 + 0.5))
  h.last:set(seconds)
  h.max:raise(seconds)
end

--- -> { [plugin] = { [what] = { calls, failures, seconds, mean, last, max } } }
function M.read()
  local out, fields = {}, {}
  for _, row in ipairs(names) do fields[row.name] = row.field end
  for _, series in ipairs(gifd.metric.list("gifd_plugin_")) do
    local field = fields[series.name]
    if field then
      local plugin, what = series.labels.plugin, series.labels.part
      out[plugin] = out[plugin] or {}
      out[plugin][what] = out[plugin][what] or {}
      out[plugin][what][field] = series.value
    end
  end
  for _, parts in pairs(out) do
    for _, row in pairs(parts) do
      row.seconds, row.microseconds = (row.microseconds or 0) / 1e6, nil
      row.calls, row.failures, row.last, row.max = row.calls or 0, row.failures or 0, row.last or 0, row.max or 0
      row.mean = row.calls > 0 and row.seconds / row.calls or 0
    end
  end
  return out
end

--- What has not been called yet.
M.none = { calls = 0, failures = 0, seconds = 0, mean = 0, last = 0, max = 0 }

--- Numbers of `what`, as read() names it.
function M.of(all, plugin, what) return all[plugin] and all[plugin][what:sub(1, WHAT_MOST)] or M.none end

return M
