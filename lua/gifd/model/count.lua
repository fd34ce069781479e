--- model/count: what is counted of shares and assets: in shared memory, by who asked, and each second into rows.
--
--   request --> C or M.add: tally.add(key, 1)       runner, in one transaction:
--   key = id + event + asker                          the key's rows += count - mark;  mark = count
--   reader: row + (tally.peek - marks)
--
-- A slot only ever grows until it is freed, and its mark says how much of it is in the rows already: whichever process
-- dies at whichever moment, nothing is counted twice or lost while the shared memory lives. A slot that did not
-- change between two folds is frozen (nobody can add to it), its mark removed, and then freed for others.
--
--   bits of a key   0 .. 39   shares.id; assets: 2^39 + assets.rowid_
--                  40 .. 49   asker: classes of client and of referrer, as C adds them and gives them in req.asker
--                  50 .. 52   event: 0 click of a page; 4 .. 7 view of media, and which bytes (M.kinds)
--
-- What counts (GET by anybody; not HEAD, no later range, nothing that is refused: gifd.request.from_start):
--
--   request                          event   of
--   page of a share                  click   the share
--   /a/ID... whatever the form       view    the asset; with ?s=CODE of one of its shares, that too
--   /s/CODE.EXT                      view    the asset and the share
--   POST /api/v1/plays               play    the asset and the share: straight into hit_rows
--
-- `clicks` and `views` of a row are those by class 0 of client. All other classes are programs
-- (flow/evidence): they stand in the tables by client, and are no clicks and no views.
local kinds = require "gifd.model.event_kinds"
local moment = require "gifd.moment"

local CLIENT, REFERRER, EVENT, CLASSES = 2 ^ 40, 2 ^ 45, 2 ^ 50, 32
local ASSETS, VIEW = 2 ^ 39, 4 * EVENT
local TOLD = VIEW + (CLASSES - 1) * CLIENT -- click or view, and by which client

local M = {}

--- Which bytes a view was of, by event; all renditions to come are "other".
M.kinds = { [4] = "original", [5] = "mp4", [6] = "poster", [7] = "other" }

local events = {}
for event, kind in pairs(M.kinds) do events[kind] = event * EVENT end

--- Keys of a view: kind is "original" or a rendition's name, with or without its extension; share: the one it was
-- reached by, if that is known
function M.views(asset, kind, share)
  local event = events[kind:match("^[^.]*")] or events.other
  return { ASSETS + asset.rowid_ + event, share and share.id + event or nil }
end

--- Keys of a visit of a share's page
function M.clicks(share) return { share.id } end

-- (Without the plus SQLite would compare as INTEGER, and not use the index of the expression: all marks would be read.)
local function column(id, event, name)
  return ("(SELECT COALESCE(SUM(mark), 0) FROM tally_marks WHERE key & 1099511627775 = +(%s) AND key & %d = %d) AS %s")
    :format(id, TOLD, event, name)
end

--- For a SELECT over shares s, or assets a: how much of what the shared memory shows is in the row already.
M.share_columns = column("s.id", 0, "clicks_marked") .. ", " .. column("s.id", VIEW, "views_marked")
M.asset_columns = column(("%d + a.rowid_"):format(ASSETS), VIEW, "views_marked")

local function unwritten(key, marked) return math.max(0, gifd.tally.peek(key, TOLD) - marked) end

--- Brings a row that was read with these columns up to the moment. The shared memory is read after the row, so it is
-- never behind the mark, except after a restart, when marks of the old memory are about to be removed.
function M.complete_share(row)
  row.clicks_unwritten = unwritten(row.id, row.clicks_marked)
  row.views_unwritten = unwritten(row.id + VIEW, row.views_marked)
  row.clicks, row.views = row.clicks + row.clicks_unwritten, row.views + row.views_unwritten
end

function M.complete_asset(row)
  row.views_unwritten = unwritten(ASSETS + row.rowid_ + VIEW, row.views_marked)
  row.views = row.views + row.views_unwritten
end

