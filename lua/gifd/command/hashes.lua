--- command/hashes: gifd moderate hashes list|add|remove|import|export: content that is banned or allowed, beside a
-- running server or without one.
local asset_model = require "gifd.model.asset"
local categories = require "gifd.flow.categories"
local hash_file = require "gifd.flow.hash_file"
local listed = require "gifd.flow.listed"
local model = require "gifd.model.listed"
local moment = require "gifd.moment"

local OK, FAILED, USAGE, NOT_FOUND, SOME = 0, 1, 2, 4, 8
local PAGE, MOST, OF_ASSET, PART = 50, 10000, 200, 2 ^ 20

local M = {}

M.options = { list = "value", sha256 = "value", pdq = "value", asset = "value", distance = "value", reason = "value",
  category = "value", limit = "value", json = "flag" }

local function complain(code, text)
  gifd.console.error("gifd moderate hashes: " .. text .. "\n")
  return code
end

local function write(fmt, ...) gifd.console.write(fmt:format(...) .. "\n") end
local function failed(err) return complain(FAILED, tostring(err.message or err.code)) end

local function line(e, json)
  if json then
    return write("%s", gifd.json.encode { id = tostring(e.id), list = e.list, kind = e.kind, hash = e.hash,
      distance = e.distance, category = e.category, reason = e.reason, asset_id = e.asset_id or gifd.null,
      added_by = e.added_by, created_at = moment.text(e.created_at) })
  end
  write("%d\t%s\t%s\t%s\t%d\t%s\t%s", e.id, e.list, e.kind, e.hash, e.distance, e.category, e.reason)
end

local function filter_of(options)
  local hash = options.sha256 or options.pdq
  return { list = options.list, asset_id = options.asset, hash = hash and hash:lower(),
    kind = options.sha256 and "sha256" or options.pdq and "pdq" or nil }
end

local function list(_, _, options)
  local limit = tonumber(options.limit or PAGE)
  if not limit or limit < 1 or limit % 1 ~= 0 or limit > MOST then
    return complain(USAGE, ("--limit is 1 to %d"):format(MOST))
  end
  local rows, err = model.list(filter_of(options), 0, limit)
  if not rows then return failed(err) end
  for _, e in ipairs(rows) do line(e, options.json) end
  return OK
end

--- What is to be listed -> about, or nil, what is wrong
local function about_of(options)
  local about = { list = options.list or "ban", category = options.category or "unknown",
    reason = options.reason or "" }
  local named = 0
  for _, name in ipairs { "sha256", "pdq", "asset" } do if options[name] then named = named + 1 end end
  if named ~= 1 then return nil, "say one of --sha256, --pdq and --asset" end
  if about.list ~= "ban" and about.list ~= "allow" then return nil, "--list is ban or allow" end
  if not categories.known(about.category) or about.category == "safe" and about.list == "ban" then
    return nil, "there is no category " .. about.category
  end
  if #about.reason > 500 or not gifd.text.valid_utf8(about.reason) then return nil, "--reason is at most 500 bytes" end
  if options.distance then
    about.distance = options.distance:match("^%d%d?$") and tonumber(options.distance)
    if not about.distance or about.distance > listed.distance_max then
      return nil, ("--distance is 0 to %d"):format(listed.distance_max)
    end
  end
  local hash = options.sha256 or options.pdq
  if hash and (#hash ~= 64 or hash:find("%X")) then return nil, "a hash is 64 hex digits" end
  return about
end

local function entries_of(app, options, about)
  if options.asset then
    local asset, err = asset_model.find(options.asset)
    if asset == nil then return nil, err end
    if not asset then return nil, gifd.err("not_found", { message = "there is no asset " .. options.asset }) end
    return listed.entries_of(app.settings, asset, about)
  end
  local digest = options.sha256
  return { { list = about.list, kind = digest and "sha256" or "pdq", hash = (digest or options.pdq):lower(),
    distance = digest and 0 or about.distance or listed.distance, category = about.category, reason = about.reason } }
end

local function add(app, _, options)
  local about, wrong = about_of(options)
  if not about then return complain(USAGE, wrong) end
  local entries, err = entries_of(app, options, about)
  if not entries then
    return complain(err.code == "not_found" and NOT_FOUND or FAILED, tostring(err.message))
  end
  local done, put_err = listed.put(app, entries, "system")
  if not done then return failed(put_err) end
  for _, e in ipairs(entries) do
    local rows = model.list({ list = e.list, kind = e.kind, hash = e.hash }, 0, 1)
    if rows and rows[1] then line(rows[1], options.json) end
  end
  return OK
end

local function remove(app, words, options)
  local rows = {}
  if options.asset then
    local err
    rows, err = model.list({ asset_id = options.asset, list = options.list }, 0, OF_ASSET)
    if not rows then return failed(err) end
  end
  for _, word in ipairs(words) do
    local entry, err = false, nil
    if word:match("^%d+$") and #word <= 15 then entry, err = model.find(tonumber(word)) end
    if entry == nil then return failed(err) end
    if not entry then return complain(NOT_FOUND, "there is no entry " .. word) end
    rows[#rows + 1] = entry
  end
  if not rows[1] then
    return complain(options.asset and NOT_FOUND or USAGE, "say ids that list prints, or an --asset that has entries")
  end
  local done, err = listed.remove(app, rows, "system")
  if not done then return failed(err) end
  for _, e in ipairs(rows) do line(e, options.json) end
  return OK
end

local function import(app, words, options)
  if not words[1] or words[2] then return complain(USAGE, "say one FILE") end
  local draft, open_err = gifd.console.open(words[1])
  if not draft then return failed(open_err) end
  local digest, size = gifd.blob.commit(draft) -- no row will name it: jobs/orphans removes it
  if not digest then return failed(size) end
  local at = 0
  local good, bad = hash_file.import(app, function()
    if at >= size then return nil end
    local part, err = gifd.blob.read(digest, at, PART)
    if not part then return nil, err end
    at = at + #part
    return part
  end, options.list, "system", function(number, why) gifd.console.error(("line %d: %s\n"):format(number, why)) end)
  if not good then return failed(bad) end
  if options.json then write("%s", gifd.json.encode { imported = good, refused = bad })
  else write("%d taken, %d not", good, bad) end
  return bad == 0 and OK or good > 0 and SOME or FAILED
end

local function export(_, _, options)
  local done, err = hash_file.export(filter_of(options), gifd.console.write)
  return done and OK or failed(err)
end

local verbs = { list = list, add = add, remove = remove, import = import, export = export }

--- words: behind "hashes"
function M.run(app, words, options)
  local verb = verbs[table.remove(words, 1) or ""]
  if not verb then return complain(USAGE, "say list, add, remove, import FILE or export") end
  return verb(app, words, options)
end

return M
