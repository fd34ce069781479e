--- flow/share: the address and the words of a share: making one, changing it, and who may see it.
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local events = require "gifd.flow.events"
local fault_model = require "gifd.model.fault"
local hooks = require "gifd.plugin.hooks"
local moderate = require "gifd.flow.moderate"
local moment = require "gifd.moment"
local purge = require "gifd.flow.purge"
local share_model = require "gifd.model.share"
local trust = require "gifd.flow.trust"
local words = require "gifd.flow.words"

local CODE_TRIES = 8

local M = {}

--- May this asker see the share whatever its verdict: its owner and an admin.
function M.owns(identity, share)
  return identity and (identity.account_id == share.account_id or identity:may("admin")) or false
end

--- Has an account that reviews.
function M.moderates(identity) return identity and identity:may("moderate") or false end

--- May this asker see the page whatever its verdict? What is quarantined only reviewers see.
function M.sees(identity, share, asset)
  if M.moderates(identity) then return true end
  return M.owns(identity, share) and share.verdict ~= "quarantined" and asset.verdict ~= "quarantined"
end

--- Pure: what strangers are told in place of things that are not all approved -> 451 (taken down by law), 410
-- (rejected) or 404 (nobody has approved it), the gravest of them, and the row that is so; nil when all are approved.
function M.closed(...)
  local rows = { ... }
  for _, row in ipairs(rows) do if row.legal then return 451, row end end
  for _, row in ipairs(rows) do if row.verdict == "rejected" then return 410, row end end
  for _, row in ipairs(rows) do if row.verdict ~= "approved" then return 404, row end end
end

--- Pure: may a stranger see the page (or its direct forms)?
function M.public(share, asset)
  return share.verdict == "approved" and asset.verdict == "approved" and share.visibility ~= "private"
    and not share.max_visits and not share_model.expired(share)
end

--- May this asker have the media of an asset, and is it everybody's? -> allowed, public, until when (microseconds).
-- signed: the claims of a valid signature. They stand for a share's owner, not for what judges said.
function M.media_access(identity, asset, signed)
  if asset.verdict == "approved" then
    local until_, err = asset_model.public_until(asset.id)
    if until_ == nil then return nil, err end
    if until_ then return true, not signed, until_ end
    if signed then
      until_, err = asset_model.shared_until(asset.id)
      if until_ == nil then return nil, err end
      if until_ then return true, false, until_ end
    end
  end
  if not identity then return false, false end
  if M.moderates(identity) then return true, false end
  if asset.verdict == "quarantined" then return false, false end
  local own, err = asset_model.has_share_of(asset.id, identity.account_id)
  if own == nil then return nil, err end
  return own, false
end

--- Runs batch_of(code) with fresh codes until one is free; an own code that is taken is a conflict at once.
function M.with_code(own_code, batch_of)
  for _ = 1, own_code and 1 or CODE_TRIES do
    local code = own_code or share_model.new_code()
    local calls, prepare_err = batch_of(code)
    if not calls then return nil, prepare_err end
    local done, err = gifd.db.batch(calls)
    if done then return code end
    if err.code ~= "conflict" then return nil, err end
  end
  if own_code then
    return nil, gifd.err("conflict", { message = "the code " .. own_code .. " is taken", pointer = "/code" })
  end
  return nil, gifd.err("busy", { message = "no free code was found", retryable = true })
end

--- The tags that plugins make of those given, and the steps that were skipped. asset: its row, or facts and id.
function M.tags(app, ctx_of, fields, asset)
  local steps = app.registry.hooks.tags
  if not steps then return fields.tags, {} end
  return hooks.pipe(steps, ctx_of, fields.tags, { title = fields.title, description = fields.description,
    visibility = fields.visibility, asset = { id = asset.id, type = asset.type, width = asset.width,
      height = asset.height, frames = asset.frames, duration_ms = asset.duration_ms } },
    function(tags) return words.tags_allowed(app.settings, tags) end)
end

