--- flow/audit_export: the audit log as text, the oldest entry first, however long it is.
local csv = require "gifd.csv"
local model = require "gifd.model.audit"
local moment = require "gifd.moment"

local PAGE, PIECE = 500, 60000

local M = {}

local columns = { "id", "at", "type", "actor", "kind", "subject", "asset_id", "account", "decision", "class",
  "expires_at", "detail", "mac" }

local formats = {}

function formats.ndjson(entry) return gifd.json.encode(entry) .. "\n" end

function formats.csv(entry) return csv.line(entry, columns) end

M.types = { ndjson = "application/x-ndjson", csv = "text/csv; charset=utf-8; header=present" }

--- Gives the text to write(piece) -> true | nil, err, piece by piece -> true, or nil, err (of write too)
function M.run(filter, format, write)
  local to_text, pieces, size, after = formats[format], {}, 0, nil
  filter.to = math.min(filter.to or math.huge, moment.now() + 1)
  if format == "csv" then pieces[1], size = csv.line(columns), 100 end
  repeat
    local rows, err = model.list(filter, "up", after, PAGE)
    if not rows then return nil, err end
    for _, found in ipairs(rows) do
      local text = to_text(model.shown(found))
      if size + #text > PIECE then
        local done, write_err = write(table.concat(pieces))
        if not done then return nil, write_err end
        pieces, size = {}, 0
      end
      pieces[#pieces + 1], size = text, size + #text
    end
    after = rows[#rows]
  until #rows < PAGE
  if size > 0 then return write(table.concat(pieces)) end
  return true
end

--- What was done between two times (filter.from, filter.to) -> { from, to, entries, by_type, by_decision, items,
-- anchor }, or nil, err
function M.report(filter, anchor)
  local rows, err = model.counts(filter.from, filter.to)
  if not rows then return nil, err end
  local out = { from = moment.text(filter.from), to = moment.text(filter.to), entries = 0, by_type = {},
    by_decision = {}, items = {}, anchor = anchor and (anchor.id .. ":" .. anchor.mac) or gifd.null }
  for i, r in ipairs(rows) do
    out.entries = out.entries + r.count
    out.by_type[r.action] = (out.by_type[r.action] or 0) + r.count
    if r.decision then out.by_decision[r.decision] = (out.by_decision[r.decision] or 0) + r.count end
    out.items[i] = { type = r.action, decision = r.decision or gifd.null, count = r.count }
  end
  out.items = gifd.json.array(out.items)
  return out
end

return M
