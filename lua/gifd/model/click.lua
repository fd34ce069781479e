--- model/click: visits of a share, counted in shared memory by who asked, and written into rows every second.
--
--   worker: tally.add(key, 1)               runner, in one transaction:
--   key = share id + asker                    shares.clicks += count - mark, hits likewise;  mark = count
--   reader: row + (tally.peek - marks)
--
-- A slot only ever grows until it is freed, and its mark says how much of it is in the rows already: whichever process
-- dies at whichever moment, nothing is counted twice or lost while the shared memory lives. A slot that did not
-- change between two folds is frozen (nobody can add to it), its mark removed, and then freed for other shares.
--
-- asker: the classes of client and of referrer above the id (core/script/visit.h), as C gives them in req.asker.
local moment = require "gifd.moment"

local CLIENT, REFERRER, CLASSES = 2 ^ 40, 2 ^ 45, 32

local M = {}

--- For a SELECT over shares s: how much of what the shared memory shows is in s.clicks already. (Without the plus
-- SQLite would compare as INTEGER, and not use the index of the expression: all marks would be read for every share.)
M.column = "(SELECT COALESCE(SUM(mark), 0) FROM tally_marks WHERE key & 1099511627775 = +s.id) AS marked"

--- Clicks of a row that was read with M.column. The shared memory is read after the row, so it is never behind the
-- mark, except after a restart, when marks of the old memory are about to be removed.
function M.shown(row)
  return row.clicks + math.max(0, (gifd.tally.peek(row.id) or 0) - row.marked)
end

--- key -> share id, class of client, class of referrer
function M.parts(key)
  return key % CLIENT, math.floor(key / CLIENT) % CLASSES, math.floor(key / REFERRER) % CLASSES
end

local hit_sql = [[
  INSERT INTO hits (share_id, client, referrer, clicks) SELECT id, ?2, ?3, ?4 FROM shares WHERE id = ?1
  ON CONFLICT (share_id, client, referrer) DO UPDATE SET clicks = clicks + excluded.clicks]]

--- Adds to the statements of a batch. names = { clients, referrers }: arrays by class
function M.add_calls(calls, names, key, count, now)
  local id, client, referrer = M.parts(key)
  calls[#calls + 1] = { "UPDATE shares SET clicks = clicks + ?2, updated_at = ?3 WHERE id = ?1", id, count, now }
  calls[#calls + 1] = { hit_sql, id, names.clients[client] or "", names.referrers[referrer] or "", count }
end

--- Adds one visit; straight into the row when the shared memory has no room.
function M.add(share_id, asker)
  local done, err = gifd.tally.add(share_id + (asker or 0), 1)
  if done then return true end
  if err and err.code ~= "busy" and err.code ~= "closed" then return nil, err end
  return gifd.db.run("UPDATE shares SET clicks = clicks + 1 WHERE id = ?1", share_id)
end

--- Marks of shared memory that is gone say nothing any more: what they stood for is in the rows.
function M.forget_other_epochs(epoch) return gifd.db.run("DELETE FROM tally_marks WHERE epoch <> ?1", epoch) end

--- slot -> mark of this epoch
function M.marks(epoch)
  local rows, err = gifd.db.rows("SELECT slot, key, mark FROM tally_marks WHERE epoch = ?1", epoch)
  if not rows then return nil, err end
  local out = {}
  for _, r in ipairs(rows) do out[r.slot] = r end
  return out
end

-- A fold is a few statements over one JSON array, whatever its length: thousands of shares may be visited in a second.
-- (GROUP BY makes SQLite read the array once and look up each row, instead of reading it once for each row.)
local fold_sql = {
  old = [[
    UPDATE tally_marks SET mark = j.count FROM
      (SELECT value ->> 'slot' AS slot, value ->> 'mark' AS mark, max(value ->> 'count') AS count FROM json_each(?2)
       GROUP BY 1, 2) j
    WHERE tally_marks.epoch = ?1 AND tally_marks.slot = j.slot AND tally_marks.mark = j.mark]],
  new = [[
    INSERT INTO tally_marks (epoch, slot, key, mark)
    SELECT ?1, value ->> 'slot', value ->> 'key', value ->> 'count' FROM json_each(?2)]],
  shares = [[
    UPDATE shares SET clicks = clicks + j.n, updated_at = ?2 FROM
      (SELECT value ->> 'id' AS id, sum(value ->> 'n') AS n FROM json_each(?1) GROUP BY 1) j
    WHERE shares.id = j.id]],
  hits = [[
    INSERT INTO hits (share_id, client, referrer, clicks)
    SELECT s.id, value ->> 'client', value ->> 'referrer', sum(value ->> 'n') FROM json_each(?1)
      JOIN shares s ON s.id = value ->> 'id' WHERE true GROUP BY 1, 2, 3
    ON CONFLICT (share_id, client, referrer) DO UPDATE SET clicks = clicks + excluded.clicks]],
}

--- Writes a set of slots in one transaction; each is { slot, key, count, mark }. The guard on the mark refuses a second
-- writer.
function M.fold(epoch, slots, names)
  local old, new, visits = {}, {}, {}
  for i, s in ipairs(slots) do
    local list = s.mark > 0 and old or new
    list[#list + 1] = { slot = s.slot, key = s.key, count = s.count, mark = s.mark }
    local id, client, referrer = M.parts(s.key)
    visits[i] = { id = id, client = names.clients[client] or "", referrer = names.referrers[referrer] or "",
      n = s.count - s.mark }
  end
  local json = gifd.json.encode(visits)
  local calls = { { fold_sql.shares, json, moment.now() }, { fold_sql.hits, json } }
  if #old > 0 then calls[#calls + 1] = { fold_sql.old, epoch, gifd.json.encode(old), expect = #old } end
  if #new > 0 then calls[#calls + 1] = { fold_sql.new, epoch, gifd.json.encode(new), expect = #new } end
  return gifd.db.batch(calls)
end

function M.unmark(epoch, slot) return gifd.db.run("DELETE FROM tally_marks WHERE epoch = ?1 AND slot = ?2", epoch,
  slot) end

return M
