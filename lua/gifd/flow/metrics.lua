--- flow/metrics: what was seen, played and clicked, as numbers: sums (gifd.rollup) as answers to questions.
--
--   views, plays, clicks   of people, of nobody in particular, and reported; others stand in by_verdict
--   ctr, play_rate         percent of views, two digits; 0 without views
--
-- An answer has what was told and is not added up yet, and what C has counted but not written (model/count).
local askers = require "gifd.flow.askers"
local count = require "gifd.model.count"
local csv = require "gifd.csv"
local event_model = require "gifd.model.event"
local kinds = require "gifd.model.event_kinds"
local moment = require "gifd.moment"

local ALL, SUBJECT, PART = 0, 1, 2
local names = { "views", "plays", "clicks" }
local sizes = { minute = 0, hour = 1, day = 2 }
local seconds = { minute = 60, hour = 3600, day = 86400 }
--- What is told apart of a step: bits of a kind. Verdicts are, so that what does not count is left out.
local kept = { neither = 0xf00f, platform = 0xffff, verdict = 0xf00f }
local MINUTES_KEPT, POINTS, PAGE = 48 * 3600, 20000, 500

--- What leads by each: the board of gifd.rollup.
local boards = { views = "1", plays = "2", clicks = "3", ctr = "3/1", play_rate = "2/1" }

local M = { boards = boards, steps = seconds }

local function percent(part, whole)
  if whole == 0 then return 0 end
  return tonumber(("%.2f"):format(part / whole * 100))
end

local function counts(verdict) return math.floor(kinds.counted / 2 ^ verdict) % 2 == 1 end

local function empty() return { views = 0, plays = 0, clicks = 0 } end

local function rated(numbers)
  numbers.ctr, numbers.play_rate = percent(numbers.clicks, numbers.views), percent(numbers.plays, numbers.views)
  return numbers
end

local function add(to, key, name, n)
  to[key] = to[key] or empty()
  to[key][name] = to[key][name] + n
end

--- Rows of kind and n -> the answer.
local function summed(rows)
  local out, by_platform, by_verdict = empty(), {}, {}
  for _, row in ipairs(rows) do
    local type, platform, verdict = kinds.split(row.kind)
    local name = names[type]
    if name then
      add(by_verdict, kinds.verdicts[verdict] or "unknown", name, row.n)
      if counts(verdict) then
        out[name] = out[name] + row.n
        add(by_platform, kinds.platform_name(platform), name, row.n)
      end
    end
  end
  for _, list in ipairs { by_platform, by_verdict } do
    for _, numbers in pairs(list) do rated(numbers) end
  end
  out.total_events = out.views + out.plays + out.clicks
  out.by_platform, out.by_verdict = by_platform, by_verdict
  return rated(out)
end

-- Rows are written once a second, and are in the shared memory until then: an answer of both is one of a moment between
-- two writes.
local READS = 5

--- fn() -> answer or nil, err
local function steady(fn)
  local out, err
  for _ = 1, READS do
    local before, before_err = count.last()
    if not before then return nil, before_err end
    out, err = fn()
    if not out then return nil, err end
    local after, after_err = count.last()
    if not after then return nil, after_err end
    if before == after then break end
  end
  return out
end

