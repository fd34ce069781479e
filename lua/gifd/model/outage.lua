--- model/outage: judges that fail for now, whatever process noticed it. A judge that answers has no row.
local moment = require "gifd.moment"

local M = {}

--- So many different things in a row that a judge could not look at are an outage.
M.things = 5

--- -> { [judge] = { judge, open, since, probe_at } } or nil, err
function M.all()
  local rows, err = gifd.db.rows("SELECT judge, open, since, probe_at FROM judge_outages LIMIT 200")
  if not rows then return nil, err end
  local out = {}
  for _, found in ipairs(rows) do
    found.open = found.open == 1
    out[found.judge] = found
  end
  return out
end

--- One more thing that it failed at -> true when that makes it an outage, which nobody else has said yet.
function M.failed(judge, thing, probe)
  local now = moment.now()
  local done, err = gifd.db.batch {
    { [[INSERT INTO judge_outages (judge, things, since) VALUES (?1, json_array(?2), ?3)
        ON CONFLICT (judge) DO UPDATE SET things = json_insert(things, '$[#]', ?2)
        WHERE json_array_length(things) < ?4 AND NOT EXISTS (SELECT 1 FROM json_each(things) WHERE value = ?2)]],
      judge, thing, now, M.things },
    { [[UPDATE judge_outages SET open = 1, probe_at = ?2 WHERE judge = ?1 AND open = 0
        AND json_array_length(things) >= ?3]], judge, now + math.floor(probe * 1e6), M.things } }
  if not done then return nil, err end
  return done[2].changes == 1
end

--- Is it for us to try it now? One thing at a time is.
function M.probe(judge, seconds)
  local now = moment.now()
  local done, err = gifd.db.run([[
    UPDATE judge_outages SET probe_at = ?3 WHERE judge = ?1 AND open = 1 AND probe_at <= ?2]], judge, now,
    now + math.floor(seconds * 1e6))
  if not done then return nil, err end
  return done.changes == 1
end

--- It answers. What waits is looked at now, with a deadline of its own -> true for whoever was first to say so.
function M.back(outage)
  local now = moment.now()
  local calls = { { "DELETE FROM judge_outages WHERE judge = ?1", outage.judge } }
  if outage.open then
    for i, name in ipairs { "assets", "shares" } do
      calls[i + 1] = { ([[UPDATE %s SET judge_after = ?1, judge_tries = 0, judge_until = 0
        WHERE verdict = 'pending' AND judge_until <> 0]]):format(name), now }
    end
  end
  local done, err = gifd.db.batch(calls)
  if not done then return nil, err end
  return outage.open and done[1].changes == 1
end

return M
