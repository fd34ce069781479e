--- flow/relisted: the lists have changed, so what is there already and may be meant is judged again: a job.
--
-- What has been banned is rejected whoever had decided otherwise; what is allowed, or no longer listed, is judged again
-- unless a person had decided. Where a judge cannot answer now, it stays as it is: gifd moderate rescan.
local asset_model = require "gifd.model.asset"
local facts = require "gifd.flow.facts"
local listed = require "gifd.flow.listed"
local model = require "gifd.model.listed"
local moderate = require "gifd.flow.moderate"
local near = require "gifd.flow.near"

local PAGE = 500

local M = {}

local closed = { rejected = true, quarantined = true }

--- -> whether it changed, or nil, err
local function judge(app, ctx_of, id, banned)
  local row, err = asset_model.find(id)
  if row == nil then return nil, err end
  if not row or row.purged_at then return false end
  local by_person = row.decided_by ~= nil and row.decided_by ~= "judges"
  if row.verdict == "pending" or (banned and closed[row.verdict]) or (not banned and by_person) then return false end
  local subject = { kind = "asset", row = row }
  local outcome, ask_err = moderate.preview(app, ctx_of, subject)
  if not outcome then return nil, ask_err end
  if outcome.verdict == "pending" or outcome.verdict == row.verdict then return false end
  return moderate.rejudge(app, subject, outcome)
end

--- Assets that an entry means -> ids, or nil, err
local function meant(entry)
  if entry.kind == "sha256" then
    if entry.asset then return { entry.asset } end
    local found, err = asset_model.by_digest(entry.hash)
    if found == nil then return nil, err end
    return found and { found.id } or {}
  end
  local found, err = facts.near(entry.hash, entry.distance, true)
  if not found then return nil, err end
  local ids = {}
  for i, f in ipairs(found) do ids[i] = f.asset_id end
  return ids
end

local function each(app, ctx_of, entries, added, counts, seen)
  for _, entry in ipairs(entries) do
    if not (added and entry.kind == "sha256" and not entry.asset) then
      local ids, err = meant(entry)
      if not ids then return nil, err end
      for _, id in ipairs(ids) do
        if not seen[id] then
          seen[id] = true
          local changed, judge_err = judge(app, ctx_of, id, added and entry.list == "ban")
          if changed == nil then return nil, judge_err end
          counts.looked, counts.changed = counts.looked + 1, counts.changed + (changed and 1 or 0)
        end
      end
    end
  end
  return true
end

--- job.payload = { change } or { removed = entries } -> result as JSON text, or nil, err
function M.run(app, job, ctx_of)
  local counts, after = { looked = 0, changed = 0 }, 0
  local synced, err = facts.sync()
  if not synced then return nil, err end
  for _, entry in ipairs(job.payload.removed or {}) do near.forget(listed.source, entry.id) end
  if job.payload.removed then
    local done, each_err = each(app, ctx_of, job.payload.removed, false, counts, {})
    if not done then return nil, each_err end
    return gifd.json.encode(counts)
  end
  repeat
    local rows, rows_err = model.of_change(job.payload.change, after, PAGE)
    if not rows then return nil, rows_err end
    local done, each_err = each(app, ctx_of, rows, true, counts, {})
    if not done then return nil, each_err end
    after = rows[1] and rows[#rows].id
  until #rows < PAGE
  return gifd.json.encode(counts)
end

return M
