--- jobs/purges: tells caches what has changed: ours once more, and those of plugins by the hook on_purge.
--
-- An event is { tags, urls, asset_id, code? }. At least once, in no promised order; a listener that fails
-- is logged, shown on the thing (model/fault) and not asked again.
local address = require "gifd.http.address"
local audit = require "gifd.flow.audit"
local context = require "gifd.plugin.context"
local fault_model = require "gifd.model.fault"
local hooks = require "gifd.plugin.hooks"
local ladder = require "gifd.ladder"
local model = require "gifd.model.purge"
local moment = require "gifd.moment"
local purge = require "gifd.flow.purge"
local share_model = require "gifd.model.share"

local AT_ONCE, EVERY, ENDS = 16, 1, 80

local M = {}

local function tell(app, found)
  local tags = purge.tags(found.asset_id, found.code)
  for _, tag in ipairs(tags) do gifd.cache.purge(tag) end
  local listeners = app.registry.hooks.on_purge or {}
  if #listeners == 0 then return end
  local function ctx_of(plugin, deadline) return context.make(plugin, { deadline = deadline }) end
  local calls, files = {}, {}
  for i, one in ipairs(app.ladder.list) do files[i] = ladder.file(one) end
  for _, fault in ipairs(hooks.tell(listeners, ctx_of, { event = "on_purge", tags = tags, code = found.code,
    urls = purge.urls(address.base(app.settings), found.asset_id, found.code, files), asset_id = found.asset_id })) do
    local more = found.code and fault_model.share_statements(found.code, fault)
      or fault_model.asset_statements(found.asset_id, fault)
    for _, call in ipairs(more) do calls[#calls + 1] = call end
  end
  if calls[1] then gifd.db.batch(calls) end
end

--- Shares whose time has come since the last look.
local function ends(app)
  local rows, err = share_model.ended(moment.now(), ENDS)
  if not rows then return nil, err end
  if #rows == 0 then return true end
  local calls = {}
  for _, share in ipairs(rows) do
    calls[#calls + 1] = share_model.end_statement(share.id)
    audit.add(app, calls, { action = "share.expire", kind = "share", subject = share.code, asset = share.asset_id,
      account_id = share.account_id }, "changed")
    calls[#calls + 1] = purge.share_call(share)
  end
  return gifd.db.batch(calls)
end

--- -> how many were told, or nil, err
function M.once(app)
  local done, err = ends(app)
  if not done then return nil, err end
  local rows, rows_err = model.pending(AT_ONCE)
  if not rows then return nil, rows_err end
  if #rows == 0 then return 0 end
  local told = {}
  for i, found in ipairs(rows) do told[i] = gifd.task.spawn(function() tell(app, found) end) end
  for _, handle in ipairs(told) do handle:wait() end
  local forgotten, forget_err = model.forget(rows)
  if not forgotten then return nil, forget_err end
  return #rows
end

--- Until the generation drains.
function M.run(app)
  while true do
    local told, err = M.once(app)
    if not told and err.code == "cancelled" then return end
    if not told then gifd.log.warn("purges.tell", { code = err.code, error = tostring(err.message) }) end
    if told ~= AT_ONCE and gifd.jobs.wait(EVERY) == nil then return end
  end
end

return M
