--- flow/audit: who has changed what: one entry for each change, in the transaction of the change.
--
-- An entry says what was done, not what it was done with: no secrets, no words of people, no bytes.
local model = require "gifd.model.audit"

local M = {}

--- Who: an identity (http/auth), or nil for the server itself.
function M.actor(identity)
  if not identity or identity.system or not identity.account then return "system" end
  return "account:" .. identity.account
end

--- How long each kind of thing is remembered for, where an entry does not say.
local classes = { asset = "compliance", share = "long", token = "compliance", account = "compliance",
  key = "compliance", configuration = "compliance" }

local function asset_of(entry)
  return entry.asset or entry.kind == "asset" and entry.subject or nil
end

local function entry_of(entry)
  local by, detail = entry.by, {}
  for key, value in pairs(entry.detail or {}) do detail[key] = value end
  if by and by.kind == "token" then detail.token = by.id end
  return { action = entry.action, actor = entry.actor or M.actor(by), kind = entry.kind, subject = entry.subject,
    asset = asset_of(entry), account = entry.account, account_id = entry.account_id,
    decision = entry.decision or detail.decision, class = entry.class or classes[entry.kind] or "long",
    detail = detail }
end

--- Appends the statement to the batch of the change.
-- entry = { action = "share.create", actor = "account:NAME"|"token:ID"|"judge:NAME"|"system" or by = identity,
--   kind = "asset"|"share"|..., subject = id, detail = plain table?, class?, asset = its id?, account = the name or
--   account_id of whose it is?, decision? }. when = "changed": only if the statement right before changed a row.
function M.add(_, calls, entry, when)
  assert(model.classes[entry.class or "long"] ~= nil, "no class of the audit log: " .. tostring(entry.class))
  calls[#calls + 1] = model.statement(entry_of(entry), when)
end

return M
