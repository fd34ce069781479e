--- flow/audit: who has changed what: one entry for each change, in the transaction of the change.
--
-- An entry says what was done, not what it was done with: no secrets, no words of people, no bytes.
local model = require "gifd.model.audit"

local AT_ONCE, PAUSE = 1000, 0.02

local M = {}

--- Who: an identity (http/auth, or a plugin that may do what everybody may), or nil for the server itself.
function M.actor(identity)
  if identity and identity.plugin then return "plugin:" .. identity.plugin end
  return identity and identity.account and "account:" .. identity.account or "system"
end

--- How long each kind of thing is remembered for, where an entry does not say.
local classes = { asset = "compliance", share = "long", token = "compliance", account = "compliance",
  key = "compliance", session = "medium", configuration = "compliance" }

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
--   kind = "asset"|"share"|..., subject = id (nil: of the row that the last INSERT made), detail = plain table?,
--   class?, asset = its id?, account = the name or account_id of whose it is?, decision? }.
-- when = "changed": only if the statement right before changed a row.
function M.add(_, calls, entry, when)
  assert(model.classes[entry.class or "long"] ~= nil, "no class of the audit log: " .. tostring(entry.class))
  calls[#calls + 1] = model.statement(entry_of(entry), when)
end

--- What entries say goes when their time is over -> true, or nil, err
function M.sweep()
  repeat
    local gone, err = model.expire(AT_ONCE)
    if not gone then return nil, err end
  until gone < AT_ONCE or not gifd.time.sleep(PAUSE)
  return true
end

--- A generation serves from now on: entered once, not again when a process of it starts anew.
function M.generation(digest, number)
  local last, err = model.last("configuration.live")
  if last == nil then return nil, err end
  if last and last.subject == digest then return true end
  local calls = {}
  M.add(nil, calls, { action = "configuration.live", kind = "configuration", subject = digest,
    detail = { generation = number, version = gifd.server.version } })
  return gifd.db.batch(calls)
end

return M
