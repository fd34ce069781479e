--- model/count: what is counted of shares and assets: in shared memory, by who asked, and each second into rows.
--
--   request --> C or M.add: tally.add(key, 1)       runner, in one transaction:
--   key = id + asker + event                          rows of count - mark;  mark = count
--   reader: sums of the rows (flow/metrics) + (tally.peek - marks)
--
-- A slot only ever grows until it is freed, and its mark says how much of it is in the rows already: whichever process
-- dies at whichever moment, nothing is counted twice or lost while the shared memory lives. A slot that did not
-- change between two folds is frozen (nobody can add to it), its mark removed, and then freed for others.
--
--   bits of a key   0 .. 39   shares.id; assets: 2^39 + assets.rowid_
--                  40 .. 50   asker: a number that C gives, in req.asker too (flow/askers says who that is)
--                  51 .. 52   event: 0 click of a page, 1 view of media, 2 a page by HEAD
--
-- What counts (GET by anybody; no later range, nothing that is refused: gifd.request.from_start):
--
--   request                          event   of
--   page of a share; by HEAD         click   the share; by HEAD it is preview in any case
--   /a/ID... whatever the form       view    the asset; with ?s=CODE of one of its shares, or a Referer that is its
--                                            page, that share too
--   /s/CODE.EXT                      view    the asset and the share
--   POST /api/v1/plays               play    the asset and the share: straight into hit_rows
--
-- The rows are events like those that are told (core/store/trail.h): `clicks` and `views` of a share or an asset are
-- what they add up to, and stand nowhere else.
local kinds = require "gifd.model.event_kinds"
local moment = require "gifd.moment"

local ASKER, ASKERS, EVENT = 2 ^ 40, 2 ^ 11, 2 ^ 51
local ASSETS = 2 ^ 39
local VIEW, HEAD = EVENT, 2 * EVENT
local ASKERS_KEPT = 2 ^ 17 -- texts of askers beside the rows; further rows have none

local M = {}

local CLICK_TYPE, VIEW_TYPE = kinds.type_numbers.click, kinds.type_numbers.view

--- Keys of a view; share: the one it was reached by, if that is known
function M.views(asset, share) return { ASSETS + asset.rowid_ + VIEW, share and share.id + VIEW or nil } end

--- Keys of a visit of a share's page; of a look at it by HEAD
function M.clicks(share) return { share.id } end
function M.click_by(share, asker) return share.id + (asker or 0) * ASKER end
function M.heads(share) return { share.id + HEAD } end

--- Ids, as they stand in keys, of rows
function M.asset_id(asset) return ASSETS + asset.rowid_ end
function M.share_id(share) return share.id end

--- A key and who asked (flow/askers) -> id, kind, what is known of the asker
local function split(key, askers)
  local event, who = math.floor(key / EVENT), askers.of(math.floor(key / ASKER) % ASKERS)
  if event == 1 then return key % ASKER, VIEW_TYPE + who.bits, who end
  return key % ASKER, CLICK_TYPE + (event == 2 and who.head or who.bits), who
end

local event_names = { [0] = "page", "view", "head" }

--- A key -> share's id (nil: it is an asset's), event ("page", "view", "head"), what is known of the asker
function M.read(key, askers)
  local id = key % ASKER
  return id < ASSETS and id or nil, event_names[math.floor(key / EVENT)],
    askers.of(math.floor(key / ASKER) % ASKERS)
end

-- (Without the plus SQLite would compare as INTEGER, and not use the index of the expression: all marks would be read.)
local marks_of = [[
  SELECT m.key, sum(m.mark) AS mark FROM json_each(?1) j JOIN tally_marks m ON m.key & 1099511627775 = +j.value
  GROUP BY m.key]]

