--- command/limits: gifd limits show|reset: how the limits of routes stand, in the memory of the server that runs here.
local arguments = require "gifd.command.arguments"

local OK, FAILED, USAGE, NOT_FOUND, TRY_AGAIN = 0, 1, 2, 4, 75

local function say(code, text)
  gifd.console.error("gifd limits: " .. text .. "\n")
  return code
end

local exits = { invalid = USAGE, busy = TRY_AGAIN }
local function failed(err) return say(exits[err.code] or FAILED, tostring(err.message)) end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end

local units = { { 86400, "d" }, { 3600, "h" }, { 60, "m" }, { 1, "s" } }

--- "5m", "90s", "0.5s"
local function time(seconds)
  for _, unit in ipairs(units) do
    if seconds >= unit[1] and seconds % unit[1] == 0 then return ("%d%s"):format(seconds / unit[1], unit[2]) end
  end
  return ("%.3gs"):format(seconds)
end

--- "ip:127.0.0.1" -> kind, value; or nil, message
local function key_of(text)
  local kind, value = text:match("^(%l+):(.+)$")
  if kind ~= "ip" and kind ~= "user" and kind ~= "token" and kind ~= "route" then
    return nil, 'KEY is ip:ADDRESS, user:NAME, token:ID or "route:METHOD /pattern"'
  end
  return kind, value
end

local function overview(json)
  local routes, stats = gifd.limit.routes(), gifd.limit.stats()
  if json then
    write("%s", gifd.json.encode { limits = gifd.json.array(routes), table = stats })
    return OK
  end
  for _, r in ipairs(routes) do
    write("%s\tby %s\t%s\t%d per %s, %d at once", r.route, r.by, r.strategy, r.rate, time(r.per), r.capacity)
  end
  write("%d of %d keys in use, %d of them have used something; %d pushed out early",
    stats.taken, stats.slots, stats.active, stats.evicted)
  return OK
end

--- Limits that count the address itself, and those where it stood in for somebody unknown.
local function touched(kind, found)
  local out = {}
  for _, f in ipairs(found) do
    if kind ~= "ip" or f.by == "ip" or f.remaining < f.capacity then out[#out + 1] = f end
  end
  return out
end

local function show(words, options)
  if not words[1] then return overview(options.json) end
  local kind, value = key_of(words[1])
  if not kind then return say(USAGE, value) end
  local found, err = gifd.limit.look(kind, value)
  if not found then return failed(err) end
  found = touched(kind, found)
  if #found == 0 then return say(NOT_FOUND, "no route has a limit that counts " .. words[1]) end
  if options.json then
    write("%s", gifd.json.encode { key = words[1], limits = gifd.json.array(found) })
    return OK
  end
  for _, f in ipairs(found) do
    local now = f.retry_after == 0 and "admitted" or f.retry_after and "admitted in " .. time(math.ceil(f.retry_after))
      or "never admitted"
    local whom = f.by .. (kind == f.by and "" or ", unknown ones")
    write("%s\tby %s\t%d of %d left\tall back in %s\t%s", f.route, whom, f.remaining, f.capacity,
      time(math.ceil(f.reset_after)), now)
  end
  return OK
end

--- What a reset did, or would do.
local function told(options, key, count)
  if options["dry-run"] then say(OK, ("would forget %s"):format(key or "everything")) end
  if options.json then
    write("%s", gifd.json.encode { key = key, limits = count, all = key == nil or nil, reset = not options["dry-run"] })
  end
  return OK
end

local function reset(words, options)
  if options.all then
    if words[1] then return say(USAGE, "--all stands alone") end
    if not options["dry-run"] then
      local done, err = gifd.limit.clear()
      if not done then return failed(err) end
    end
    return told(options)
  end
  if not words[1] then return say(USAGE, "reset needs a KEY, or --all") end
  local kind, value = key_of(words[1])
  if not kind then return say(USAGE, value) end
  local count, err
  if options["dry-run"] then
    local found
    found, err = gifd.limit.look(kind, value)
    count = found and #found
  else count, err = gifd.limit.forget(kind, value) end
  if not count then return failed(err) end
  if count == 0 then return say(NOT_FOUND, "no route has a limit that counts " .. words[1]) end
  return told(options, words[1], count)
end

local verbs = { show = show, reset = reset }

return function(args)
  local options, words = arguments(args, { json = "flag", all = "flag", ["dry-run"] = "flag" })
  if not options then return say(USAGE, words) end
  local verb = verbs[table.remove(words, 1) or ""]
  if not verb or words[2] then return say(USAGE, "say show [KEY], reset KEY or reset --all") end
  return verb(words, options)
end
