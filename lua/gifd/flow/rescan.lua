--- flow/rescan: judges look again at what they had decided, since rules have changed.
--
--   job rescan: a page of things --moderate.preview--> what changes --one batch--> rows of `rescans`, how far it came
--   and, unless it is a dry run: for each change one batch of its own, guarded by the decision that stood
--
-- What a person has decided is left alone, and so is what a judge cannot answer now. A kill goes on at the last page.
local asset_model = require "gifd.model.asset"
local model = require "gifd.model.rescan"
local moderate = require "gifd.flow.moderate"
local share_model = require "gifd.model.share"

local M = {}

local kinds = { "asset", "share" }

local function read(kind, id)
  local row, err
  if kind == "asset" then row, err = asset_model.find(id) else row, err = share_model.by_id(id) end
  return row, err
end

local function still_theirs(row)
  return row.verdict ~= "pending" and (row.decided_by == nil or row.decided_by == "judges")
end

--- One thing -> its change, false when there is none, or nil, err
local function look(app, ctx_of, kind, id, wanted, counts)
  local row, err = read(kind, id)
  if row == nil then return nil, err end
  if not row or not still_theirs(row) then return false end
  local subject = { kind = kind, row = row }
  local outcome, ask_err = moderate.preview(app, ctx_of, subject, wanted.judge)
  if not outcome then return nil, ask_err end
  counts.looked = counts.looked + 1
  if outcome.verdict == "pending" then
    counts.unsure = counts.unsure + 1
    return false
  end
  if outcome.verdict == row.verdict then return false end
  if not wanted.dry_run then
    local done, write_err = moderate.rejudge(app, subject, outcome)
    if done == nil then return nil, write_err end
    if not done then return false end -- somebody has decided or changed it meanwhile
  end
  counts.changed = counts.changed + 1
  return { kind = kind, subject = kind == "asset" and row.id or row.code, was = row.verdict,
    decision = outcome.verdict, category = outcome.category, reasons = outcome.reasons }
end

--- A job of the queue; job.payload = { dry_run, since (microseconds), judge?, progress? } -> result as JSON text, or
-- nil, err
function M.run(app, job, ctx_of)
  local wanted = job.payload
  local p = wanted.progress or { kind = 1, place = 0, looked = 0, changed = 0, unsure = 0 }
  while kinds[p.kind] do
    local kind, calls = kinds[p.kind], {}
    local ids, place = model.page(kind, p.place, wanted.since or 0)
    if not ids then return nil, place end
    for _, id in ipairs(ids) do
      local change, err = look(app, ctx_of, kind, id, wanted, p)
      if change == nil then return nil, err end
      if change then calls[#calls + 1] = model.statement(job, change) end
    end
    p.kind, p.place = place and p.kind or p.kind + 1, place or 0
    calls[#calls + 1] = model.place_statement(job, p)
    local done, err = gifd.db.batch(calls)
    if not done then return nil, err end
  end
  return gifd.json.encode { looked = p.looked, changed = p.changed, unsure = p.unsure,
    dry_run = wanted.dry_run or false }
end

return M