--- What the shared memory holds of these ids that is in no row yet: { [id] = array of { kind, n, page } }.
-- The memory is read after the marks, so it is never behind one, except after a restart, when marks of the old memory
-- are about to be removed.
local function unwritten(ids, askers)
  local rows, err = gifd.db.rows(marks_of, gifd.json.encode(gifd.json.array(ids)))
  if not rows then return nil, err end
  local marks, out = {}, {}
  for _, row in ipairs(rows) do marks[row.key] = row.mark end
  for _, id in ipairs(ids) do
    local counts, list = {}, {}
    for _, slot in ipairs(gifd.tally.peek(id)) do counts[slot.key] = (counts[slot.key] or 0) + slot.count end
    for key, n in pairs(counts) do
      n = n - (marks[key] or 0)
      if n > 0 then
        local _, kind, who = split(key, askers)
        list[#list + 1] = { kind = kind, n = n, page = who.page }
      end
    end
    out[id] = list
  end
  return out
end

-- Clicks of an asset are counted under its shares, and views from the page of a share under its asset.
local RELATED = 1000 -- shares of a question's assets; what was clicked of others is known when it is written
local related = ([[
  SELECT a.rowid_ + %.0f AS asset, s.id AS share, s.code FROM json_each(?1) j
  JOIN assets a ON a.rowid_ = j.value - %.0f JOIN shares s ON s.asset_id = a.id
  UNION SELECT a.rowid_ + %.0f, s.id, s.code FROM json_each(?1) j JOIN shares s ON s.id = j.value
  JOIN assets a ON a.id = s.asset_id LIMIT %d]]):format(ASSETS, ASSETS, ASSETS, RELATED)

--- What of these, shares or assets, is in no row yet: { [id] = array of { kind, n } }, or nil, err
function M.unwritten(ids, askers)
  local pairs_of, err = gifd.db.rows(related, gifd.json.encode(gifd.json.array(ids)))
  if not pairs_of then return nil, err end
  local all, seen = {}, {}
  local function want(id)
    if not seen[id] then all[#all + 1], seen[id] = id, true end
  end
  for _, id in ipairs(ids) do want(id) end
  local asked = #all
  for _, p in ipairs(pairs_of) do
    want(p.asset)
    want(p.share)
  end
  local found, found_err = unwritten(all, askers)
  if not found then return nil, found_err end
  local out = {}
  for i = 1, asked do out[all[i]] = { unpack(found[all[i]]) } end
  local function lend(from, to, fits)
    for _, one in ipairs(out[to] and found[from] or {}) do
      if fits(one) then table.insert(out[to], one) end
    end
  end
  for _, p in ipairs(pairs_of) do
    lend(p.share, p.asset, function(one) return one.kind % kinds.PLATFORM == CLICK_TYPE end)
    lend(p.asset, p.share, function(one) return one.page == p.code end)
  end
  return out
end

--- The last row that was written: whoever reads both memory and rows looks whether it is still the same afterwards.
function M.last()
  local row, err = gifd.db.row("SELECT coalesce(max(id), 0) AS id FROM hit_rows")
  if not row then return nil, err end
  return row.id
end

-- A few statements over one JSON array, whatever its length: thousands of things may be asked for in a second.
-- (GROUP BY makes SQLite read the array once and look up each row, instead of reading it once for each row.)
local askers_sql = ([[
  INSERT INTO askers (text, seen) SELECT DISTINCT value ->> 'text', ?2 FROM json_each(?1)
    WHERE value ->> 'text' IS NOT NULL AND (SELECT count(*) FROM askers) < %d
      AND (SELECT coalesce(max(id), 0) FROM askers) < %d
  ON CONFLICT (text) DO UPDATE SET seen = excluded.seen WHERE excluded.seen - seen > 86400000000]])
  :format(ASKERS_KEPT, 2 ^ 53 / kinds.PAIR - 2 ^ 12)
local insert = [[
  INSERT INTO hit_rows (at, subject, part, kind, n)
  SELECT ?2, %s, %s, (value ->> 'kind') + coalesce(k.id << 32, 0), sum(value ->> 'n')
    FROM json_each(?1) %s LEFT JOIN askers k ON k.text = value ->> 'text' GROUP BY 2, 3, 4]]
local share_join = "JOIN shares s ON s.id = value ->> 'id' JOIN assets a ON a.id = s.asset_id"
local rows_sql = {
  pages = insert:format("a.rowid_", "s.id", share_join),
  share_views = insert:format("0", "s.id", share_join), -- the asset's is counted by itself
  views = insert:format("a.rowid_", "0", "JOIN assets a ON a.rowid_ = value ->> 'id'"),
  page_views = insert:format("0", "s.id",
    "JOIN shares s ON s.code = value ->> 'page' JOIN assets a ON a.id = s.asset_id AND a.rowid_ = value ->> 'id'"),
}
local order = { "pages", "share_views", "views", "page_views" }

--- Statements for a batch that write counts into rows. counts: array of { key, n }; askers: flow/askers
function M.statements(counts, askers)
  local found, all, calls = { pages = {}, share_views = {}, views = {}, page_views = {} }, {}, {}
  local function put(name, one)
    local list = found[name]
    list[#list + 1], all[#all + 1] = one, one.text and { text = one.text } or nil
  end
  for _, c in ipairs(counts) do
    local id, kind, who = split(c.key, askers)
    local of_asset, view = id >= ASSETS, kind % kinds.PLATFORM == VIEW_TYPE
    local one = { id = id % ASSETS, kind = kind, text = who.text, page = who.page, n = c.n }
    put(of_asset and "views" or view and "share_views" or "pages", one)
    if of_asset and who.page then put("page_views", one) end
  end
  if all[1] then calls[1] = { askers_sql, gifd.json.encode(all), moment.now() } end
  for _, name in ipairs(order) do
    if found[name][1] then calls[#calls + 1] = { rows_sql[name], gifd.json.encode(found[name]), moment.now() } end
  end
  return calls
end

--- Counts these keys for a request, but for those that C has counted already; straight into the rows where the shared
-- memory has no room.
function M.add(req, keys, askers)
  local left = {}
  for i = (req.counted or 0) + 1, #keys do
    local key = keys[i] + (req.asker or 0) * ASKER
    local done, err = gifd.tally.add(key, 1)
    if not done and err.code ~= "busy" and err.code ~= "closed" then return nil, err end
    if not done then left[#left + 1] = { key = key, n = 1 } end
  end
  return #left == 0 or gifd.db.batch(M.statements(left, askers))
end

--- Counts that a page showed and played its share, durably. kind: model/event_kinds; text: who told (flow/askers)
function M.play(asset, share, kind, text)
  local one = gifd.json.encode { { id = share.id, kind = kind, text = text, n = 1 } }
  return asset.id == share.asset_id and gifd.db.batch { { askers_sql, one, moment.now() },
    { rows_sql.pages, one, moment.now() } }
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
function M.fold(epoch, slots, askers)
  local old, new, counts = {}, {}, {}
  for i, s in ipairs(slots) do
    local list = s.mark > 0 and old or new
    list[#list + 1] = s
    counts[i] = { key = s.key, n = s.count - s.mark }
  end
  local calls = M.statements(counts, askers)
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