--- What of a completed row is not among hit_rows yet, as rows of kind and n: nobody in particular's.
function M.unwritten(row)
  local out = {}
  for type, name in pairs { [1] = "views_unwritten", [3] = "clicks_unwritten" } do
    if (row[name] or 0) > 0 then out[#out + 1] = { kind = kinds.kind(type, 1, 0), n = row[name] } end
  end
  return out
end

-- A few statements over one JSON array, whatever its length: thousands of things may be asked for in a second.
-- (GROUP BY makes SQLite read the array once and look up each row, instead of reading it once for each row.)
local rows_sql = {
  shares = {
    [[UPDATE shares SET clicks = shares.clicks + j.clicks, views = shares.views + j.views, updated_at = ?2 FROM
        (SELECT value ->> 'id' AS id, sum(value ->> 'clicks') AS clicks, sum(value ->> 'views') AS views
         FROM json_each(?1) WHERE value ->> 'told' = 1 GROUP BY 1) j
      WHERE shares.id = j.id]],
    [[INSERT INTO hits (share_id, client, referrer, clicks, views)
      SELECT s.id, value ->> 'client', value ->> 'referrer', sum(value ->> 'clicks'), sum(value ->> 'views')
        FROM json_each(?1) JOIN shares s ON s.id = value ->> 'id' WHERE true GROUP BY 1, 2, 3
      ON CONFLICT (share_id, client, referrer)
        DO UPDATE SET clicks = hits.clicks + excluded.clicks, views = hits.views + excluded.views]],
    [[INSERT INTO hit_rows (at, subject, part, kind, n)
      SELECT ?2, iif(value ->> 'views' = 0, a.rowid_, 0), s.id, value ->> 'hit',
          sum(value ->> 'clicks' + value ->> 'views')
        FROM json_each(?1) JOIN shares s ON s.id = value ->> 'id' JOIN assets a ON a.id = s.asset_id
        GROUP BY 2, 3, 4]],
  },
  assets = {
    [[UPDATE assets SET views = assets.views + j.views FROM
        (SELECT value ->> 'id' AS id, sum(value ->> 'views') AS views FROM json_each(?1)
         WHERE value ->> 'told' = 1 GROUP BY 1) j
      WHERE assets.rowid_ = j.id]],
    [[INSERT INTO asset_hits (asset, kind, client, referrer, views)
      SELECT a.rowid_, value ->> 'kind', value ->> 'client', value ->> 'referrer', sum(value ->> 'views')
        FROM json_each(?1) JOIN assets a ON a.rowid_ = value ->> 'id' WHERE true GROUP BY 1, 2, 3, 4
      ON CONFLICT (asset, kind, client, referrer) DO UPDATE SET views = asset_hits.views + excluded.views]],
    [[INSERT INTO hit_rows (at, subject, part, kind, n)
      SELECT ?2, a.rowid_, 0, value ->> 'hit', sum(value ->> 'views')
        FROM json_each(?1) JOIN assets a ON a.rowid_ = value ->> 'id' GROUP BY 2, 4]],
  },
}

--- Statements for a batch that write counts into rows. counts: array of { key, n };
-- names = { clients, referrers }: arrays by class
function M.statements(counts, names)
  local found, calls = { shares = {}, assets = {} }, {}
  for _, c in ipairs(counts) do
    local id, client = c.key % ASSETS, math.floor(c.key / CLIENT) % CLASSES
    local referrer, kind = math.floor(c.key / REFERRER) % CLASSES, M.kinds[math.floor(c.key / EVENT)]
    local list = c.key % CLIENT >= ASSETS and found.assets or found.shares
    local hit = kinds.hit(kinds.type_numbers[kind and "view" or "click"], client, referrer, names)
    list[#list + 1] = { id = id, kind = kind, hit = hit, told = client == 0 and 1 or 0,
      client = names.clients[client] or "",
      referrer = names.referrers[referrer] or "", clicks = kind and 0 or c.n, views = kind and c.n or 0 }
  end
  for name, list in pairs(found) do
    local json = #list > 0 and gifd.json.encode(list)
    for _, sql in ipairs(json and rows_sql[name] or {}) do
      calls[#calls + 1] = sql:find("?2", 1, true) and { sql, json, moment.now() } or { sql, json }
    end
  end
  return calls
end

--- Counts these keys for a request, but for those that C has counted already; straight into the rows where the shared
-- memory has no room.
function M.add(req, keys, names)
  local left = {}
  for i = (req.counted or 0) + 1, #keys do
    local key = keys[i] + (req.asker or 0)
    local done, err = gifd.tally.add(key, 1)
    if not done and err.code ~= "busy" and err.code ~= "closed" then return nil, err end
    if not done then left[#left + 1] = { key = key, n = 1 } end
  end
  return #left == 0 or gifd.db.batch(M.statements(left, names))
end

--- Counts that a page showed and played its share, durably. kind: model/event_kinds
function M.play(asset, share, kind)
  return gifd.db.run("INSERT INTO hit_rows (at, subject, part, kind, n) VALUES (?1, ?2, ?3, ?4, 1)", moment.now(),
    asset.rowid_, share.id, kind)
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

local marks_sql = {
  old = [[
    UPDATE tally_marks SET mark = j.count FROM
      (SELECT value ->> 'slot' AS slot, value ->> 'mark' AS mark, max(value ->> 'count') AS count FROM json_each(?2)
       GROUP BY 1, 2) j
    WHERE tally_marks.epoch = ?1 AND tally_marks.slot = j.slot AND tally_marks.mark = j.mark]],
  new = [[
    INSERT INTO tally_marks (epoch, slot, key, mark)
    SELECT ?1, value ->> 'slot', value ->> 'key', value ->> 'count' FROM json_each(?2)]],
}

--- Writes a set of slots in one transaction; each is { slot, key, count, mark }. The guard on the mark refuses a second
-- writer.
function M.fold(epoch, slots, names)
  local old, new, counts = {}, {}, {}
  for i, s in ipairs(slots) do
    local list = s.mark > 0 and old or new
    list[#list + 1] = s
    counts[i] = { key = s.key, n = s.count - s.mark }
  end
  local calls = M.statements(counts, names)
  if #old > 0 then calls[#calls + 1] = { marks_sql.old, epoch, gifd.json.encode(old), expect = #old } end
  if #new > 0 then calls[#calls + 1] = { marks_sql.new, epoch, gifd.json.encode(new), expect = #new } end
  return gifd.db.batch(calls)
end

--- slots: array of numbers
function M.unmark(epoch, slots)
  return gifd.db.run("DELETE FROM tally_marks WHERE epoch = ?1 AND slot IN (SELECT value FROM json_each(?2))", epoch,
    gifd.json.encode(slots))
end

return M
