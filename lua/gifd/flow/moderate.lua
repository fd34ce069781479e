--- flow/moderate: judges vote on pixels (asset) and words (share); the strictest decides.
--
-- Every row is born pending and stays unseen until this wrote a verdict, so a kill at any step leaves it pending, and
-- the runner's sweep comes here again. What is said about a revision is kept as it is said: who has spoken is not asked
-- again. A failure worth a retry keeps it pending with back-off until settings.judge_deadline; then it counts as flag.
--
--   fast judges --rejected--> verdict
--        '--some are slow--> pending, and a job (jobs/judge) in the same batch --> the slow ones --> verdict
local asset_model = require "gifd.model.asset"
local events = require "gifd.flow.events"
local hooks = require "gifd.plugin.hooks"
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"
local purge = require "gifd.flow.purge"
local share_model = require "gifd.model.share"
local subject_of = require "gifd.flow.subject".of
local verdict_model = require "gifd.model.verdict"

local BACKOFF_MOST, SLOW_LOOK = 60, 600
local severity = { approved = 1, flagged = 2, rejected = 3 }

--- What to hold when no judge had an opinion.
local function without_opinion(app, row)
  if row.trusted then
    return { judge = "trusted", version = "1", decision = "approved", reasons = {} }
  end
  if app.settings.unseen == "pending" then return nil end
  local reasons = app.settings.unseen == "flagged" and { "nobody has looked at this yet" } or {}
  return { judge = "unseen", version = "1", decision = app.settings.unseen, reasons = reasons }
end

--- What the ballots say together: verdict or nil, reasons, how many there are, and whether one may yet succeed.
local function tallied(ballots, last)
  local verdict, reasons, again = nil, {}, false
  local function hold(decision, why)
    if not verdict or severity[decision] > severity[verdict] then verdict = decision end
    if decision ~= "approved" then for _, reason in ipairs(why) do reasons[#reasons + 1] = reason end end
  end
  for _, ballot in ipairs(ballots) do
    if not ballot.failed then hold(ballot.decision, ballot.reasons)
    elseif ballot.failed.retryable and not last then again = true
    else hold("flagged", { ballot.judge .. " could not judge this" }) end
  end
  return verdict, reasons, again
end

--- Pure: ballots to { verdict, reasons, ballots, retry_at?, failing?, judge_until?, slow? }. waiting: slow judges have
-- yet to speak.
local function count(app, row, ballots, waiting)
  local now = moment.now()
  local judge_until = row.judge_until ~= 0 and row.judge_until or now + app.settings.judge_deadline * 1e6
  local verdict, reasons, again = tallied(ballots, now >= judge_until)
  if verdict ~= "rejected" and (again or waiting) then
    local seconds = again and math.min(BACKOFF_MOST, 2 ^ (row.judge_tries + 1)) or SLOW_LOOK
    local retry_at = now + math.floor(seconds * 1e6)
    return { verdict = "pending", reasons = { "waiting for a judge" }, ballots = ballots, slow = waiting,
      failing = again, judge_until = again and judge_until or row.judge_until,
      retry_at = again and math.min(retry_at, judge_until) or retry_at }
  end
  if #ballots == 0 then
    local ballot = without_opinion(app, row)
    if not ballot then
      return { verdict = "pending", reasons = { "waiting for somebody to look" }, ballots = {},
        retry_at = now + 3600e6 }
    end
    ballots[1], verdict = ballot, ballot.decision
    reasons = ballot.decision ~= "approved" and ballot.reasons or {}
  end
  return { verdict = verdict, reasons = reasons, ballots = ballots }
end

local M = { count = count }

local lost = { code = "internal", message = "the process ended each time while this was judged" }

--- Asks who has not spoken yet -> ballots (old and new), whether slow judges have yet to speak; or nil, err.
-- how.slow: they are asked now; how.lost: they have failed for good.
local function ask(app, ctx_of, subject, how)
  local entries = app.registry.hooks.judge or {}
  local standing, slow = {}, how.slow or subject.row.judge_tries > 0
  for _, entry in ipairs(entries) do slow = slow or entry.slow end
  if slow then
    local err
    standing, err = verdict_model.standing(subject)
    if not standing then return nil, err end
  end
  local ballots, asked, waiting = {}, {}, false
  for _, entry in ipairs(entries) do
    local plugin = entry.plugin
    local said = standing[plugin.name]
    if said and said.version == plugin.version then ballots[#ballots + 1] = said
    elseif entry.slow and not how.slow then waiting = true
    elseif entry.slow and how.lost then
      ballots[#ballots + 1] = { judge = plugin.name, version = plugin.version, failed = lost }
    else asked[#asked + 1] = entry end
  end
  if asked[1] then
    for _, ballot in ipairs(hooks.vote(asked, ctx_of, subject_of(app, subject.kind, subject.row))) do
      ballots[#ballots + 1] = ballot
    end
  end
  return ballots, waiting
end

local function event_of(subject, outcome)
  local row = subject.row
  local share = subject.kind == "share"
  return { kind = subject.kind, asset_id = share and row.asset_id or row.id, code = share and row.code or nil,
    account_id = share and row.account_id or nil, verdict = outcome.verdict, reasons = outcome.reasons }
end

local function add_outcome(app, calls, subject, outcome)
  local row = subject.row
  for _, call in ipairs(verdict_model.statements(subject, outcome)) do calls[#calls + 1] = call end
  if outcome.slow then calls[#calls + 1] = job_model.judge_statement(subject) end
  if outcome.verdict ~= "pending" then events.add(app, calls, "on_verdict", event_of(subject, outcome)) end
  if row.revision > 1 then -- else nobody has seen anything of it yet
    calls[#calls + 1] = purge[subject.kind .. "_call"](subject.kind == "asset" and row.id or row)
  end
end

--- Judges whichever of the rows are pending, and writes both verdicts in one transaction: true, and whether a subject
-- changed meanwhile, so that nothing was written and the rows are to be read again. how: as for ask; how.also: one
-- more statement.
function M.run(app, ctx_of, subjects, how)
  local calls = { how and how.also }
  for _, subject in ipairs(subjects) do
    if subject.row.verdict == "pending" then
      local ballots, waiting = ask(app, ctx_of, subject, how or {})
      if not ballots then return nil, waiting end
      add_outcome(app, calls, subject, count(app, subject.row, ballots, waiting))
    end
  end
  if #calls == 0 then return true end
  local done, err = gifd.db.batch(calls)
  if done then
    for _, subject in ipairs(subjects) do
      purge[subject.kind](app, subject.kind == "asset" and subject.row.id or subject.row)
    end
    return true
  end
  if err.code == "conflict" then return true, true end
  return nil, err
end

--- Whatever is pending and due, a bounded number at a time; returns how many were looked at.
function M.sweep(app, ctx_of)
  local looked = 0
  local function judge(kind, row)
    looked = looked + 1
    if row then
      local done, err = M.run(app, ctx_of, { { kind = kind, row = row } })
      if not done then gifd.log.warn("judge.sweep", { kind = kind, id = tostring(row.id), error = tostring(err) }) end
    end
  end
  for _, found in ipairs(asset_model.to_judge(50) or {}) do judge("asset", asset_model.find(found.id)) end
  for _, found in ipairs(share_model.to_judge(50) or {}) do judge("share", share_model.by_id(found.id)) end
  return looked
end

return M
