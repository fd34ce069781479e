--- plugin/call: the one door through which the host enters a plugin's code.
--
-- call(plugin, what, fn, ctx, ...) -> what fn returned | nil, err; never throws. `what` says which part of the plugin
-- runs ("judge", "GET /status", "job refresh", "check"), for whoever asks what is running, how long it took, or what
-- went wrong; err.code is "budget" when it took more time or memory than it may. The plugin gets copies of the tables
-- after ctx, and the host a copy of at most two results without any metatable, so that no code of a plugin runs outside
-- of its budget (core/script/budget.h). The ctx is good for this call only.
local context = require "gifd.plugin.context"
local rest = require "gifd.plugin.rest"
local stats = require "gifd.plugin.stats"
local trace = require "gifd.plugin.trace"

local M = {}

--- What a plugin says went wrong is told to logs, to rows and to whoever asked: its secrets are not.
local function hushed(err)
  if type(err) ~= "table" then return err end
  for _, field in ipairs { "message", "cause" } do
    if type(err[field]) == "string" then err[field] = gifd.plugin.redact(err[field])
    else hushed(err[field]) end
  end
  return err
end

local function noted(plugin, what, value, err)
  if value == nil and err then hushed(err) end
  if value == nil and err and err.code == "budget" then rest.note(plugin.name, what) end
  return value, err
end

local function enter(door, plugin, what, fn, ...)
  if not plugin.number then return gifd.catch(fn, ...) end -- the host stands in for it (absent.lua)
  local left = rest.left(plugin.name, what)
  if left then
    return nil, gifd.err("budget", { message = ("plugin %s: %s ran over its budget too often and rests for %d s")
      :format(plugin.name, what, math.ceil(left)) })
  end
  return noted(plugin, what, door(plugin.number, what, fn, ...))
end

local function outcome(plugin, what, ctx, began, value, err)
  local seconds, failed = gifd.time.now() - began, value == nil and err ~= nil
  stats.add(plugin.name, what, seconds, failed)
  if gifd.trace.followed() then
    trace.tell(plugin.name, "call", what, seconds, failed and err or nil, ctx and ctx.request_id or nil)
  end
  context.over(ctx)
  return value, err
end

function M.call(plugin, what, fn, ctx, ...)
  return outcome(plugin, what, ctx, gifd.time.now(), enter(gifd.plugin.call, plugin, what, fn, ctx, ...))
end

--- The same with one table that is given away: not copied, and neither it nor a table in it may be used afterwards.
function M.give(plugin, what, fn, ctx, value)
  return outcome(plugin, what, ctx, gifd.time.now(), enter(gifd.plugin.give, plugin, what, fn, ctx, value))
end

--- The same; beyond `seconds` the answer is an err "timeout", worth another attempt, and the call is cancelled.
function M.within(seconds, plugin, what, fn, ctx, ...)
  local given, count = { ... }, select("#", ...)
  local answer, err = gifd.time.deadline(seconds, function()
    return { M.call(plugin, what, fn, ctx, unpack(given, 1, count)) }
  end)
  if answer then return answer[1], answer[2] end
  if err.code ~= "timeout" then return nil, err end
  return nil, gifd.err("timeout", { retryable = true,
    message = ("plugin %s: %s took longer than %g seconds"):format(plugin.name, what, seconds) })
end

return setmetatable(M, { __call = function(_, ...) return M.call(...) end })
