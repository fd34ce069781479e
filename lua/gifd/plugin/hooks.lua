--- plugin/hooks: the four kinds of hook, each with its own rule for order and failure.
--
--   vote   all run together; the caller combines (strictest wins); a failure is a ballot too
--   pipe   ordered by after/before; each gets the last one's value; a failing step is skipped and told
--   claim  exactly one owner, who may be asked again when its err says retryable
--   tell   after the fact; nobody waits
--
-- A registry (registry.lua) says who takes part; this file runs them, each for a limited time, and checks what they
-- return by the one table of contracts.lua. ctx_of(plugin) makes what a plugin is told about the call.
local call = require "gifd.plugin.call"
local context = require "gifd.plugin.context"
local contracts = require "gifd.plugin.contracts"

local M = {}

--- Seconds that a call may last, unless the hook says otherwise.
M.timeouts = { vote = 10, pipe = 5, claim = 60, tell = 30, slow = 300 }

local function described(entry) return ("hook %q"):format(entry.hook) end

--- What a hook returned within its time, not yet checked: value | nil | nil, err.
local function run(entry, ctx_of, ...)
  local seconds = entry.timeout or M.timeouts[entry.slow and "slow" or entry.kind]
  local ctx = ctx_of(entry.plugin, gifd.time.now() + seconds)
  if entry.kind == "vote" or entry.kind == "pipe" then context.restrict(ctx, described(entry)) end
  return call.within(seconds, entry.plugin, entry.hook, entry.run, ctx, ...)
end

--- The same checked: what may not be nil is an error when it is.
local function checked(entry, ctx_of, ...)
  local value, err = run(entry, ctx_of, ...)
  local hook = contracts.hook(entry.hook)
  if value == nil then
    if err or hook.nothing then return nil, err end
    return nil, contracts.fault(entry.plugin, described(entry), entry.run, "nothing")
  end
  return contracts.returned(entry.plugin, described(entry), entry.run, hook.returns, value)
end

local function cast(entry, ctx_of, subject_of)
  local ballot, err = checked(entry, ctx_of, subject_of(entry.plugin))
  if ballot and ballot.data ~= nil then
    local text, wrong = contracts.text(ballot.data)
    if not text then
      ballot, err = nil, contracts.fault(entry.plugin, described(entry), entry.run, "data: " .. wrong)
    end
  end
  if not ballot and not err then return nil end
  local out = { judge = entry.plugin.name, version = entry.plugin.version }
  if not ballot then
    if err.code == "script" then gifd.log.error("judge.invalid", { plugin = out.judge, error = tostring(err.message) })
    else gifd.log.warn("judge.failed", { plugin = out.judge, code = err.code, error = tostring(err.message) }) end
    out.failed = err
    return out
  end
  for key, value in pairs(ballot) do out[key] = value end
  return out
end

--- Every opinion; subject_of(plugin) is what it is shown: array of { judge, version, decision, category, confidence,
-- reasons, data } or { judge, version, failed = err }.
function M.vote(entries, ctx_of, subject_of)
  local asks, out = {}, {}
  for i, entry in ipairs(entries) do
    asks[i] = function() return cast(entry, ctx_of, subject_of) or false end
  end
  local answers
  if #asks == 0 then return out
  elseif #asks == 1 then answers = { asks[1]() }
  else answers = { gifd.all(unpack(asks)) } end
  for i = 1, #asks do
    if answers[i] then out[#out + 1] = answers[i] end
  end
  return out
end

--- The value after every step, and a list of { plugin, version, hook, err } of the steps that were skipped.
-- allowed(value) -> true, or false, why: what this caller asks beyond the contract.
function M.pipe(entries, ctx_of, value, about, allowed)
  local skipped = {}
  for _, entry in ipairs(entries or {}) do
    local next_value, err = checked(entry, ctx_of, value, about)
    if next_value ~= nil and allowed then
      local fits, why = allowed(next_value)
      if not fits then next_value, err = nil, contracts.fault(entry.plugin, described(entry), entry.run, why) end
    end
    if next_value == nil then
      gifd.log.warn("pipe.skipped", { plugin = entry.plugin.name, hook = entry.hook, code = err.code,
        error = tostring(err.message) })
      skipped[#skipped + 1] = { plugin = entry.plugin.name, version = entry.plugin.version, hook = entry.hook,
        err = err }
    else
      value = next_value
    end
  end
  return value, skipped
end

--- What the owner returned, or nil, err; the caller asks again while err.retryable.
function M.claim(entry, ctx_of, publication) return checked(entry, ctx_of, publication) end

--- One listener -> true, or nil, err.
function M.tell_one(entry, ctx_of, event)
  local _, err = run(entry, ctx_of, event)
  if not err then return true end
  gifd.log.warn("listener.failed", { plugin = entry.plugin.name, hook = entry.hook, code = err.code,
    error = tostring(err.message) })
  return nil, err
end

--- Each listener in turn -> { plugin, version, hook, err } of those that failed.
function M.tell(entries, ctx_of, event)
  local failed = {}
  for _, entry in ipairs(entries) do
    local _, err = M.tell_one(entry, ctx_of, event)
    if err then
      failed[#failed + 1] = { plugin = entry.plugin.name, version = entry.plugin.version, hook = entry.hook, err = err }
    end
  end
  return failed
end

return M
