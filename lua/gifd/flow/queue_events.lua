--- flow/queue_events: what comes into the queue of reviewers, changes there or leaves it, for whoever listens
-- (GET /api/v1/moderation/queue/events). Each message says how the thing stands now, so that any may be lost.
local moment = require "gifd.moment"

local M = { topic = "moderation" }

--- more: further members
function M.message(event, more) return { event = event, data = gifd.json.encode(more) } end

--- After the change was committed. subject = { kind, row } as it was before; decision: what it is now
function M.tell(subject, decision, category, more)
  local row, share = subject.row, subject.kind == "share"
  local data = { kind = subject.kind, id = share and row.code or row.id, asset_id = share and row.asset_id or row.id,
    was = row.verdict, decision = decision, category = category or "unknown", at = moment.text(moment.now()) }
  for name, value in pairs(more or {}) do data[name] = value end
  gifd.bus.publish(M.topic, M.message("decision", data))
end

--- Somebody is at it, or no longer. item: as the queue shows it
function M.claimed(item) gifd.bus.publish(M.topic, M.message("claim", item)) end

--- An owner has something to say, or was answered.
function M.appealed(appeal) gifd.bus.publish(M.topic, M.message("appeal", appeal)) end

return M
