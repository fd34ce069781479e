--- command/trace: gifd trace tail: the traces of a running server as they end, each with its parts.
local arguments = require "gifd.command.arguments"

local OK, FAILED, USAGE = 0, 1, 2
local CLAIM, LOOK = 5, 1 -- seconds

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local function complain(code, text)
  gifd.console.error("gifd trace: " .. text .. "\n")
  return code
end

--- "250ms", "1.5s", "2m" or seconds -> seconds, or nil
local function seconds_of(text)
  local number, unit = text:match("^([%d.]+)(%a*)$")
  local factor = ({ [""] = 1, s = 1, ms = 0.001, m = 60 })[unit or "?"]
  return factor and tonumber(number) and tonumber(number) * factor
end

local function time(seconds)
  return seconds < 1 and ("%.1f ms"):format(seconds * 1000) or ("%.2f s"):format(seconds)
end

local function taken(span) return (tonumber(span.endTimeUnixNano) - tonumber(span.startTimeUnixNano)) / 1e9 end

local function attributes(span)
  local out = {}
  for _, a in ipairs(span.attributes or {}) do out[a.key] = a.value.stringValue or a.value.intValue end
  return out
end

--- What a terminal would obey is not shown.
local function clean(text) return (tostring(text):gsub("%s+", " "):gsub("%c", "?"):sub(1, 200)) end

local function detail(span)
  local a = attributes(span)
  local text = a["db.query.text"] or a["url.full"] or a["url.path"] or a["gifd.plugin"]
  local status = a["http.response.status_code"]
  return (status and " " .. status or "") .. (text and "  " .. clean(text) or "")
    .. (a["error.message"] and "  failed: " .. clean(a["error.message"]) or "")
end

local function show(spans)
  local children, root = {}, spans[1]
  for i = 2, #spans do
    local parent = spans[i].parentSpanId or root.spanId
    children[parent] = children[parent] or {}
    table.insert(children[parent], spans[i])
  end
  local began = tonumber(root.startTimeUnixNano)
  local function part(span, depth)
    for _, child in ipairs(children[span.spanId] or {}) do
      write("%s+%s  %s  %s%s", (" "):rep(11 + 2 * depth), time((tonumber(child.startTimeUnixNano) - began) / 1e9),
        time(taken(child)), clean(child.name), detail(child))
      if depth < 16 then part(child, depth + 1) end
    end
  end
  write("%s  %s  %s%s  (%s)", gifd.time.rfc3339(began / 1e9):sub(12, 19), time(taken(root)), clean(root.name),
    detail(root), root.traceId)
  part(root, 0)
end

local function wanted(root, slow, route)
  if slow and taken(root) < slow then return false end
  return not route or root.name:find(route, 1, true) ~= nil
    or (attributes(root)["url.path"] or ""):find(route, 1, true) ~= nil
end

--- Until somebody ends it.
local function tail(options)
  local slow = options.slow and seconds_of(options.slow)
  if options.slow and not slow then return complain(USAGE, "--slow takes a time such as 250ms or 2s") end
  local reader, err = gifd.bus.subscribe("spans")
  if not reader then return complain(FAILED, tostring(err.message)) end
  complain(OK, "following; Ctrl-C ends it")
  while true do
    local claimed, claim_err = gifd.trace.tail(CLAIM)
    if not claimed then return complain(FAILED, tostring(claim_err.message)) end
    local message, lost = reader:next(LOOK)
    if message then
      local spans = message.spans
      if spans[1] and wanted(spans[1], slow, options.route) then
        if options.json then write("%s", gifd.json.encode(message)) else show(spans) end
      end
      if lost > 0 then complain(OK, ("%d were too many to be told"):format(lost)) end
    elseif lost.code ~= "timeout" then return complain(FAILED, tostring(lost.message)) end
  end
end

return function(args)
  local options, words = arguments(args, { json = "flag", slow = "value", route = "value" })
  if not options then return complain(USAGE, words) end
  if words[1] ~= "tail" or words[2] then return complain(USAGE, "say tail") end
  return tail(options)
end
