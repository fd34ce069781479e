--- flow/appeal: whoever was refused may say why that is wrong, once for each share; a person decides.
--
--   page of a refusal (410, 451) --signed link, LINK--> words --> queue of reviewers --> upheld: it stays refused
--                                                                                    '--> overturned: approved
--
-- Any decision of a person about the thing meanwhile closes its appeals (sql/0016_review).
local audit = require "gifd.flow.audit"
local decide = require "gifd.flow.decide"
local model = require "gifd.model.appeal"
local queue_events = require "gifd.flow.queue_events"
local review = require "gifd.flow.review"
local share_flow = require "gifd.flow.share"
local signing = require "gifd.flow.signing"

local LINK = 30 * 86400

local M = {}

local function conflict(message) return nil, gifd.err("conflict", { message = message }) end

--- What of a share was refused -> { kind, row }, or nil when nothing that could be approved again was
function M.refused(share, asset)
  local status, row = share_flow.closed(share, asset)
  if not status or status == 404 or asset.purged_at then return nil end
  return { kind = row == asset and "asset" or "share", row = row }
end

--- The path of the page where one appeals, for whoever has it; or nil, err
function M.link(code)
  return signing.url("/appeals/" .. code, { expires = math.floor(gifd.time.now()) + LINK })
end

--- by: an identity, or nil of somebody with the link -> true, or nil, err: conflict when there was one, or nothing is
-- refused.
function M.create(app, share, asset, text, by)
  local subject = M.refused(share, asset)
  if not subject then return conflict "nothing of it was refused" end
  local calls = { model.statement(share, subject, text) }
  audit.add(app, calls, { action = "appeal.create", actor = not by and "anybody" or nil, by = by or nil,
    kind = "share", subject = share.code, asset = share.asset_id, account_id = share.account_id,
    detail = { about = subject.kind, scan_id = subject.row.scan_id } })
  local done, err = gifd.db.batch(calls)
  if not done then
    if err.code == "conflict" then return conflict "there was an appeal already" end
    return nil, err
  end
  local p = model.of_share(share.id)
  if p then queue_events.appealed(review.appeal(p)) end
  return true
end

local function entry(app, calls, p, action, by, notes)
  audit.add(app, calls, { action = "appeal." .. action, by = by, kind = "share", subject = p.code, asset = p.asset_id,
    account_id = p.account_id, detail = { appeal = p.id, about = p.kind, noted = notes ~= nil or nil } })
end

--- decision: "upheld" (it stays refused) or "overturned" (it is approved) -> the appeal, or nil, err
function M.close(app, p, decision, by, notes)
  if p.state ~= "open" then return conflict("the appeal is over: " .. p.state) end
  local calls = {}
  if decision == "upheld" then
    calls[1] = model.uphold_statement(p.id, type(by) == "table" and audit.actor(by) or "system")
    entry(app, calls, p, "uphold", by, notes)
    local done, err = gifd.db.batch(calls)
    if not done then return err.code == "conflict" and conflict "the appeal is over" or nil, err end
  else
    local subject, err = decide.find(p.kind, p.kind == "asset" and p.subject or p.code)
    if not subject then return nil, err or gifd.err("not_found", { message = "it is gone" }) end
    entry(app, calls, p, "overturn", by, notes)
    local done, run_err = decide.run(app, subject, { decision = "approved", by = by or "system", notes = notes,
      based_on = subject.row.scan_id }, calls)
    if not done then return nil, run_err end
  end
  local now, find_err = model.find(p.id)
  if not now then return nil, find_err or gifd.err("not_found", { message = "it is gone" }) end
  queue_events.appealed(review.appeal(now))
  return now
end

return M
