--- flow/events: what happened, told to plugins by their on_EVENT hooks.
--
--   the change and a job for each listener, one transaction --> jobs/plugin_work tells it, in the runner
--
-- So a listener hears of each change that was made while it was loaded, at least once, in no promised order; one that
-- fails in a way that may pass is told again with back-off for an hour. id is the same each time. Nothing is written
-- while nobody listens. on_purge has a way of its own (flow/purge).
local account_model = require "gifd.model.account"
local job_model = require "gifd.model.job"
local moment = require "gifd.moment"

local TOLD_FOR = 3600

local M = {}

--- Adds the event to the batch of the change. fields: plain; account_id becomes `account`, the name, when it is told.
function M.add(app, calls, name, fields)
  local listeners = app.registry.hooks[name]
  if not listeners then return end
  local plugins = {}
  for i, entry in ipairs(listeners) do plugins[i] = entry.plugin.name end
  local event = { event = name, id = gifd.crypto.code(16), at = moment.now() / 1e6 }
  for key, value in pairs(fields) do event[key] = value end
  calls[#calls + 1] = job_model.tell_statement(name, plugins, event, moment.now() + TOLD_FOR * 1e6)
end

--- The event as listeners get it.
function M.told(event)
  local out = {}
  for key, value in pairs(event) do out[key] = value end
  if event.account_id then
    local account = account_model.by_id(event.account_id)
    out.account, out.account_id = account and account.name or nil, nil
  end
  return out
end

return M
