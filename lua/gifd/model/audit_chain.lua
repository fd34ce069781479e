--- model/audit_chain: proof that no row of the audit log was changed, removed, moved or put between.
--
--   digest = seal of what the row says   mac = seal of id, time, class, digest and the mac of the row before
--
-- Ids have no gaps. When what a row says has gone in its time, its digest still holds the chain together. The head, a
-- file beside the database, names a row that must be there. core/store/chain_int.h has the key.
local audit = require "gifd.model.audit"
local moment = require "gifd.moment"

local PAGE = 5000

local M = {}

--- The end of the chain: { id, mac, at }, false when there are no rows; or nil, err
function M.anchor()
  return gifd.db.row("SELECT id, lower(hex(mac)) AS mac, at FROM audit ORDER BY id DESC LIMIT 1")
end

--- Does this row (id, mac in hex) lie on the chain? -> true or false, or nil, err
function M.has(id, mac)
  local found, err = gifd.db.row("SELECT lower(hex(mac)) AS mac FROM audit WHERE id = ?1", id)
  if found == nil then return nil, err end
  return found and found.mac == mac or false
end

--- The file beside the database: { id, mac }, or false and why it is none; or nil, err
local function head()
  local found, err = gifd.db.row("SELECT chain_head('audit') AS head")
  if not found then return nil, err end
  if not found.head then return false, "audit.head is missing: the end of the log may have been cut off" end
  local id, mac = found.head:match("^(%d+) (%x*)$")
  if not id then return false, "audit.head was not written by this server" end
  return { id = tonumber(id), mac = mac }
end

--- Of rows from ?1 on, each beside the one before it; the first of a page that is not the first was looked at before.
local checked = ([[
  WITH page AS (SELECT *, lag(id) OVER w AS id_before, lag(mac) OVER w AS mac_before FROM audit
    WHERE id BETWEEN ?1 AND ?2 WINDOW w AS (ORDER BY id))
  SELECT id, fault FROM (SELECT id, CASE
    WHEN id <> coalesce(id_before + 1, ?1) THEN 'missing'
    WHEN id_before IS NULL AND ?1 > 1 THEN NULL
    WHEN mac IS NOT seal('audit', id, at, class, expires_at, digest, mac_before) THEN 'altered'
    WHEN action IS NULL AND actor IS NULL AND subject IS NULL AND detail IS NULL THEN
      CASE WHEN expires_at IS NULL OR expires_at > ?3 THEN 'emptied' END
    WHEN digest IS NOT %s THEN 'altered' END AS fault, coalesce(id_before + 1, ?1) AS expected FROM page)
  WHERE fault IS NOT NULL ORDER BY id LIMIT 1]]):format(audit.digest_of)

local texts = { missing = "row %d is missing", emptied = "row %d says nothing before its time is over",
  altered = "row %d is not what was written, or not where it was written" }

local function fault(kind, id, text)
  return { row = id, fault = kind, text = text or texts[kind]:format(id) }
end

--- The first row after `start` (which is right, or 1) up to `stop` that is wrong -> fault, false, or nil, err
local function look(start, stop)
  local found, err = gifd.db.row(checked, start, stop, moment.now())
  if found == nil then return nil, err end
  if found and found.fault == "missing" then
    local before, before_err = gifd.db.row("SELECT max(id) AS id FROM audit WHERE id < ?1", found.id)
    if not before then return nil, before_err end
    return fault("missing", (before.id or 0) + 1)
  end
  return found and fault(found.fault, found.id)
end

local function end_of(last, found, why)
  if not found then return fault("head", last and last.id or 0, why) end
  if found.id == 0 then return false end
  if not last or last.id < found.id then return fault("missing", (last and last.id or 0) + 1) end
  local there, err = M.has(found.id, found.mac)
  if there == nil then return nil, err end
  return not there and fault("altered", found.id, ("row %d is not the one that audit.head was written for")
    :format(found.id))
end

--- Looks at every row -> { rows, anchor or false, fault = { row, fault, text } or false }, or nil, err
function M.verify()
  local found, why = head()
  if found == nil then return nil, why end
  local last, err = M.anchor()
  if last == nil then return nil, err end
  if not last and found == false and why:find("missing") then return { rows = 0, anchor = false, fault = false } end
  local first, first_err = gifd.db.row("SELECT min(id) AS id FROM audit")
  if not first then return nil, first_err end
  local wrong, wrong_err = first.id and first.id < 1 and fault("altered", first.id) or false, nil
  local start = 1
  while last and not wrong and wrong ~= nil and (start == 1 or start < last.id) do
    wrong, wrong_err = look(start, start + PAGE)
    start = start + PAGE
  end
  if wrong == false then wrong, wrong_err = end_of(last, found, why) end
  if wrong == nil then return nil, wrong_err end
  return { rows = last and last.id or 0, anchor = last, fault = wrong }
end

--- From now on the end of the log as it is counts as right: after an old copy of the database was put back. The entry
-- that says so is in the same batch.
function M.accept_statement() return { "SELECT chain_accept('audit')" } end

return M
