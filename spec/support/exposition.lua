--- exposition: reads what /metrics says as strictly as its formats are written: Prometheus text 0.0.4, OpenMetrics 1.0.
local M = {}

--- The inside of {...} -> { name = value }; fails on anything that is not quite so.
local function labels_of(text, line)
  local out, at = {}, 1
  while at <= #text do
    local name, from = text:match('^([%a_][%w_]*)="()', at)
    assert(name and out[name] == nil, "no label, or one twice: " .. line)
    local value = {}
    at = from
    while text:sub(at, at) ~= '"' do
      local c = text:sub(at, at)
      assert(c ~= "", "a label without its end: " .. line)
      if c == "\\" then
        at = at + 1
        c = assert(({ ["\\"] = "\\", n = "\n", ['"'] = '"' })[text:sub(at, at)], "no escape: " .. line)
      end
      value[#value + 1] = c
      at = at + 1
    end
    out[name] = table.concat(value)
    at = at + 1
    local comma = text:sub(at, at)
    assert(comma == "" or comma == "," and at < #text, "no comma: " .. line)
    at = at + 1
  end
  return out
end

local function number_of(text, line)
  if text == "+Inf" then return math.huge end
  if text == "-Inf" then return -math.huge end
  if text == "NaN" then return 0 / 0 end
  return assert(text:match("^-?[%d.]+[eE]?[+-]?%d*$") and tonumber(text), "no number: " .. line)
end

--- What may follow a family's name in its samples.
local endings = {
  prometheus = { counter = { [""] = true }, gauge = { [""] = true },
    histogram = { _bucket = true, _sum = true, _count = true } },
  openmetrics = { counter = { _total = true }, gauge = { [""] = true },
    histogram = { _bucket = true, _sum = true, _count = true } },
}

local function check_histogram(family, series, key)
  local last, below = -math.huge, 0
  for _, b in ipairs(series.buckets) do
    assert(b.le > last and b.n >= below, family .. ": buckets do not ascend: " .. key)
    last, below = b.le, b.n
  end
  assert(last == math.huge and below == series.count and series.sum, family .. ": +Inf is not the count: " .. key)
end

--- Without le, in a fixed order.
local function key_of(labels)
  local out = {}
  for name, value in pairs(labels) do
    if name ~= "le" then out[#out + 1] = ("%s=%q"):format(name, value) end
  end
  table.sort(out)
  return table.concat(out, ",")
end

local function sample(family, form, line, values)
  local name, rest = line:match("^([%a_:][%w_:]*)(.*)$")
  local inside, text = (rest or ""):match("^{(.*)} (%S+)$")
  if not inside then inside, text = "", (rest or ""):match("^ (%S+)$") end
  assert(name and text, "no sample: " .. line)
  local key = line:sub(1, -#text - 2)
  assert(values[key] == nil, "a sample twice: " .. line)
  local labels, value = labels_of(inside, line), number_of(text, line)
  local ending = name:sub(#family.name + 1)
  assert(name:sub(1, #family.name) == family.name and endings[form][family.type][ending], "not its family's: " .. line)
  values[key] = value
  if family.type == "counter" then assert(value >= 0, "a counter below 0: " .. line) end
  if family.type ~= "histogram" then return end
  local series = family.series[key_of(labels)] or { buckets = {} }
  family.series[key_of(labels)] = series
  if ending == "_bucket" then
    table.insert(series.buckets, { le = number_of(labels.le or "", line), n = value })
  else
    assert(not labels.le, "le outside of a bucket: " .. line)
    series[ending:sub(2)] = value
  end
end

--- form: "prometheus" or "openmetrics" -> { [name{labels}] = value }, { [family] = { type, unit, help } }
function M.read(text, form)
  local values, families, family, ended = {}, {}, nil, false
  assert(text:sub(-1) == "\n", "the last line has no end")
  assert(not text:find("\r", 1, true), "a carriage return")
  for line in text:gmatch("([^\n]*)\n") do
    assert(line ~= "" and not ended, "an empty line, or one after the end")
    local what, name, rest = line:match("^# (%u+) ([%a_:][%w_:]*) (.+)$")
    if what == "HELP" then
      assert(not families[name], "a family twice: " .. line)
      family = { name = name, help = rest, series = {} }
      families[name] = family
    elseif what then
      assert(family and family.name == name, "outside of its family: " .. line)
      local field = assert(({ TYPE = "type", UNIT = "unit" })[what], "no such line: " .. line)
      local known = field == "type" and endings[form][rest] or field == "unit" and form == "openmetrics"
      assert(known and not family[field], "such a line twice, or of no kind: " .. line)
      family[field] = rest
      if field == "unit" then assert(name:sub(-#rest - 1) == "_" .. rest, "the name lacks its unit: " .. line) end
    elseif line == "# EOF" then
      ended = form == "openmetrics" or error("an end that only OpenMetrics has")
    else
      sample(assert(family and family.type and family, "a sample without a type: " .. line), form, line, values)
    end
  end
  assert(ended == (form == "openmetrics"), "# EOF is missing")
  for key, one in pairs(families) do
    assert(one.type, "no type: " .. key)
    local named = one.type ~= "counter" or form == "openmetrics" or key:find("_total$")
    assert(named, "a counter without _total: " .. key)
    for labels, series in pairs(one.series) do check_histogram(key, series, labels) end
  end
  return values, families
end

return M
