--- command/audit: gifd audit list|verify|anchor|export|report: what has changed, and that nobody has changed that.
local S = require "gifd.schema"
local arguments = require "gifd.command.arguments"
local audit_export = require "gifd.flow.audit_export"
local audit_flow = require "gifd.flow.audit"
local chain = require "gifd.model.audit_chain"
local model = require "gifd.model.audit"
local moment = require "gifd.moment"

local OK, FAILED, USAGE = 0, 1, 2
local PAGE, MOST, MONTH = 50, 10000, 30 * 86400 * 1e6

local function complain(code, text)
  gifd.console.error("gifd audit: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end
local function failed(err) return complain(FAILED, tostring(err.message)) end
local function text_of(value) return value ~= nil and value ~= gifd.null and tostring(value) or "-" end

--- "2030-01-31", "2030-01-31T12:00:00Z", "7d" (ago) -> microseconds
local function time_of(text)
  local seconds = gifd.time.parse(text:match("^%d+%-%d+%-%d+$") and text .. "T00:00:00Z" or text)
  if seconds then return moment.from_seconds(seconds) end
  local ago, faults = S.check(S.duration { min = 1 }, text)
  return #faults == 0 and math.max(0, moment.now() - math.floor(ago * 1e6)) or nil
end

--- -> filter, or nil, exit code
local function filter_of(options)
  local filter = { asset = options.asset, user = options.user, type = options.type,
    actor = options.moderator and "account:" .. options.moderator or nil }
  for _, name in ipairs { "from", "to" } do
    if options[name] then
      filter[name] = time_of(options[name])
      if not filter[name] then return nil, complain(USAGE, ("--%s is no time"):format(name)) end
    end
  end
  return filter
end

local function line(found, json)
  local e = model.shown(found)
  if json then return write("%s", gifd.json.encode(e)) end
  write("%d\t%s\t%s\t%s\t%s %s\t%s\t%s", e.id, e.at, e.type, e.actor, e.kind, e.subject, text_of(e.decision),
    gifd.json.encode(e.detail))
end

local function list(options)
  local filter, code = filter_of(options)
  if not filter then return code end
  local limit = tonumber(options.limit or PAGE)
  if not limit or limit < 1 or limit % 1 ~= 0 or limit > MOST then
    return complain(USAGE, ("--limit is 1 to %d"):format(MOST))
  end
  local rows, err = model.list(filter, "down", nil, limit)
  if not rows then return failed(err) end
  for _, found in ipairs(rows) do line(found, options.json) end
  return OK
end

--- The row of an anchor that was printed once must be there -> fault, false, or nil, err
local function against(anchor)
  local id, mac = anchor:match("^(%d+):(%x+)$")
  local there, err = chain.has(tonumber(id), mac:lower())
  if there == nil then return nil, err end
  return not there and { row = tonumber(id), fault = "anchor", text = ("row %s is not that of the anchor"):format(id) }
end

local function verify(options)
  local anchor = options.anchor
  if anchor and not anchor:match("^%d+:%x+$") then return complain(USAGE, "--anchor is ID:MAC") end
  local found, err = chain.verify()
  if not found then return failed(err) end
  local fault = found.fault
  if not fault and anchor then
    fault, err = against(anchor)
    if fault == nil then return failed(err) end
  end
  if options.json then
    write("%s", gifd.json.encode { ok = not fault, rows = found.rows, row = fault and fault.row or gifd.null,
      fault = fault and fault.fault or gifd.null, text = fault and fault.text or gifd.null })
  elseif not fault then write("%d rows, all as they were written", found.rows) end
  if fault then return complain(FAILED, fault.text) end
  return OK
end

local function accept()
  local last, err = chain.anchor()
  if last == nil then return failed(err) end
  local calls = { chain.accept_statement() }
  audit_flow.add(nil, calls, { action = "audit.accept", actor = "system", kind = "audit",
    subject = last and last.id or 0, detail = {}, class = "indefinite" })
  local done, accept_err = gifd.db.batch(calls)
  if not done then return failed(accept_err) end
  return OK
end

local function anchor(options)
  if options.accept then
    local code = accept()
    if code ~= OK then return code end
  end
  local last, err = chain.anchor()
  if last == nil then return failed(err) end
  if not last then return complain(FAILED, "nothing has been written yet") end
  if options.json then
    write("%s", gifd.json.encode { id = last.id, mac = last.mac, at = moment.text(last.at) })
  else write("%d:%s %s", last.id, last.mac, moment.text(last.at)) end
  return OK
end

local function export(options)
  local format = options.format or "ndjson"
  if not audit_export.types[format] then return complain(USAGE, "--format is ndjson or csv") end
  local filter, code = filter_of(options)
  if not filter then return code end
  local done, err = audit_export.run(filter, format, function(text)
    gifd.console.write(text)
    return true
  end)
  return done and OK or failed(err)
end

local function report(options)
  local filter, code = filter_of { from = options.from, to = options.to }
  if not filter then return code end
  filter.to = filter.to or moment.now()
  filter.from = filter.from or math.max(0, filter.to - MONTH)
  local last, err = chain.anchor()
  if last == nil then return failed(err) end
  local out, report_err = audit_export.report(filter, last)
  if not out then return failed(report_err) end
  if options.json then
    write("%s", gifd.json.encode(out))
    return OK
  end
  write("%s to %s: %d entries, the log ends with %s", out.from, out.to, out.entries, text_of(out.anchor))
  for _, item in ipairs(out.items) do write("%d\t%s\t%s", item.count, item.type, text_of(item.decision)) end
  return OK
end

local filters = { asset = "value", user = "value", moderator = "value", type = "value", from = "value", to = "value" }

local function with(more)
  for name, kind in pairs(filters) do more[name] = kind end
  return more
end

local verbs = {
  list = { list, with { limit = "value", json = "flag" } },
  verify = { verify, { anchor = "value", json = "flag" } },
  anchor = { anchor, { accept = "flag", json = "flag" } },
  export = { export, with { format = "value", json = "flag" } },
  report = { report, { from = "value", to = "value", json = "flag" } },
}

return function(args)
  local verb = verbs[args[1]]
  if not verb then return complain(USAGE, "say list, verify, anchor, export or report") end
  local options, words = arguments({ unpack(args, 2) }, verb[2])
  if not options then return complain(USAGE, words) end
  if words[1] then return complain(USAGE, "there is no word " .. words[1] .. " here") end
  return verb[1](options)
end
