--- command/review: gifd moderate queue|show|approve|reject|quarantine|escalate|undo|stats: what reviewers do, by the
-- operator, beside a running server or when it has stopped.
local categories = require "gifd.flow.categories"
local decide = require "gifd.flow.decide"
local moderation = require "gifd.http.moderation"
local review = require "gifd.flow.review"
local review_model = require "gifd.model.review"

local OK, FAILED, USAGE, NOT_FOUND, CONFLICT = 0, 1, 2, 4, 6
local PAGE, MOST, AT_ONCE = 50, 100000, 500

local M = {}

local function complain(code, text)
  gifd.console.error("gifd moderate: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local exit_codes = { conflict = CONFLICT, not_found = NOT_FOUND, invalid = USAGE }
local function failed(err) return complain(exit_codes[err.code] or FAILED, tostring(err.message or err.code)) end

--- For what http/moderation asks of who asks: the operator.
local operator = { base = "", identity = { may = function() return true end } }

local function has(list, word)
  for _, one in ipairs(list) do if one == word then return true end end
  return false
end

--- ID, KIND ID or KIND/ID -> subject, or nil, exit code
local function subject_of(words)
  local kind, id = words[1], words[2]
  if not kind or words[3] then return nil, complain(USAGE, "say one ID: an asset's id or a share's code") end
  if not id and kind:find("/", 1, true) then kind, id = kind:match("^(%l+)/(.+)$") end
  for _, one in ipairs(id and { kind } or { "asset", "share" }) do
    local subject, err = decide.find(one, id or kind)
    if subject then return subject end
    if subject == nil then return nil, failed(err) end
  end
  return nil, complain(NOT_FOUND, "there is no " .. table.concat(words, " "))
end

local function line(item, json)
  if json then return write("%s", gifd.json.encode(item)) end
  local claim = item.claim ~= gifd.null and "\t" .. tostring(item.claim.by) .. " is at it" or ""
  write("%d\t%s\t%s %s\t%s\t%s%s", item.risk, item.state, item.kind, item.id, item.category, item.since, claim)
end

local function queue(_, words, options)
  if words[1] then return complain(USAGE, "queue takes --kind, --category, --state and --limit") end
  local left = tonumber(options.limit or PAGE)
  if not left or left < 1 or left % 1 ~= 0 or left > MOST then
    return complain(USAGE, ("--limit is 1 to %d"):format(MOST))
  end
  for name, list in pairs { kind = { "asset", "share" }, category = categories.list, state = review_model.states } do
    if options[name] and not has(list, options[name]) then
      return complain(USAGE, ("--%s is one of %s"):format(name, table.concat(list, ", ")))
    end
  end
  local last
  repeat
    local items, more = review.queue(options, last, math.min(left, AT_ONCE))
    if not items then return failed(more) end
    for _, item in ipairs(items) do line(item, options.json) end
    left, last = left - #items, more
  until not last or left <= 0
  return OK
end

local function show(_, words, options)
  local subject, code = subject_of(words)
  if not subject then return code end
  local all, err = moderation.all_of(operator, subject)
  if not all then return failed(err) end
  if options.json then
    write("%s", gifd.json.encode(all))
    return OK
  end
  local m = all.moderation
  write("%s %s\t%s\t%s", all.kind, all.id, m.decision, m.category)
  if all.share then write("title\t%s", (all.share.title:gsub("%c", " "))) end
  if all.queue ~= gifd.null then line(all.queue) end
  for _, b in ipairs(m.metadata.ballots) do
    write("judge\t%s %s\t%s\t%s\t%s", b.judge, b.version, b.decision, tostring(b.category),
      table.concat(b.reasons, "; "))
  end
  for _, d in ipairs(all.decisions) do
    write("decision\t%s\t%s\t%s\t%s\t%s\t%s", d.at, d.actor, d.decision, d.category, d.scan_id,
      (d.notes:gsub("%c", " ")))
  end
  for _, p in ipairs(all.appeals) do write("appeal\t%s\t%s\t%s", p.created_at, p.state, (p.text:gsub("%c", " "))) end
  for _, c in ipairs(all.cluster ~= gifd.null and all.cluster or {}) do
    write("like\t%s\t%d", c.asset_id, c.distance)
  end
  return OK
end

local function told(subject, result, json)
  result.kind, result.id = subject.kind, subject.kind == "share" and subject.row.code or subject.row.id
  result.reasons = gifd.json.array(result.reasons or {})
  if result.cluster then result.cluster = gifd.json.array(result.cluster) end
  if json then
    write("%s", gifd.json.encode(result))
    return OK
  end
  write("%s %s\t%s\t%s\t%s", result.kind, result.id, result.decision, result.category, result.scan_id)
  for _, m in ipairs(result.cluster or {}) do
    write("asset %s\t%s", m.id, tostring(m.decision ~= gifd.null and m.decision or m.skipped))
  end
  return OK
end

local function deciding(decision)
  return function(app, words, options)
    local subject, code = subject_of(words)
    if not subject then return code end
    local d = { decision = decision, by = "system", reason = options.reason, notes = options.notes,
      category = options.category, cluster = options.cluster, based_on = options["based-on"] }
    if d.cluster and subject.kind ~= "asset" then return complain(USAGE, "--cluster is of assets") end
    for _, name in ipairs { "reason", "notes" } do
      if d[name] and not gifd.text.valid_utf8(d[name]) then return complain(USAGE, "--" .. name .. " is not UTF-8") end
    end
    local result, err
    if decision then result, err = review.run(app, subject, d) else result, err = review.undo(app, subject, d) end
    if not result then return failed(err) end
    return told(subject, result, options.json)
  end
end

local function stats(_, words, options)
  if words[1] then return complain(USAGE, "stats takes --json") end
  local n, err = review.statistics()
  if not n then return failed(err) end
  if options.json then
    write("%s", gifd.json.encode(n))
    return OK
  end
  write("%d judged, %d open appeals", n.total_scans, n.open_appeals)
  for _, name in ipairs { "approved", "rejected", "flagged", "pending" } do
    write("%s\t%d\t%.2f %%", name, n[name], n.rates[name])
  end
  for _, j in ipairs(n.judges) do
    write("judge %s\t%d ballots\t%d approved\t%d flagged\t%d rejected\t%d failed\tpeople agree: %s", j.judge, j.ballots,
      j.approved, j.flagged, j.rejected, j.failed,
      j.agreement ~= gifd.null and ("%.2f %% of %d"):format(j.agreement, j.compared) or "-")
  end
  return OK
end

local about = { reason = "value", notes = "value", category = "value", cluster = "flag", ["based-on"] = "value",
  json = "flag" }

--- Verb -> { run(app, words, options), options }
M.verbs = {
  queue = { run = queue, options = { kind = "value", category = "value", state = "value", limit = "value",
    json = "flag" } },
  show = { run = show, options = { json = "flag" } },
  approve = { run = deciding "approved", options = about },
  reject = { run = deciding "rejected", options = about },
  quarantine = { run = deciding "quarantined", options = about },
  escalate = { run = deciding "escalated", options = about },
  undo = { run = deciding(nil), options = { notes = "value", cluster = "flag", ["based-on"] = "value",
    json = "flag" } },
  stats = { run = stats, options = { json = "flag" } },
}

return M
