--- flow/plugin_data: the product's own data for plugins: gifd.assets and gifd.shares, as plain copies.
--
-- The first argument is always the ctx of the call: what is asked is asked for its account, with that account's rights
-- (nobody's, where there is none). A capability that ends in ".any" asks as the system instead. Changes go the way that
-- those of the API go: words are judged again, caches are told, plugins hear of it. Judges and pipes change nothing.
local account_model = require "gifd.model.account"
local asset_model = require "gifd.model.asset"
local context = require "gifd.plugin.context"
local facts = require "gifd.flow.facts"
local metrics = require "gifd.flow.metrics"
local moment = require "gifd.moment"
local rendition_model = require "gifd.model.rendition"
local share_flow = require "gifd.flow.share"
local share_model = require "gifd.model.share"
local words = require "gifd.flow.words"
local S = require "gifd.schema"

local LIMIT, LIMIT_MAX = 50, 200

local system_mt = { __index = { system = true, may = function() return true end,
  trusted = function() return false end } }

local function pick(from, names)
  local out = {}
  for name in names:gmatch("%S+") do out[name] = from[name] end
  return out
end

local function share_copy(share)
  if not share.clicks then
    local done, err = metrics.fill { shares = { share } }
    if not done then return nil, err end
  end
  local out = pick(share, "code asset_id title description visibility clicks views max_visits visits_left")
  out.tags, out.reasons = { unpack(share.tags) }, { unpack(share.reasons) }
  out.state, out.created_at = share_model.state(share), moment.seconds(share.created_at)
  out.expires_at = share.expires_at and moment.seconds(share.expires_at)
  local account = account_model.by_id(share.account_id)
  out.account = account and account.name or nil
  return out
end

local function asset_copy(asset)
  if not asset.views then
    local done, err = metrics.fill { assets = { asset } }
    if not done then return nil, err end
  end
  local out = pick(asset, "id digest type bytes width height frames duration_ms has_alpha has_audio")
  out.state, out.created_at, out.views = asset_model.state(asset), moment.seconds(asset.created_at), asset.views
  out.reasons, out.renditions, out.colors = { unpack(asset.reasons) }, {}, asset.colors
  out.placeholder = asset.placeholder
  local rows, err = rendition_model.of_asset(asset.id)
  if not rows then return nil, err end
  for i, r in ipairs(rows) do
    out.renditions[i] = pick(r, "type width height bytes digest")
    out.renditions[i].name = r.name:match("^[^.]+")
  end
  return out
end

local function invalid(faults)
  local first = faults[1]
  return nil, gifd.err("invalid", { message = (first.path ~= "" and first.path .. " " or "") .. first.message
    .. (first.nearest and ", did you mean " .. first.nearest .. "?" or "") })
end

local function text_argument(value, name)
  if type(value) ~= "string" then error(name .. " must be text", 3) end
end

--- Who asks: nil for nobody.
local function asker(plugin, ctx, any)
  local about = context.call_of(plugin, ctx)
  if any then
    local who = { account_id = about.identity and about.identity.account_id, plugin = plugin.name }
    return setmetatable(who, system_mt), about
  end
  return about.identity, about
end

local page_schema = S.record { limit = S.integer { min = 1, max = LIMIT_MAX, default = LIMIT },
  cursor = S.optional(S.string { pattern = "^%d+$", max = 16, expects = "is not a cursor of this list" }),
  account = S.optional(S.string { max = 64 }) }

local function page_of(options)
  local page, faults = S.check(page_schema, options or {})
  if faults[1] then return invalid(faults) end
  return page
end

--- Rows, one more than asked for, as { items, next }. name: "shares" or "assets"
local function listed(rows, page, name, key, copy)
  local done, fill_err = metrics.fill { [name] = rows }
  if not done then return nil, fill_err end
  local items = {}
  for i = 1, math.min(#rows, page.limit) do
    local err
    items[i], err = copy(rows[i])
    if not items[i] then return nil, err end
  end
  return { items = items, next = #rows > page.limit and ("%d"):format(rows[page.limit][key]) or nil }
end

local function denied(message) return nil, gifd.err("denied", { message = message }) end

local function account_id_of(name)
  local account, err = account_model.find(name)
  if account == nil then return nil, err end
  if not account then return nil, gifd.err("not_found", { message = "there is no account " .. name }) end
  return account.id
end

local function assets_read(plugin, any)
  local M = {}
  --- -> asset, false when there is none that the asker may see, or nil, err
  function M.find(ctx, id)
    local who = asker(plugin, ctx, any)
    text_argument(id, "id")
    local asset, err = asset_model.find(id)
    if not asset then return asset, err end
    local allowed = any
    if not any then allowed, err = share_flow.media_access(who, asset) end
    if not allowed then return allowed, err end
    return asset_copy(asset)
  end
  if not any then return M end
  --- options = { limit, cursor } -> { items, next }, the newest first, or nil, err
  function M.list(ctx, options)
    asker(plugin, ctx, any)
    local page, err = page_of(options)
    if not page then return nil, err end
    local rows, rows_err = asset_model.all(page.cursor and tonumber(page.cursor), page.limit + 1)
    if not rows then return nil, rows_err end
    return listed(rows, page, "assets", "rowid_", asset_copy)
  end
  return M
end

local function shares_read(plugin, any)
  local M = {}
  --- -> share, false when there is none that the asker may see, or nil, err
  function M.find(ctx, code)
    local who = asker(plugin, ctx, any)
    text_argument(code, "code")
    local share, err = share_model.find(code)
    if not share then return share, err end
    if not share_flow.owns(who, share) then
      local asset, asset_err = asset_model.find(share.asset_id)
      if not asset then return nil, asset_err end
      if not share_flow.public(share, asset) then return false end
    end
    return share_copy(share)
  end
  --- Those of the asker; with ".any" those of options.account, or all. options = { limit, cursor, account }
  function M.list(ctx, options)
    local who = asker(plugin, ctx, any)
    local page, err = page_of(options)
    if not page then return nil, err end
    if not any and not (who and who:may("read")) then return denied("this needs an account that may read") end
    local account_id = not any and who.account_id
    if any and page.account then
      account_id, err = account_id_of(page.account)
      if not account_id then return nil, err end
    end
    local before, rows = page.cursor and tonumber(page.cursor)
    if account_id then rows, err = share_model.of_account(account_id, before, page.limit + 1)
    else rows, err = share_model.all(before, page.limit + 1) end
    if not rows then return nil, err end
    return listed(rows, page, "shares", "id", share_copy)
  end
  return M
end

local function writer(plugin, ctx, any, what)
  local who, about = asker(plugin, ctx, any)
  if about.restricted then error(("gifd.shares.%s: a %s changes nothing"):format(what, about.restricted), 3) end
  if not (who and who:may("upload")) then return denied("this needs an account that may upload") end
  return who, about
end

--- What was said, checked; expires_at is in seconds.
local function checked(app, given, more)
  local fields = words.schema(app.settings)
  fields.expires_at = S.any { optional = true }
  for name, node in pairs(more or {}) do fields[name] = node end
  local values, faults = words.check(fields, given)
  if not values then return invalid(faults) end
  local ends = values.expires_at
  if ends ~= nil and ends ~= gifd.null then
    if type(ends) ~= "number" or ends ~= ends or math.abs(ends) > 1e11 then
      return invalid { { path = "expires_at", message = "must be seconds since 1970, or gifd.null" } }
    end
    values.expires_at = moment.from_seconds(ends)
  end
  return values
end

local function shares_write(app, plugin, any)
  local M = {}
  local function ctx_of(about, ctx)
    return function(other, deadline)
      return context.make(other, { request_id = ctx.request_id, identity = about.identity, deadline = deadline })
    end
  end
  local function owned(who, code)
    text_argument(code, "code")
    local share, err = share_model.find(code)
    if not share then return share, err end
    return share_flow.owns(who, share) and share or false
  end
  --- fields = { asset_id, title, description, tags, visibility, expires_at, max_visits, code, account (".any") } ->
  -- share, or nil, err
  function M.create(ctx, fields)
    local who, about = writer(plugin, ctx, any, "create")
    if not who then return nil, about end
    local values, err = checked(app, fields, { asset_id = S.string { min = 1, max = 64 }, code = words.code,
      account = any and S.optional(S.string { max = 64 }) or nil })
    if not values then return nil, err end
    if values.account then who.account_id, err = account_id_of(values.account) end
    if not who.account_id then return nil, err or gifd.err("invalid", { message = "account is required" }) end
    local asset, asset_err = asset_model.find(values.asset_id)
    if asset == nil then return nil, asset_err end
    local allowed = asset and (any or share_flow.media_access(who, asset))
    if not allowed then return nil, gifd.err("not_found", { message = "there is no such asset" }) end
    values = words.complete(values)
    if values.expires_at == gifd.null then values.expires_at = nil end
    local share, share_err = share_flow.create(app, ctx_of(about, ctx), who, asset, values)
    if not share then return nil, share_err end
    return share_copy(share)
  end
  --- changes: the fields that change; gifd.null removes expires_at and max_visits -> share, false, or nil, err
  function M.update(ctx, code, changes)
    local who, about = writer(plugin, ctx, any, "update")
    if not who then return nil, about end
    local share, err = owned(who, code)
    if not share then return share, err end
    local values, invalid_err = checked(app, changes)
    if not values then return nil, invalid_err end
    local updated, update_err = share_flow.update(app, ctx_of(about, ctx), who, share, values)
    if not updated then return nil, update_err end
    return share_copy(updated)
  end
  --- -> true, false when there is none of the asker's, or nil, err
  function M.delete(ctx, code)
    local who, about = writer(plugin, ctx, any, "delete")
    if not who then return nil, about end
    local share, err = owned(who, code)
    if not share then return share, err end
    return share_flow.delete(app, who, share)
  end
  return M
end

--- Of everybody's assets, hence a capability of its own.
local function media_near()
  return { near = function(hash, distance) return facts.near(hash, distance) end }
end

--- app is filled in by boot before anything of this is called.
return function(app)
  return { assets_read = assets_read, shares_read = shares_read, media_near = media_near,
    shares_write = function(plugin, any) return shares_write(app, plugin, any) end }
end
