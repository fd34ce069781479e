--- flow/subject: what a judge is told of a share or an asset; each plugin has a copy of its own.
--
--   share   { kind, title, description, tags, visibility, author() }
--   asset   { kind, id, blob, facts = { type, ..., colors, placeholder, hashes }, hashes(), frames(options) }
--
-- facts.hashes, colors and placeholder are there when they are known already, which at an upload they hardly are.
-- hashes() waits for them. frames() shows pixels, as reading the blob would: a plugin has it that may read blobs. What
-- one judge has waited for, the others of this round have at once.
local account_model = require "gifd.model.account"
local fact_model = require "gifd.model.fact"
local facts = require "gifd.flow.facts"
local share_model = require "gifd.model.share"

local RECENT = 200 -- shares of an account that a judge is told of
local KEPT = 4 -- answers of frames(), a few MB each

local M = {}

local function reads_blobs(plugin)
  for _, use in ipairs(plugin.uses) do if use == "blob.read" then return true end end
  return false
end

local function copies(list)
  if not list then return nil end
  local out = {}
  for i, item in ipairs(list) do
    out[i] = {}
    for key, value in pairs(item) do out[i][key] = value end
  end
  return out
end

local function frames_of(app, row)
  local kept, count = {}, 0
  return function(options)
    local plain, key = pcall(gifd.json.encode, options or {})
    if plain and kept[key] then return copies(kept[key]) end
    local list, err = gifd.media.frames(row.digest, options, facts.limits(app.settings))
    if not list then return nil, err end
    if plain and count < KEPT then kept[key], count = list, count + 1 end
    return copies(list)
  end
end

local function asset(app, row)
  local hashes, frames = fact_model.hashes(row.id) or nil, frames_of(app, row)
  local function wait()
    local err
    if not hashes then hashes, err = facts.hashes(app.settings, row) end
    return copies(hashes), err
  end
  return function(plugin)
    return { kind = "asset", id = row.id, blob = row.digest, hashes = wait,
      frames = reads_blobs(plugin) and frames or nil, facts = {
      type = row.type, bytes = row.bytes, width = row.width, height = row.height, frames = row.frames,
      duration_ms = row.duration_ms, has_alpha = row.has_alpha, has_audio = row.has_audio,
      colors = copies(row.colors), placeholder = row.placeholder, hashes = copies(hashes) } }
  end
end

--- Whose share it is, and what else of theirs came before it -> table, or nil, err
local function author_of(row)
  return function()
    local account, err = account_model.by_id(row.account_id)
    if not account then return account, err end
    local recent, recent_err = share_model.before(row.account_id, row.id, RECENT)
    if not recent then return nil, recent_err end
    for _, share in ipairs(recent) do share.created_at = share.created_at / 1e6 end
    return { name = account.name, created_at = account.created_at / 1e6, asset_id = row.asset_id, recent = recent }
  end
end

--- kind and its row -> function(plugin) -> what that plugin's judge gets
function M.of(app, kind, row)
  if kind == "asset" then return asset(app, row) end
  return function()
    return { kind = "share", title = row.title, description = row.description, tags = { unpack(row.tags) },
      visibility = row.visibility, author = author_of(row) }
  end
end

return M
