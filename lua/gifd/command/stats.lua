--- command/stats: gifd stats top|show|export|verify|reclassify: what was seen, played and clicked, beside the server.
local arguments = require "gifd.command.arguments"
local asset_model = require "gifd.model.asset"
local kinds = require "gifd.model.event_kinds"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"
local reclassify = require "gifd.flow.reclassify"
local share_model = require "gifd.model.share"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function complain(code, fmt, ...)
  gifd.console.error("gifd stats: " .. fmt:format(...) .. "\n")
  return code
end

local function failed(err) return complain(FAILED, "%s", tostring(err.message or err.code)) end

--- A code, an address of a share, or an asset's id -> { share } or { asset }; or nil, exit code
local function about_of(word)
  local code = word:match("/s/([%w_-]+)[^/]*$")
  if not code and word:match("^%x+$") and #word >= 16 then
    local asset, err = asset_model.find(word)
    if asset == nil then return nil, failed(err) end
    if asset then return { asset = asset } end
  end
  local share, err = share_model.find(code or word)
  if share == nil then return nil, failed(err) end
  if not share then return nil, complain(NOT_FOUND, "there is no share and no asset %s", word) end
  return { share = share }
end

local function sorted(list)
  local out = {}
  for name in pairs(list) do out[#out + 1] = name end
  table.sort(out)
  return out
end

local function line(name, n)
  write("%-16s %9d views %9d plays %9d clicks   ctr %6.2f   play rate %6.2f", name, n.views, n.plays, n.clicks, n.ctr,
    n.play_rate)
end

local function show(words, options)
  local about, code = {}, nil
  if words[1] then about, code = about_of(words[1]) end
  if not about then return code end
  local numbers, err
  if about.share then numbers, err = metrics.share(about.share)
  elseif about.asset then numbers, err = metrics.asset(about.asset)
  else numbers, err = metrics.all() end
  if not numbers then return failed(err) end
  local reasons, reasons_err = metrics.reasons(about)
  if not reasons then return failed(reasons_err) end
  if options.json then
    numbers.by_reason = gifd.json.array(reasons)
    write("%s", gifd.json.encode(numbers))
    return OK
  end
  line("all that count", numbers)
  for _, name in ipairs(sorted(numbers.by_platform)) do line("  " .. name, numbers.by_platform[name]) end
  for _, name in ipairs(sorted(numbers.by_verdict)) do line("= " .. name, numbers.by_verdict[name]) end
  for _, r in ipairs(reasons) do
    write("  because of %s (%s): %d views, %d plays, %d clicks", r.reason, r.verdict, r.views, r.plays, r.clicks)
  end
  return OK
end

local function top(words, options)
  local by, limit = options.by or words[1] or "views", tonumber(options.limit or 10)
  if not metrics.boards[by] then return complain(USAGE, "by is views, plays, clicks, ctr or play_rate") end
  if not limit or limit < 1 or limit > 1000 then return complain(USAGE, "limit is 1 to 1000") end
  local found, err = metrics.top(by, limit)
  if not found then return failed(err) end
  if options.json then
    write("%s", gifd.json.encode { by = by, items = gifd.json.array(found.items),
      as_of = found.as_of > 0 and moment.text(found.as_of) or gifd.null })
    return OK
  end
  for _, item in ipairs(found.items) do line(item.asset_id, item) end
  write("as of %s", found.as_of > 0 and moment.text(found.as_of) or "never: no server has added up yet")
  return OK
end

local function time_of(text, default)
  if not text then return default end
  local seconds = gifd.time.parse(text)
  return seconds and math.floor(seconds * 1e6)
end

local function export(words, options)
  local about, code = {}, nil
  if words[1] then about, code = about_of(words[1]) end
  if not about then return code end
  local format = options.format or "ndjson"
  if format ~= "csv" and format ~= "ndjson" then return complain(USAGE, "--format is csv or ndjson") end
  local from, to = time_of(options.from, 0), time_of(options.to, moment.now() + 86400e6)
  if not from or not to then return complain(USAGE, "a time is such as 2030-01-01T00:00:00Z") end
  local done, err = metrics.export(about, from, to, format, function(text)
    gifd.console.write(text)
    return true
  end)
  return done and OK or failed(err)
end

local function verify(_, options)
  local found, err = gifd.rollup.verify(kinds.counted, options.mend or false)
  if not found then return failed(err) end
  if options.json then
    write("%s", gifd.json.encode { rows = found.rows, wrong = found.result, mended = options.mend or false })
  elseif found.result == 0 then
    write("%d rows, and all sums are theirs", found.rows)
  else
    write("%d rows, %d sums are wrong%s", found.rows, found.result, options.mend and ", and were made again" or "")
  end
  return (found.result == 0 or options.mend) and OK or FAILED
end

--- What was counted by rules that have changed is judged again (flow/reclassify).
local function again(_, options)
  local since, dry = time_of(options.since, 0), options["dry-run"] or false
  if not since then return complain(USAGE, "a time is such as 2030-01-01T00:00:00Z") end
  local events, rows = reclassify.run(since, dry)
  if not events then return failed(rows) end
  if options.json then
    write("%s", gifd.json.encode { rows = rows, events = events, changed = not dry })
  else
    write("%d events %s what the rules say now", events, dry and "are not" or "are made")
  end
  return OK
end

local verbs = { show = show, top = top, export = export, verify = verify, reclassify = again }

return function(args)
  local options, words = arguments(args, { json = "flag", by = "value", limit = "value", format = "value",
    from = "value", to = "value", mend = "flag", ["dry-run"] = "flag", since = "value" })
  if not options then return complain(USAGE, "%s", words) end
  local verb = verbs[table.remove(words, 1) or ""]
  if not verb then return complain(USAGE, "say top, show [CODE|ID], export [CODE|ID], verify or reclassify") end
  return verb(words, options)
end
