--- flow/listed: content that somebody has banned, or allowed whatever judges say, by digest or by what it looks like.
--
--   upload --digest--> banned: refused, nothing is decoded
--          '--looked at, where pictures are listed--> banned: refused, nothing is kept
--   whatever is judged --M.ballot--> the one ballot that counts (flow/moderate)
--   a change of the lists --job listed--> what is there already is judged again (flow/relisted)
--
-- A digest goes before a likeness. Of a likeness the nearest entry counts, and of two as near the one that allows. One
-- banned picture bans the whole; only where every picture is allowed the whole is.
local audit = require "gifd.flow.audit"
local fact_model = require "gifd.model.fact"
local facts = require "gifd.flow.facts"
local model = require "gifd.model.listed"
local near = require "gifd.flow.near"

local M = {}

M.source = { index = "listed", since = model.since, extent = model.extent }

--- Bits of 256: what others who exchange such lists mean by "the same picture" (docs/decisions/0005-pdq.md).
M.distance, M.distance_max = 31, 64

--- The entry of a digest: the one that allows, else the one that bans; false, or nil, err
function M.exact(digest)
  local rows, err = model.exact("sha256", digest)
  if not rows then return nil, err end
  return rows[2] and (rows[1].list == "allow" and rows[1] or rows[2]) or rows[1] or false
end

--- The entry that counts for one picture.
local function nearest(hash, widest)
  local found, err = gifd.near.search("listed", hash, widest)
  if not found then return nil, err end
  if not found[1] then return false end
  local keys = {}
  for i, f in ipairs(found) do keys[i] = f.key end
  local entries, entries_err = model.of_keys(keys)
  if not entries then return nil, entries_err end
  local best
  for _, f in ipairs(found) do
    local entry = entries[f.key]
    if entry and f.distance <= entry.distance then
      entry.bits = f.distance
      if not best or entry.bits == best.bits and entry.list == "allow" then best = entry end
    end
  end
  return best or false
end

--- The entry that counts for pictures, as of gifd.media.look; false, or nil, err (busy while the index is being made)
function M.near(hashes)
  local widest, err = model.widest()
  if not widest or not hashes[1] then return widest and false, err end
  local synced, sync_err = near.sync(M.source)
  if not synced then return nil, sync_err end
  local allowed
  for i, h in ipairs(hashes) do
    local entry, near_err = nearest(h.hash, widest)
    if entry == nil then return nil, near_err end
    if entry and entry.list == "ban" then return entry end
    allowed = entry and (i == 1 or allowed) and entry or false
  end
  return allowed
end

--- Are there pictures on the lists?
function M.has_pictures()
  local widest, err = model.widest()
  if widest == nil then return nil, err end
  return widest ~= false
end

--- What the lists say of an asset -> ballot, false, or nil, err
function M.ballot(settings, asset)
  local entry, err = M.exact(asset.digest)
  if entry == nil then return nil, err end
  if not entry then
    local wanted, widest_err = M.has_pictures()
    if not wanted then return wanted, widest_err end
    local hashes, look_err = facts.hashes(settings, asset)
    if not hashes then return nil, look_err end
    entry, err = M.near(hashes)
    if not entry then return entry, err end
  end
  local banned = entry.list == "ban"
  return { judge = "lists", version = "1", decision = banned and "rejected" or "approved", confidence = 1,
    category = banned and entry.category or "safe", listed = true,
    reasons = { banned and entry.reason ~= "" and entry.reason or "it is on the list: " .. entry.list },
    data = { entry = entry.id, kind = entry.kind, distance = entry.bits or 0 } }
end

--- What an upload is refused with.
function M.refusal(entry)
  return gifd.err("denied", { problem = "content_banned", entry = entry.id,
    message = "this content is banned here and is not taken: " .. (entry.reason ~= "" and entry.reason or
      entry.category) })
end

--- Entries of a picture that is here: its digest, and what it looks like. With windows of it, if it is banned: what has
-- a little cut off its edges is near to one of them.
function M.entries_of(settings, asset, about)
  local out = { { list = about.list, kind = "sha256", hash = asset.digest, distance = 0 } }
  local hashes, err = {}, nil
  if about.list == "ban" and not asset.purged_at then
    hashes, err = gifd.catch(gifd.media.crops, asset.digest, facts.limits(settings))
  elseif about.distance then hashes, err = fact_model.hashes(asset.id) end
  if hashes == nil and err and (err.retryable or err.code == "cancelled") then return nil, err end
  for _, h in ipairs(hashes or {}) do
    out[#out + 1] = { list = about.list, kind = "pdq", hash = h.hash, distance = about.distance or M.distance }
  end
  for _, e in ipairs(out) do e.category, e.reason, e.asset_id = about.category, about.reason, asset.id end
  return out
end

local function told(entries, by, action)
  local first = entries[1]
  local actor = type(by) == "string" and by or nil
  return { action = "hashes." .. action, by = not actor and by or nil, actor = actor,
    kind = "hashes", subject = first.asset_id or first.hash, asset = first.asset_id, class = "compliance",
    detail = { list = first.list, kind = first.kind, entries = #entries, category = first.category } }
end

--- Statements for a batch that puts entries on the lists. by: identity or actor.
function M.put_calls(app, entries, by, action)
  local change = model.change()
  local calls = { model.put_statement(entries, type(by) == "table" and audit.actor(by) or by, change),
    model.added_statement(change) }
  audit.add(app, calls, told(entries, by, action or "add"))
  return calls
end

--- And one that takes rows off them again.
function M.remove_calls(app, rows, by)
  local ids = {}
  for i, entry in ipairs(rows) do ids[i] = entry.id end
  local calls = { model.delete_statement(ids), model.removed_statement(rows) }
  audit.add(app, calls, told(rows, by, "remove"))
  return calls
end

local function write(calls)
  local done, err = gifd.db.batch(calls)
  if not done then return nil, err end
  near.sync(M.source) -- soon enough for the next upload, which does it else
  gifd.jobs.wake()
  return done
end

--- -> true, or nil, err
function M.put(app, entries, by, action) return write(M.put_calls(app, entries, by, action)) end

function M.remove(app, rows, by) return write(M.remove_calls(app, rows, by)) end

--- The bytes of an asset are banned, or no longer: by a decision, with its batch. -> statements, or nil, err
function M.ban_calls(app, asset, d)
  if d.ban then
    local entries, err = M.entries_of(app.settings, asset, { list = "ban", category = d.category or "unknown",
      reason = d.policy or "" })
    if not entries then return nil, err end
    return M.put_calls(app, entries, d.actor)
  end
  local rows, err = model.list({ list = "ban", asset_id = asset.id }, 0, 100)
  if not rows then return nil, err end
  return rows[1] and M.remove_calls(app, rows, d.actor) or {}
end

return M