--- Sums by kind, with what is in no row yet -> rows, or nil, err
local function rows_of(axis, key, id)
  return steady(function()
    local unwritten, err = count.unwritten({ id }, askers)
    if not unwritten then return nil, err end
    local found, totals_err = gifd.rollup.totals(axis, key)
    if not found then return nil, totals_err end
    for _, row in ipairs(unwritten[id] or {}) do found.rows[#found.rows + 1] = row end
    return found.rows
  end)
end

--- { asset } or { share } or nothing -> axis, key, and the id that is counted in shared memory
local function meant(about)
  if about.share then return PART, about.share.id, count.share_id(about.share) end
  if about.asset then return SUBJECT, about.asset.rowid_, count.asset_id(about.asset) end
  return ALL, 0
end

local function sums_of(about)
  local rows, err = rows_of(meant(about))
  return rows and summed(rows), err
end

--- asset: its row
function M.asset(asset)
  local out, err = sums_of { asset = asset }
  if not out then return nil, err end
  out.asset_id = asset.id
  return out
end

function M.share(share)
  local out, err = sums_of { share = share }
  if not out then return nil, err end
  out.code, out.asset_id = share.code, share.asset_id
  return out
end

local function filled(axis, list, key_of, id_of)
  if not list[1] then return true end
  local keys, ids = {}, {}
  for i, row in ipairs(list) do keys[i], ids[i] = row[key_of], id_of(row) end
  local found, err = steady(function()
    local unwritten, err = count.unwritten(ids, askers)
    if not unwritten then return nil, err end
    local sums, sums_err = gifd.rollup.sums(axis, keys, kinds.counted)
    return sums and { sums = sums.sums, unwritten = unwritten }, sums_err
  end)
  if not found then return nil, err end
  for i, row in ipairs(list) do
    for type, name in ipairs(names) do row[name] = found.sums[i][type] end
    for _, one in ipairs(found.unwritten[ids[i]]) do
      local type, _, verdict = kinds.split(one.kind)
      if counts(verdict) then row[names[type]] = row[names[type]] + one.n end
    end
  end
  return true
end

--- Gives rows of shares and assets, a page of them at most, their `clicks`, `views` and `plays` -> true, or nil, err
function M.fill(of)
  local done, err = filled(PART, of.shares or {}, "id", count.share_id)
  if not done then return nil, err end
  return filled(SUBJECT, of.assets or {}, "rowid_", count.asset_id)
end
function M.all() return sums_of {} end

--- What leads by one of `boards` -> { items, as_of (microseconds; 0: not found out yet) }
function M.top(by, limit)
  local found, err = gifd.rollup.board(boards[by], math.min(1000, limit + 100))
  if not found then return nil, err end
  local keys = {}
  for i, leader in ipairs(found.leaders) do keys[i] = leader.key end
  local ids, ids_err = event_model.assets(keys)
  if not ids then return nil, ids_err end
  local items = {}
  for _, leader in ipairs(found.leaders) do
    if ids[leader.key] and #items < limit then
      items[#items + 1] = rated { asset_id = ids[leader.key], views = leader[1], plays = leader[2],
        clicks = leader[3] }
    end
  end
  return { items = items, as_of = found.as_of }
end

--- Empty points from step `first` to `last`; a day's date is written once.
local function empty_points(first, last, size)
  local points, day, date = {}, nil, nil
  for at = first, last do
    local time = at * size
    local of_day = math.floor(time / 86400)
    if of_day ~= day then day, date = of_day, moment.text(of_day * 86400e6):sub(1, 11) end
    local here, minutes = empty(), (time - day * 86400) / 60
    here.at = ("%s%02d:%02d:00.000000Z"):format(date, math.floor(minutes / 60), minutes % 60)
    points[at - first + 1] = here
  end
  return points
end

--- about: { asset } or { share } or nothing; from, to: microseconds, both in the answer, which are snapped to the step;
-- split: "platform" or "verdict" adds by_platform or by_verdict to each point. -> { step, points } or nil, err
function M.series(about, step, from, to, split)
  local size = seconds[step]
  local first, last = math.floor(from / 1e6 / size), math.floor(to / 1e6 / size)
  if step == "minute" and first * size < gifd.time.now() - MINUTES_KEPT - size then
    return nil, gifd.err("invalid", { message = "minutes are kept for 48 hours: ask for hours or days",
      pointer = "/from" })
  end
  if last < first then return { step = step, points = {} } end
  if last - first >= POINTS then
    return nil, gifd.err("invalid", { message = ("more than %d points: ask for a longer step"):format(POINTS),
      pointer = "/step" })
  end
  local axis, key = meant(about)
  local found, err = gifd.rollup.series(axis, key, sizes[step], first, last, kept[split or "neither"],
    split ~= "verdict" and kinds.counted or nil)
  if not found then return nil, err end
  local points, steps = empty_points(first, last, size), found.steps
  for i = 1, #steps, 3 do
    local type, platform, verdict = kinds.split(steps[i + 1])
    local name, here, n = names[type], points[steps[i] - first + 1], steps[i + 2]
    if name and counts(verdict) then
      here[name] = here[name] + n
      if split == "platform" then
        here.by_platform = here.by_platform or {}
        add(here.by_platform, kinds.platform_name(platform), name, n)
      end
    end
    if name and split == "verdict" then
      here.by_verdict = here.by_verdict or {}
      add(here.by_verdict, kinds.verdicts[verdict] or "unknown", name, n)
    end
  end
  return { step = step, points = points }
end

--- Raw events behind a cursor { file, id }, the oldest first -> array, cursor or nil (no more); or nil, err
function M.events(about, from, to, cursor, limit)
  local axis, key = meant(about)
  local found, err = gifd.rollup.raw(axis, key, from, to, cursor.file, cursor.id, limit)
  if not found then return nil, err end
  local rows, out = found.rows, {}
  local shown, shown_err = event_model.names(rows)
  if not shown then return nil, shown_err end
  for i, row in ipairs(rows) do
    local type, platform, verdict, reason = kinds.split(row.kind)
    out[i] = { at = moment.text(row.at), type = kinds.types[type], asset_id = shown.assets[row.subject] or gifd.null,
      share = shown.shares[row.part] or gifd.null, platform = kinds.platform_name(platform),
      verdict = kinds.verdicts[verdict], reason = kinds.reason_name(reason), count = row.n,
      metadata = row.extra and gifd.json.decode(row.extra) or gifd.null }
  end
  local last = rows[#rows]
  return out, #rows == limit and { file = last.file, id = last.id } or nil
end

local columns = { "at", "type", "asset_id", "share", "platform", "verdict", "reason", "count" }

--- Gives all of them as CSV or NDJSON to write(text) -> true | nil, err, a piece at a time.
function M.export(about, from, to, format, write)
  local done, err = true, nil
  if format == "csv" then done, err = write(csv.line(columns)) end
  local cursor = { file = 0, id = 0 }
  while done and cursor do
    local events, next_cursor = M.events(about, from, to, cursor, PAGE)
    if not events then return nil, next_cursor end
    local out = {}
    for i, event in ipairs(events) do
      out[i] = format == "csv" and csv.line(event, columns) or gifd.json.encode(event) .. "\n"
    end
    if out[1] then done, err = write(table.concat(out)) end
    cursor = next_cursor
  end
  return done, err
end

--- Why totals are what they are: events by verdict and reason -> array of { verdict, reason, views, plays, clicks }
function M.reasons(about)
  local rows, err = rows_of(meant(about))
  if not rows then return nil, err end
  local by, out = {}, {}
  for _, row in ipairs(rows) do
    local type, _, verdict, reason = kinds.split(row.kind)
    if names[type] then add(by, verdict * 65536 + reason, names[type], row.n) end
  end
  for key_of, numbers in pairs(by) do
    numbers.verdict, numbers.reason = kinds.verdicts[math.floor(key_of / 65536)], kinds.reason_name(key_of % 65536)
    out[#out + 1] = numbers
  end
  table.sort(out, function(a, b)
    if a.verdict ~= b.verdict then return a.verdict < b.verdict end
    return a.reason < b.reason
  end)
  return out
end

--- Forgets what is known of an asset (its row) or, without one, of all. calls: statements that go with it.
function M.clear(asset, calls)
  local done, err = gifd.rollup.clear(asset and SUBJECT or ALL, asset and asset.rowid_ or 0)
  if not done then return nil, err end
  if not asset then calls[#calls + 1] = event_model.forget_askers() end
  return gifd.db.batch(calls)
end

return M
