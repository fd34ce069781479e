--- flow/moderate: judges vote on pixels (asset) and words (share); the strictest decides.
--
-- Every row is born pending and stays unseen until this wrote a verdict, so a kill at any step leaves it pending, and
-- the runner's sweep comes here again. A failure worth a retry keeps it pending with back-off; after JUDGE_TRIES it
-- counts as flag.
local asset_model = require "gifd.model.asset"
local hooks = require "gifd.plugin.hooks"
local moment = require "gifd.moment"
local purge = require "gifd.flow.purge"
local share_model = require "gifd.model.share"
local verdict_model = require "gifd.model.verdict"

local JUDGE_TRIES = 6
local severity = { approved = 1, flagged = 2, rejected = 3 }

local function subject_of(kind, row)
  if kind == "share" then
    return { kind = "share", title = row.title, description = row.description, tags = row.tags,
      visibility = row.visibility }
  end
  return { kind = "asset", blob = row.digest, facts = {
    type = row.type, bytes = row.bytes, width = row.width, height = row.height, frames = row.frames,
      duration_ms = row.duration_ms,
    has_alpha = row.has_alpha, has_audio = row.has_audio } }
end

--- What to hold when no judge had an opinion.
local function without_opinion(app, row)
  if row.trusted then
    return { judge = "trusted", version = "1", decision = "approved", reasons = {} }
  end
  if app.settings.unseen == "pending" then return nil end
  local reasons = app.settings.unseen == "flagged" and { "nobody has looked at this yet" } or {}
  return { judge = "unseen", version = "1", decision = app.settings.unseen, reasons = reasons }
end

--- Pure: ballots to { verdict, reasons, ballots, retry_at? }.
local function count(app, row, ballots)
  local verdict, reasons, opinions, again = nil, {}, 0, false
  local function hold(decision, why)
    if not verdict or severity[decision] > severity[verdict] then verdict = decision end
    if decision ~= "approved" then for _, reason in ipairs(why) do reasons[#reasons + 1] = reason end end
  end
  for _, ballot in ipairs(ballots) do
    opinions = opinions + 1
    if not ballot.failed then hold(ballot.decision, ballot.reasons)
    elseif ballot.failed.retryable and row.judge_tries + 1 < JUDGE_TRIES then again = true
    else hold("flagged", { ballot.judge .. " could not judge this" }) end
  end
  if again and verdict ~= "rejected" then
    return { verdict = "pending", reasons = { "waiting for a judge" }, ballots = ballots,
             retry_at = moment.now() + math.floor(2 ^ row.judge_tries * 2e6) }
  end
  if opinions == 0 then
    local ballot = without_opinion(app, row)
    if not ballot then
      return { verdict = "pending", reasons = { "waiting for somebody to look" }, ballots = {},
        retry_at = moment.now() + 3600e6 }
    end
    ballots[1] = ballot
    hold(ballot.decision, ballot.reasons)
  end
  return { verdict = verdict, reasons = reasons, ballots = ballots }
end

local M = { count = count }

--- Judges whichever of the rows are pending, and writes both verdicts in one transaction: true, and whether a subject
-- changed meanwhile, so that nothing was written and the rows are to be read again.
function M.run(app, ctx_of, subjects)
  local calls = {}
  for _, subject in ipairs(subjects) do
    if subject.row.verdict == "pending" then
      local ballots = hooks.vote(app.registry.hooks.judge or {}, ctx_of, subject_of(subject.kind, subject.row))
      for _, call in ipairs(verdict_model.statements(subject,
        count(app, subject.row, ballots))) do calls[#calls + 1] = call end
      if subject.row.revision > 1 then -- else nobody has seen anything of it yet
        calls[#calls + 1] = purge[subject.kind .. "_call"](subject.kind == "asset" and subject.row.id or subject.row)
      end
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
