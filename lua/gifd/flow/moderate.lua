--- flow/moderate: judges vote on pixels (asset) and words (share); the strictest decides.
--
-- Every row is born pending and stays unseen until this wrote a verdict, so a kill at any step leaves it pending, and
-- the runner's sweep comes here again. What is said about a revision is kept as it is said: who has spoken is not asked
-- again. A failure worth a retry keeps it pending with back-off until settings.judge_deadline; then it counts as flag;
-- while a judge is out of order altogether (flow/outage), things wait for it longer. What ballots mean is flow/tally,
-- what people decide flow/decide.
--
--   fast judges --rejected--> verdict
--        '--some are slow--> pending, and a job (jobs/judge) in the same batch --> the slow ones --> verdict
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local decision_model = require "gifd.model.decision"
local events = require "gifd.flow.events"
local hooks = require "gifd.plugin.hooks"
local job_model = require "gifd.model.job"
local listed = require "gifd.flow.listed"
local outage = require "gifd.flow.outage"
local purge = require "gifd.flow.purge"
local queue_events = require "gifd.flow.queue_events"
local share_model = require "gifd.model.share"
local subject_of = require "gifd.flow.subject".of
local tally = require "gifd.flow.tally"
local verdict_model = require "gifd.model.verdict"

local M = {}

local lost = { code = "internal", message = "the process ended each time while this was judged" }

--- What judges have said already, where any of it may be needed.
local function spoken(entries, subject, how)
  local wanted = how.slow or subject.row.judge_tries > 0
  for _, entry in ipairs(entries) do wanted = wanted or entry.slow end
  if how.fresh == true or not (how.fresh or wanted) then return {} end
  return verdict_model.standing(subject)
end