--- Statements of a new share, and what is told about it. skipped: of M.tags.
function M.statements(app, identity, code, asset, fields, skipped)
  local trusted, scrutiny = trust.of(app.settings, identity)
  local calls = share_model.statements({ code = code, account_id = identity.account_id, title = fields.title,
    description = fields.description, tags = fields.tags, visibility = fields.visibility,
    expires_at = fields.expires_at, max_visits = fields.max_visits, trusted = trusted,
    scrutiny = scrutiny }, asset.digest)
  for _, fault in ipairs(skipped) do
    for _, call in ipairs(fault_model.share_statements(code, fault)) do calls[#calls + 1] = call end
  end
  audit.add(app, calls, { action = "share.create", by = identity, kind = "share", subject = code, asset = asset.id,
    account_id = identity.account_id, detail = { visibility = fields.visibility, max_visits = fields.max_visits,
      expires_at = fields.expires_at and moment.text(fields.expires_at) } })
  events.add(app, calls, "on_share", { code = code, asset_id = asset.id, account_id = identity.account_id,
    visibility = fields.visibility })
  return calls
end

--- A further share of an asset that the asker may see.
function M.create(app, ctx_of, identity, asset, fields)
  local skipped
  fields.tags, skipped = M.tags(app, ctx_of, fields, asset)
  local code, err = M.with_code(fields.code, function(code)
    return M.statements(app, identity, code, asset, fields, skipped)
  end)
  if not code then return nil, err end
  return M.judged(app, ctx_of, code)
end

local function rows_of(code)
  local share, err = share_model.find(code)
  if not share then return nil, err or gifd.err("not_found", { message = "the share is gone" }) end
  local asset, asset_err = asset_model.find(share.asset_id)
  if not asset then return nil, asset_err or gifd.err("not_found", { message = "the asset is gone" }) end
  return share, asset
end

--- The share as it stands once judges were asked -> share, asset. Somebody else's verdict at the same moment counts
-- too.
function M.judged(app, ctx_of, code)
  for _ = 1, 4 do
    local share, asset = rows_of(code)
    if not share then return nil, asset end
    if share.verdict ~= "pending" and asset.verdict ~= "pending" then return share, asset end
    local done, again = moderate.run(app, ctx_of, { { kind = "asset", row = asset }, { kind = "share", row = share } })
    if not done then return nil, again end
    if not again then break end
  end
  return rows_of(code)
end

local function same_list(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do if a[i] ~= b[i] then return false end end
  return true
end

--- The new value of what gifd.null removes, or the old one when nothing was said.
local function changed(new, old)
  if new == nil then return old end
  return new ~= gifd.null and new or nil
end

--- What the log says of a change: which fields, and the new values of those that are no words.
local function told(identity, share, changes)
  local names, detail = {}, {}
  for name, value in pairs(changes) do
    names[#names + 1] = name
    if name == "visibility" or name == "max_visits" then detail[name] = value end
    if name == "expires_at" then detail[name] = moment.text(value) end
  end
  table.sort(names)
  detail.changed = gifd.json.array(names)
  return { action = "share.update", by = identity, kind = "share", subject = share.code, asset = share.asset_id,
    account_id = share.account_id, detail = detail }
end

--- changes: the fields given; expires_at and max_visits = gifd.null remove them.
function M.update(app, ctx_of, identity, share, changes)
  local tags = changes.tags or share.tags
  local after = { title = changes.title or share.title, description = changes.description or share.description,
                  visibility = changes.visibility or share.visibility, tags = changes.tags,
                  expires_at = changed(changes.expires_at, share.expires_at),
                  max_visits = changed(changes.max_visits, share.max_visits), trusted = share.trusted }
  local words_changed = after.title ~= share.title or after.description ~= share.description
    or not same_list(tags, share.tags)
  if words_changed and not identity.system then
    after.trusted, after.scrutiny = trust.of(app.settings, identity)
  end
  local calls = { purge.share_call(share) }
  audit.add(app, calls, told(identity, share, changes))
  local done, err = share_model.update(share, after, words_changed, calls)
  if not done then
    if err.code == "conflict" then
      err = gifd.err("conflict", { message = "the share was changed by somebody else at the same moment" })
    end
    return nil, err
  end
  purge.share(app, share)
  return M.judged(app, ctx_of, share.code)
end

function M.delete(app, identity, share)
  local calls = {}
  audit.add(app, calls, { action = "share.delete", by = identity, kind = "share", subject = share.code,
    asset = share.asset_id, account_id = share.account_id }, "changed")
  calls[2], calls[3] = purge.share_call(share), fault_model.delete_statement(share.id)
  events.add(app, calls, "on_delete", { code = share.code, asset_id = share.asset_id, account_id = share.account_id })
  local done, err = share_model.delete(share.id, calls)
  if done then purge.share(app, share) end
  return done, err
end

return M
