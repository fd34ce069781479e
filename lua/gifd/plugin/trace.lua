--- plugin/trace: what plugins do, told on the bus to whoever follows one (gifd plugin trace NAME): calls of their
-- parts, queries and fetches, each when it has ended. While nobody follows, each of these costs one look.
--
-- A message is { at, kind = "call" | "query" | "fetch", what, seconds, error, request_id, result }. What is bound to a
-- statement, values of kv, bodies, and what is behind the ? of a URL are not told.
local M = {}

local WHAT_MOST, ERROR_MOST = 300, 500

function M.topic(plugin) return "trace:" .. plugin end

--- One line of it, without what a terminal would obey.
local function line(text, most)
  text = tostring(text):gsub("%s+", " "):gsub("%c", "?")
  return #text > most and text:sub(1, most) .. "..." or text
end

function M.tell(plugin, kind, what, seconds, err, request_id, result)
  gifd.bus.publish(M.topic(plugin), { at = gifd.time.now(), kind = kind, what = line(what, WHAT_MOST),
    seconds = seconds, error = err and line(type(err) == "table" and (err.message or err.code) or err, ERROR_MOST),
    request_id = request_id, result = result })
end

local function ended(plugin, kind, what, began, describe, value, ...)
  local err = value == nil and (...) or nil
  M.tell(plugin, kind, what, gifd.time.now() - began, err, nil, not err and describe and describe(value) or nil)
  return value, ...
end

--- fn as the plugin gets it. what(...) -> text of its arguments; describe(value) -> text of what came of it, or nil
function M.watched(plugin, kind, fn, what, describe)
  return function(...)
    if not gifd.trace.followed() then return fn(...) end
    return ended(plugin, kind, what(...), gifd.time.now(), describe, fn(...))
  end
end

return M
