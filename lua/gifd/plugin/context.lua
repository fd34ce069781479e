--- plugin/context: what a hook, route or job of a plugin is told about the call it is in.
--
-- A ctx stands for the account that the call is for, in the primitives that act for somebody (gifd.shares, ...): it
-- can be made here only, and is good until its call has ended.
local M = {}

local calls = setmetatable({}, { __mode = "k" })

local levels = { "debug", "info", "warn", "error", "critical" }

local function logger(plugin, level)
  return function(event, fields)
    local out = { plugin = plugin.name }
    for key, value in pairs(fields or {}) do out[key] = value end
    gifd.log[level]("plugin." .. tostring(event), out)
  end
end

local logs = {} -- plugin -> its loggers

local function loggers(plugin)
  local log = {}
  for _, level in ipairs(levels) do log[level] = logger(plugin, level) end
  logs[plugin] = setmetatable({}, { __index = log, __metatable = false,
    __newindex = function() error("ctx.log may not be written", 2) end })
  return logs[plugin]
end

--- about = { request_id?, identity? (http/auth), deadline?, job? }; it is kept, as what stands behind the ctx.
function M.make(plugin, about)
  local identity = about.identity or nil
  local ctx = { config = plugin.config, request_id = about.request_id, account = identity and identity.account,
    deadline = about.deadline, job = about.job, log = logs[plugin] or loggers(plugin) }
  about.plugin, about.identity = plugin, identity
  calls[ctx] = about
  return ctx
end

--- Marks the call as one that may change nothing: `what` says why.
function M.restrict(ctx, what) calls[ctx].restricted = what end

--- The call that a plugin's ctx stands for; throws when there is none, or it has ended.
function M.call_of(plugin, ctx)
  local about = type(ctx) == "table" and calls[ctx]
  if not about or about.plugin.name ~= plugin.name then
    error("the first argument must be the ctx that this call was given", 3)
  end
  return about
end

function M.over(ctx)
  if type(ctx) == "table" then calls[ctx] = nil end
end

return M
