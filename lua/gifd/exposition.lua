--- exposition: series of numbers as Prometheus text 0.0.4 and OpenMetrics 1.0. Pure.
--
-- Counters are whole numbers here and base units there: NAME_microseconds_total becomes NAME_seconds_total. Buckets of
-- a histogram are the same at each scrape, whatever was observed, so that rates of them are right: a number's bucket is
-- found by its size within the range below, and what is larger than that is in +Inf only.
local help = require "gifd.metric_help"

local M = {}

local LINES_AT_ONCE = 2000

M.types = {
  prometheus = "text/plain; version=0.0.4; charset=utf-8",
  openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

--- As they are told, where that is not as they are kept: a gauge may be a counter that the system keeps.
local renamed = { judge_out = "gifd_judge_out", gifd_process_cpu_seconds = "gifd_process_cpu_seconds_total" }

--- Upper bounds from 2^first to 2^last, `parts` (1 or 2) in each doubling, with their texts.
local function ladder(first, last, parts)
  local out = {}
  for power = first, last - 1 do
    for i = 0, parts - 1 do out[#out + 1] = 2 ^ power * (1 + i / parts) end
  end
  out[#out + 1] = 2 ^ last
  for i, bound in ipairs(out) do out[i] = { le = bound, text = ("%.17g"):format(bound) } end
  return out
end

--- By the unit that the name ends in: 15 us to 64 s, 64 bytes to 16 GiB; else 1e-6 to 1e12, by doublings.
local ladders = { seconds = ladder(-16, 6, 2), bytes = ladder(6, 34, 2), other = ladder(-20, 40, 1) }
local function ladder_of(name) return ladders[name:match("_(%a+)$")] or ladders.other end

local function escaped(text) return (text:gsub("\\", "\\\\"):gsub("\n", "\\n"):gsub('"', '\\"')) end

local function number(n)
  if n ~= n then return "NaN" end
  if n == math.huge then return "+Inf" end
  if n == -math.huge then return "-Inf" end
  if n == math.floor(n) and math.abs(n) < 1e15 then return ("%d"):format(n) end
  return ("%.10g"):format(n)
end

local function label_text(labels, more)
  local names, out = {}, {}
  for name in pairs(labels) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = ('%s="%s"'):format(name, escaped(tostring(labels[name]))) end
  out[#out + 1] = more
  return out[1] and "{" .. table.concat(out, ",") .. "}" or ""
end

local function histogram(out, name, series)
  local labels = label_text(series.labels)
  local head = name .. "_bucket" .. (labels == "" and '{le="' or labels:sub(1, -2) .. ',le="')
  local below, at, buckets = 0, 1, series.buckets
  for _, bound in ipairs(ladder_of(name)) do
    while buckets[at] and buckets[at].le <= bound.le do
      below = below + buckets[at].n
      at = at + 1
    end
    out[#out + 1] = head .. bound.text .. '"} ' .. number(below)
  end
  out[#out + 1] = head .. '+Inf"} ' .. number(series.count)
  out[#out + 1] = ("%s_sum%s %s"):format(name, labels, number(series.sum))
  out[#out + 1] = ("%s_count%s %s"):format(name, labels, number(series.count))
end

--- Name as it is told, and what its values are multiplied by.
local function told(series)
  local name, scale = renamed[series.name] or series.name, 1
  if name:find("_microseconds_total$") then name, scale = name:gsub("_microseconds_total$", "_seconds_total"), 1e-6 end
  if series.kind == "counter" and not name:find("_total$") then name = name .. "_total" end
  return name, scale, renamed[series.name] and name:find("_total$") and "counter" or series.kind
end

--- Families in the order of their names -> { name, kind, list = { { series, scale } } }
local function families(list)
  local by_name, names = {}, {}
  for _, series in ipairs(list) do
    local name, scale, kind = told(series)
    if not by_name[name] then
      by_name[name] = { name = name, kind = kind, list = {} }
      names[#names + 1] = name
    end
    if by_name[name].kind == kind then
      table.insert(by_name[name].list, { series = series, scale = scale })
    end
  end
  table.sort(names)
  local out = {}
  for i, name in ipairs(names) do out[i] = by_name[name] end
  return out
end

local function explained(name)
  if help[name] then return help[name] end
  return name:find("^plugin_") and "Of a plugin." or "Not described."
end

--- Strictly by name: what OpenMetrics calls a unit.
local function unit_of(called) return called:match("_(seconds)$") or called:match("_(bytes)$") end

local function header(out, family, open)
  local name = family.name
  local called = open and family.kind == "counter" and name:gsub("_total$", "") or name
  out[#out + 1] = ("# HELP %s %s"):format(called, explained(name))
  out[#out + 1] = ("# TYPE %s %s"):format(called, family.kind)
  local unit = open and unit_of(called)
  if unit then out[#out + 1] = ("# UNIT %s %s"):format(called, unit) end
end

--- What of both forms an Accept field prefers -> "openmetrics", "prometheus"
function M.form(accept)
  local best, best_q = "prometheus", 0
  for part in (accept or ""):lower():gmatch("[^,]+") do
    local type, rest = part:match("^%s*([^;%s]+)(.*)$")
    local version = rest and rest:match("version%s*=%s*\"?([%d.]+)")
    local q = rest and tonumber(rest:match(";%s*q%s*=%s*([%d.]+)")) or 1
    local form = type == "application/openmetrics-text" and (not version or version:match("^[01]%.0%.[01]$"))
      and "openmetrics" or (type == "text/plain" or type == "text/*" or type == "*/*") and "prometheus"
    if form and q > best_q then best, best_q = form, q end
  end
  return best
end

--- list: of gifd.metric.list; open: OpenMetrics; pause: called between some thousand lines and the next
function M.text(list, open, pause)
  local out, rest = {}, LINES_AT_ONCE
  for _, family in ipairs(families(list)) do
    local name = family.name
    header(out, family, open)
    for _, one in ipairs(family.list) do
      if family.kind == "histogram" then histogram(out, name, one.series)
      else
        out[#out + 1] = name .. label_text(one.series.labels) .. " " .. number(one.series.value * one.scale)
      end
      if pause and #out > rest then
        pause()
        rest = #out + LINES_AT_ONCE
      end
    end
  end
  if open then out[#out + 1] = "# EOF" end
  return table.concat(out, "\n") .. "\n"
end

return M
