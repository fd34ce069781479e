--- flow/ingest: from bytes to a link.
--
--   draft --digest is banned--> refused (403), not looked at
--         '--probe--> refused (415, 422): the draft is dropped, nothing was ever visible
--         '--looks like what is banned (flow/listed)--> refused (403)
--         '--------> blob committed (durable) --one batch--> asset, share, ladder job: rows born pending
--                    --judges--> verdict rows --> the answer
--
-- A kill before the batch leaves at most a blob that no row names (jobs/orphans removes it); after it, rows that the
-- runner's sweep judges and renders. The bytes of what exists already are never refused and never tell whose they are.
local asset_model = require "gifd.model.asset"
local audit = require "gifd.flow.audit"
local events = require "gifd.flow.events"
local fact_model = require "gifd.model.fact"
local facts_flow = require "gifd.flow.facts"
local job_model = require "gifd.model.job"
local listed = require "gifd.flow.listed"
local share_flow = require "gifd.flow.share"
local trust = require "gifd.flow.trust"

local M = {}

local function room(settings)
  local free = gifd.blob.free()
  if free and free < settings.uploads.disk_reserve then
    return nil, gifd.err("disk_full", { message = "the server's disk is almost full", retryable = true })
  end
  return true
end

--- Before the body is read.
function M.admit(settings) return room(settings) end

--- The asset's row, and what the log says of it: that it is new, and that somebody trusted vouches for it now.
local function asset_rows(app, identity, asset)
  local calls = {}
  local trusted, scrutiny = trust.of(app.settings, identity)
  local detail = { { digest = asset.digest, type = asset.type, bytes = asset.bytes }, {} }
  for i, call in ipairs(asset_model.statements(asset.id, asset.digest, asset.bytes, asset, trusted, scrutiny)) do
    calls[#calls + 1] = call
    audit.add(app, calls, { action = i == 1 and "asset.create" or "asset.trust", by = identity, kind = "asset",
      subject = asset.id, account_id = identity.account_id, detail = detail[i] }, "changed")
  end
  return calls
end

--- new = { asset (facts, id, digest, bytes), known, fields, skipped }
local function rows(app, code, identity, new)
  local asset = new.asset
  local calls = asset_rows(app, identity, asset)
  for _, call in ipairs(share_flow.statements(app, identity, code, asset, new.fields, new.skipped)) do
    calls[#calls + 1] = call
  end
  if new.look then
    for _, call in ipairs(fact_model.statements(asset.id, new.look)) do calls[#calls + 1] = call end
  end
  calls[#calls + 1] = job_model.ladder_statement(asset.digest)
  events.add(app, calls, "on_upload", { code = code, asset_id = asset.id, account_id = identity.account_id,
    type = asset.type, bytes = asset.bytes, new = not new.known })
  return calls
end

--- Before anything is decoded -> the entry that allows these bytes, or false, and what their pictures are if that is
-- known; or nil, err
local function exactly(draft)
  local digest, err = gifd.blob.digest(draft)
  if not digest then return nil, err end
  local entry, list_err = listed.exact(digest)
  if entry == nil then return nil, list_err end
  if entry and entry.list == "ban" then return nil, listed.refusal(entry) end
  local known, known_err = asset_model.by_digest(digest)
  if known == nil then return nil, known_err end
  return entry, known and fact_model.hashes(known.id) or nil
end

--- Where pictures are listed -> what it looks like, which is not told twice; false; or nil, err. What cannot be looked
-- at now is taken: until it was, it has no verdict.
local function looked(app, draft, facts, allowed, hashes)
  local wanted, err = not allowed and listed.has_pictures() or false, nil
  if not wanted then return wanted, err end
  local look = not hashes and facts_flow.look(app.settings, draft, facts)
  hashes = hashes or look and look.hashes
  local entry = hashes and listed.near(hashes)
  if entry and entry.list == "ban" then return nil, listed.refusal(entry) end
  return look or false
end

--- -> { share, asset, held = this account had a share of these bytes }
function M.run(app, ctx_of, identity, draft, fields)
  local u = app.settings.uploads
  local allowed, hashes = exactly(draft)
  if allowed == nil then return nil, hashes end
  local facts, err = gifd.media.probe(draft, { canvas_px = u.canvas_px, total_px = u.total_px, frames = u.frames,
    deadline = u.probe_deadline, account = tonumber(identity.account_id) or 0 })
  if not facts then
    if err.code == "timeout" then err = gifd.err("bad_media", { message = "looking at the file took too long" }) end
    if err.code == "media_crash" then err = gifd.err("bad_media", { message = err.message }) end
    return nil, err
  end
  local look, look_err = looked(app, draft, facts, allowed, hashes)
  if look == nil then return nil, look_err end
  local digest, size = gifd.blob.commit(draft)
  if not digest then return nil, size end
  local known, known_err = asset_model.by_digest(digest)
  if known == nil then return nil, known_err end
  local held = false
  if known and (known.purged_at or known.legal) then
    return nil, gifd.err("denied", { problem = "content_banned",
      message = "this file was taken down and is not taken again" })
  end
  if known then
    held, err = asset_model.has_share_of(known.id, identity.account_id)
    if held == nil then return nil, err end
  end
  facts.digest, facts.bytes = digest, size
  facts.id, err = asset_model.id_for(digest)
  if not facts.id then return nil, err end
  local new = { asset = facts, known = known, fields = fields, look = look }
  fields.tags, new.skipped = share_flow.tags(app, ctx_of, fields, facts)
  local code, code_err = share_flow.with_code(nil, function(code) return rows(app, code, identity, new) end)
  if not code then return nil, code_err end
  gifd.jobs.wake()
  local share, asset = share_flow.judged(app, ctx_of, code)
  if not share then return nil, asset end
  return { share = share, asset = asset, held = held }
end

return M
