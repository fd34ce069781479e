--- cron: times by five fields, in UTC: minute, hour, day of the month, month, day of the week. Pure.
--
--   "30 3 * * mon-fri"    "*/15 * * * *"    "0 0 1 jan,jul *"    "0 9-17/2 * * 0"
--
-- A field is a list of values, ranges and steps; months and days of the week have names, and Sunday is 0 and 7. When
-- both days are given, either will do, as crontab(5) has it.
local M = {}

local DAY = 86400
local months = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11,
  dec = 12 }
local days = { sun = 0, mon = 1, tue = 2, wed = 3, thu = 4, fri = 5, sat = 6 }
local fields = { { "minute", 0, 59 }, { "hour", 0, 23 }, { "day of the month", 1, 31 }, { "month", 1, 12, months },
  { "day of the week", 0, 7, days } }
local longest = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function value_of(field, text)
  local value = field[4] and field[4][text:lower()] or text:match "^%d%d?$" and tonumber(text)
  if value and value >= field[2] and value <= field[3] then return value end
  return nil, ("%q is not %d to %d%s"):format(text, field[2], field[3], field[4] and " or a name" or "")
end

--- Adds what one part, `a`, `a-b`, `*`, each with `/step`, stands for -> true; or nil, why not
local function add(field, part, set)
  local range, step = part:match "^([^/]+)/(%d+)$"
  range = range or part
  step = tonumber(step or 1)
  if step < 1 then return nil, "a step is at least 1" end
  local low, high = field[2], field[3]
  if range ~= "*" then
    local from, to = range:match "^([^-]+)-([^-]+)$"
    local why
    low, why = value_of(field, from or range)
    if not low then return nil, why end
    if to then high, why = value_of(field, to) elseif range == part then high = low end
    if not high then return nil, why end
    if high < low then return nil, ("%q ends before it begins"):format(range) end
  end
  for value = low, high, step do set[value] = true end
  return true
end

--- -> expression, or nil, what is wrong, naming the field
function M.parse(text)
  local words = {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  if #words ~= #fields then
    return nil, ("has %d fields and must have 5: minute, hour, day of the month, month, day of the week"):format(#words)
  end
  local out = { text = table.concat(words, " "), any_day = words[3]:sub(1, 1) == "*",
    any_weekday = words[5]:sub(1, 1) == "*" }
  for i, field in ipairs(fields) do
    local set = {}
    if words[i]:find "^," or words[i]:find ",$" or words[i]:find ",," then
      return nil, ("%s: %q has an empty part"):format(field[1], words[i])
    end
    for part in words[i]:gmatch "[^,]+" do
      local fine, why = add(field, part, set)
      if not fine then return nil, ("%s: %s"):format(field[1], why) end
    end
    out[i] = set
  end
  if out[5][7] then out[5][0] = true end
  if out.any_weekday then
    local possible = false
    for month in pairs(out[4]) do
      for day in pairs(out[3]) do possible = possible or day <= longest[month] end
    end
    if not possible then return nil, "day of the month: none of these is in any of these months" end
  end
  return out
end

--- Days since 1970 -> month, day of the month (the civil calendar, by eras of 400 years from March on)
local function civil(day)
  local z = day + 719468
  local of_era = z % 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local m = math.floor((5 * of_year + 2) / 153)
  return m < 10 and m + 3 or m - 9, of_year - math.floor((153 * m + 2) / 5) + 1
end

local function on(e, day)
  local month, of_month = civil(day)
  if not e[4][month] then return false end
  local by_month, by_week = e[3][of_month] or false, e[5][(day + 4) % 7] or false
  if e.any_day or e.any_weekday then return by_month and by_week end
  return by_month or by_week
end

--- The first second after `after` (seconds since 1970) that the expression means.
function M.next(e, after)
  local minute = math.floor(after / 60) + 1
  local first = math.floor(minute / 1440)
  for day = first, first + 366 * 9 do -- 29 February may be eight years away
    if on(e, day) then
      for of_day = day == first and minute % 1440 or 0, 1439 do
        if e[2][math.floor(of_day / 60)] and e[1][of_day % 60] then return day * DAY + of_day * 60 end
      end
    end
  end
end

return M