--- Asks who has not spoken yet -> ballots (old and new), whether slow judges have yet to speak; or nil, err.
-- how.slow: they are asked now; how.lost: they have failed for good; how.fresh: all of them, whatever
-- they said before (true), or this one besides (a name).
local function ask(app, ctx_of, subject, how)
  local entries, ballots, asked, waiting, pixels = app.registry.hooks.judge or {}, {}, {}, false, {}
  if not entries[1] then return ballots, false end
  local standing, err = spoken(entries, subject, how)
  local known = standing and outage.all()
  if not known then return nil, err or gifd.err("io", { message = "the state of judges cannot be read" }) end
  for _, entry in ipairs(entries) do
    local plugin = entry.plugin
    local said = standing[plugin.name]
    pixels[plugin.name] = plugin.pixels
    if said and said.version == plugin.version and how.fresh ~= plugin.name then ballots[#ballots + 1] = said
    elseif entry.slow and not how.slow then waiting = true
    elseif entry.slow and how.lost then
      ballots[#ballots + 1] = { judge = plugin.name, version = plugin.version, failed = lost }
    else
      local out = outage.ballot(app.settings, known, plugin)
      if out then ballots[#ballots + 1] = out else asked[#asked + 1] = entry end
    end
  end
  if asked[1] then
    local fresh = hooks.vote(asked, ctx_of, subject_of(app, subject.kind, subject.row))
    outage.learn(app.settings, known, fresh, subject.kind .. " " .. subject.row.id)
    for _, ballot in ipairs(fresh) do ballots[#ballots + 1] = ballot end
  end
  for _, ballot in ipairs(ballots) do ballot.pixels = pixels[ballot.judge] end
  return ballots, waiting
end

--- What the lists of hashes say of an asset counts alone. Where they cannot be asked now, it waits as for a judge.
local function ballots_on(app, ctx_of, subject, how)
  local ballot, err = false, nil
  if subject.kind == "asset" then ballot, err = listed.ballot(app.settings, subject.row) end
  if ballot then return { ballot }, false end
  local ballots, waiting = ask(app, ctx_of, subject, how)
  if ballots and ballot == nil then
    ballots[#ballots + 1] = { judge = "lists", version = "1", failed = err }
  end
  return ballots, waiting
end

local function event_of(subject, outcome)
  local row = subject.row
  local share = subject.kind == "share"
  return { kind = subject.kind, asset_id = share and row.asset_id or row.id, code = share and row.code or nil,
    account_id = share and row.account_id or nil, verdict = outcome.verdict, category = outcome.category,
    reasons = outcome.reasons, by = "judges" }
end

--- A decision of judges, for good until somebody thinks otherwise: its row, plugins and the audit log.
local function add_decision(app, calls, subject, outcome)
  local row, share = subject.row, subject.kind == "share"
  calls[#calls + 1] = decision_model.statement(subject, { scan_id = outcome.scan_id, decision = outcome.verdict,
    category = outcome.category, confidence = outcome.confidence, reasons = outcome.reasons, actor = "judges" })
  events.add(app, calls, "on_verdict", event_of(subject, outcome))
  local judges = {}
  for i, ballot in ipairs(outcome.ballots) do judges[i] = ballot.judge end
  audit.add(app, calls, { action = subject.kind .. ".verdict",
    actor = outcome.judge and "judge:" .. outcome.judge or "system", kind = subject.kind,
    subject = share and row.code or row.id, asset = share and row.asset_id or row.id,
    account_id = share and row.account_id or nil, decision = outcome.verdict,
    detail = { scan_id = outcome.scan_id, category = outcome.category, judges = judges } })
end

local function add_outcome(app, calls, subject, outcome)
  local row = subject.row
  if outcome.verdict ~= "pending" then outcome.scan_id = decision_model.new_scan_id() end
  for _, call in ipairs(verdict_model.statements(subject, outcome)) do calls[#calls + 1] = call end
  if outcome.slow then calls[#calls + 1] = job_model.judge_statement(subject) end
  if outcome.scan_id then add_decision(app, calls, subject, outcome) end
  if row.revision > 1 or row.scan_id then -- else nobody has seen anything of it yet
    calls[#calls + 1] = purge[subject.kind .. "_call"](subject.kind == "asset" and row.id or row)
  end
end

--- What judges would say now, all of them or with a new word of the one named -> outcome (flow/tally), or nil, err.
-- Nothing is written.
function M.preview(app, ctx_of, subject, judge)
  local ballots, waiting = ballots_on(app, ctx_of, subject, { fresh = judge or true, slow = true })
  if not ballots then return nil, waiting end
  return tally.count(app.settings, subject.row, ballots, waiting)
end

--- Writes what judges say now of something that they had decided -> true, false when it has changed meanwhile, or nil,
-- err. outcome: of M.preview, and not pending
function M.rejudge(app, subject, outcome)
  local row = subject.row
  outcome.scan_id = decision_model.new_scan_id()
  local calls = verdict_model.ballot_statements(subject, outcome.ballots)
  calls[#calls + 1] = decision_model.stand_statement(subject, { scan_id = outcome.scan_id, actor = "judges",
    decision = outcome.verdict, reasons = outcome.reasons })
  add_decision(app, calls, subject, outcome)
  if row.verdict == "approved" then
    local event = event_of(subject, outcome)
    events.add(app, calls, "on_withdraw", { kind = event.kind, asset_id = event.asset_id, code = event.code,
      account_id = event.account_id, legal = false, category = event.category })
  end
  calls[#calls + 1] = purge[subject.kind .. "_call"](subject.kind == "asset" and row.id or row)
  local done, err = gifd.db.batch(calls)
  if not done then
    if err.code == "conflict" then return false end
    return nil, err
  end
  purge[subject.kind](app, subject.kind == "asset" and row.id or row)
  queue_events.tell(subject, outcome.verdict, outcome.category, { by = "judges" })
  return true
end

--- Judges whichever of the rows are pending, and writes both verdicts in one transaction: true, and whether a subject
-- changed meanwhile, so that nothing was written and the rows are to be read again. how: as for ask; how.also: one
-- more statement.
function M.run(app, ctx_of, subjects, how)
  local calls = { how and how.also }
  for _, subject in ipairs(subjects) do
    if subject.row.verdict == "pending" then
      local ballots, waiting = ballots_on(app, ctx_of, subject, how or {})
      if not ballots then return nil, waiting end
      subject.outcome = tally.count(app.settings, subject.row, ballots, waiting)
      add_outcome(app, calls, subject, subject.outcome)
    end
  end
  if #calls == 0 then return true end
  local done, err = gifd.db.batch(calls)
  if done then
    for _, subject in ipairs(subjects) do
      purge[subject.kind](app, subject.kind == "asset" and subject.row.id or subject.row)
      local outcome = subject.outcome
      if outcome then queue_events.tell(subject, outcome.verdict, outcome.category, { by = "judges" }) end
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
