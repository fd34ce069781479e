--- plugin/hooks: the four kinds of hook, each with its own rule for order and failure.
--
--   vote   all run together; the caller combines (strictest wins); a failure is a ballot too
--   pipe   ordered by after/before; each gets the last one's value; a failing step is skipped and recorded
--   claim  exactly one owner
--   tell   after the fact; nobody waits, failures are logged
--
-- A registry (registry.lua) says who takes part; this file runs them. ctx_of(plugin) makes what a plugin is told about
-- the call.
local call = require "gifd.plugin.call"

local M = {}

--- name or pattern of a hook -> its kind
local kinds = {
  { "^judge$", "vote" },
  { "^tags$", "pipe" },
  { "^renditions$", "pipe" },
  { "^publish%.[a-z0-9-]+$", "claim" },
  { "^on_[a-z_]+$", "tell" },
}
M.names = { "judge", "tags", "renditions", "publish.TARGET", "on_EVENT" }

function M.kind(name)
  for _, entry in ipairs(kinds) do if name:match(entry[1]) then return entry[2] end end
end

local decisions = { approved = true, flagged = true, rejected = true }

local function ballot_fault(ballot)
  if type(ballot) ~= "table" then return "judge returned a " .. type(ballot) end
  if not decisions[ballot.decision] then return "judge returned the decision " .. tostring(ballot.decision) end
  if ballot.confidence ~= nil and type(ballot.confidence) ~= "number" then
    return "judge returned a confidence that is no number"
  end
  if ballot.reasons ~= nil and type(ballot.reasons) ~= "table" then return "judge returned reasons that are no list" end
end

local function cast(entry, ctx, subject)
  local ballot, err = call(entry.plugin, entry.hook, entry.run, ctx, subject)
  if ballot == nil then
    if not err then return nil end
    gifd.log.warn("judge.failed", { plugin = entry.plugin.name, code = err.code, error = tostring(err.message) })
    return { judge = entry.plugin.name, version = entry.plugin.version, failed = err }
  end
  local fault = ballot_fault(ballot)
  if fault then
    gifd.log.error("judge.invalid", { plugin = entry.plugin.name, error = fault })
    return { judge = entry.plugin.name, version = entry.plugin.version,
      failed = gifd.err("script", { message = fault }) }
  end
  local reasons = {}
  for i, reason in ipairs(ballot.reasons or {}) do reasons[i] = tostring(reason) end
  return {
    judge = entry.plugin.name, version = entry.plugin.version, decision = ballot.decision, category = ballot.category,
    confidence = ballot.confidence, reasons = reasons, data = ballot.data,
  }
end

--- Every opinion about subject: array of { judge, version, decision, category, confidence, reasons, data } or { ...,
-- failed = err }.
function M.vote(entries, ctx_of, subject)
  local asks, out = {}, {}
  for i, entry in ipairs(entries) do
    asks[i] = function() return cast(entry, ctx_of(entry.plugin), subject) or false end
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

--- The value after every step, and a list of { plugin, error } of the steps that were skipped.
function M.pipe(entries, ctx_of, value, about)
  local skipped = {}
  for _, entry in ipairs(entries) do
    local next_value, err = call(entry.plugin, entry.hook, entry.run, ctx_of(entry.plugin), value, about)
    if next_value == nil then
      skipped[#skipped + 1] = { plugin = entry.plugin.name, error = err and tostring(err) or "returned nothing" }
    else
      value = next_value
    end
  end
  return value, skipped
end

function M.claim(entry, ctx_of, subject)
  return call(entry.plugin, entry.hook, entry.run, ctx_of(entry.plugin), subject)
end

--- For background tasks and routes alike: each listener is told in turn, protected.
function M.tell(entries, ctx_of, event)
  for _, entry in ipairs(entries) do
    local _, err = call(entry.plugin, entry.hook, entry.run, ctx_of(entry.plugin), event)
    if err then gifd.log.warn("listener.failed", { plugin = entry.plugin.name, error = tostring(err) }) end
  end
end

return M
