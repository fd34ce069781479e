--- plugin/contracts: what each part of a plugin's surface may say, gets and returns: one table, checked by code.
--
-- An author who breaks one reads the place of his function, the part of the surface and the field:
--   plugins/shout/init.lua:3: plugin shout: hook "judge" returned decision: must be one of approved, flagged, rejected
local S = require "gifd.schema"
local ladder = require "gifd.ladder"
local limits = require "gifd.limits"

local M = {}

--- JSON of what a job is given, returns or reports, and of a judge's evidence.
M.value_bytes = 64 * 1024

local word = S.optional(S.string { min = 1, max = 64 })

local ballot = S.record {
  decision = S.one_of { "approved", "flagged", "rejected" },
  category = word,
  confidence = S.optional(S.number { min = 0, max = 1 }),
  reasons = S.list { of = S.string { max = 500 }, max = 50, default = {} },
  data = S.any { optional = true },
}

local publication = S.record {
  external_id = S.string { min = 1, max = 500 },
  url = S.optional(S.url {}),
  state = S.string { pattern = "^[a-z][a-z_]*$", max = 32, default = "published" },
}

--- Every hook: its kind (hooks.lua), when it is asked, what it gets besides ctx (a signature's arguments, forms.lua),
-- what it returns and what editors call that. nothing: nil is an answer too.
M.hooks = {
  { name = "judge", kind = "vote", gets = "subject: gifd.Subject", returns = ballot, gives = "Ballot", nothing = true,
    doc = "a share's words or an asset's picture await a verdict" },
  { name = "tags", kind = "pipe", gets = "tags: string[], about: gifd.TagsAbout",
    returns = S.list { of = S.string { min = 1, max = 500 }, max = 1000 }, doc = "a share is about to be made" },
  { name = "renditions", kind = "pipe", gets = "ladder: gifd.Rung[], about: gifd.LadderAbout",
    returns = S.list { min = 1, max = ladder.most, of = ladder.rung },
    doc = "an asset is about to be rendered" },
  { name = "publish.TARGET", pattern = "^publish%.[a-z][a-z0-9-]*$", kind = "claim",
    gets = "publication: gifd.Publication", returns = publication, gives = "Published",
    doc = "a share is to appear at TARGET" },
  { name = "on_upload", kind = "tell", gets = "event: gifd.UploadEvent", doc = "a file was taken" },
  { name = "on_share", kind = "tell", gets = "event: gifd.ShareEvent", doc = "a share was made, by an upload too" },
  { name = "on_verdict", kind = "tell", gets = "event: gifd.VerdictEvent", doc = "judges or people have decided" },
  { name = "on_withdraw", kind = "tell", gets = "event: gifd.WithdrawEvent",
    doc = "what was approved is so no more: what was published of it is to be withdrawn" },
  { name = "on_ban", kind = "tell", gets = "event: gifd.BanEvent",
    doc = "a moderator has banned the bytes of an asset, or has taken that back" },
  { name = "on_rendition", kind = "tell", gets = "event: gifd.RenditionEvent",
    doc = "renditions are made, or cannot be" },
  { name = "on_delete", kind = "tell", gets = "event: gifd.DeleteEvent",
    doc = "somebody deleted a share, or it was over and went with its asset" },
  { name = "on_purge", kind = "tell", gets = "event: gifd.PurgeEvent", doc = "what caches keep is no longer true" },
}

M.hook_names = {}
for i, hook in ipairs(M.hooks) do M.hook_names[i] = hook.name end

--- The row of a hook's name, or nil.
function M.hook(name)
  for _, hook in ipairs(M.hooks) do
    if hook.name == name or hook.pattern and name:match(hook.pattern) then return hook end
  end
end

local neighbours = S.either { S.string { max = 64 }, S.list { of = S.string { max = 64 }, max = 64 }, optional = true,
  expects = "must be a plugin's name, or a list of them" }
local run = S.any {}

--- What stands beside `run` in the tables of a surface.
M.options = {
  hook = S.record { run = run, after = neighbours, before = neighbours, slow = S.boolean { default = false },
    timeout = S.optional(S.duration { min = 0.01, max = 3600 }) },
  route = S.record {
    run = run,
    auth = S.string { pattern = "^[a-z][a-z0-9_-]*:?[a-z0-9_-]*$", max = 64,
      expects = 'must be "public", "user" or a permission' },
    limit = S.either { S.string { pattern = "^%u+ /%S*$" }, limits.policies, optional = true },
    body = S.any { optional = true },
    body_max = S.bytes { default = 2 ^ 20, max = 64 * 2 ^ 20 },
  },
  job = S.record {
    run = run,
    every = S.either { S.duration { min = 1, max = 366 * 86400 }, S.string { min = 9, max = 200, pattern = "%s" },
      optional = true, expects = 'must be a length of time such as "6h", up to 366 days, or the five fields of cron' },
    timeout = S.duration { default = 60, min = 0.01, max = 3600 },
    attempts = S.optional(S.integer { min = 1, max = 100 }),
    deadline = S.optional(S.duration { min = 1, max = 366 * 86400 }),
  },
}

local reply = { status = "number", headers = "table", body = "string", json = true, cache = "table" }

--- What a route returned, by hand since every request pays for it -> nil, or what is wrong with it.
function M.reply_fault(value)
  if type(value) ~= "table" then return "a " .. type(value) .. ", not { status, headers, body or json, cache }" end
  for key, item in pairs(value) do
    local wanted = reply[key]
    if not wanted then return ("%s: unknown key"):format(tostring(key)) end
    if wanted ~= true and type(item) ~= wanted then return ("%s: must be a %s"):format(key, wanted) end
  end
  local status = value.status
  if status and (status % 1 ~= 0 or status < 200 or status > 599) then return "status: must be 200 to 599" end
  if value.body and value.json ~= nil then return "json: excludes body" end
  for name, text in pairs(value.headers or {}) do
    if type(name) ~= "string" or not name:match("^[%w!#$%%&'*+.^_`|~-]+$") then
      return ("headers: %q is no name of a field"):format(tostring(name))
    end
    for _, one in ipairs(type(text) == "table" and text or { text }) do
      if type(one) ~= "string" and type(one) ~= "number" or tostring(one):find("[%z\r\n]") then
        return ("headers.%s: must be text of one line"):format(name)
      end
    end
  end
end

M.cache_reply = S.record { cache = S.record {
  key = S.optional(S.string { min = 1, max = 64 }),
  tags = S.list { of = S.string { min = 1, max = 64 }, max = 5, default = {} },
  seconds = S.number { min = 0, max = 86400 },
  counts = S.list { of = S.string { min = 2, max = 64 }, max = 4, default = {} },
} }

--- How a plugin's own tag is called among all tags; "" stands for all that it has kept.
function M.tag(plugin, tag) return "plugin:" .. plugin.name .. ":" .. tag end

local function place(fn, plugin)
  return gifd.bundle.where(fn) or "plugins/" .. plugin.name .. "/init.lua"
end

--- An err that names plugin, file and field: about what `fn`, the plugin's `what`, returned.
function M.fault(plugin, what, fn, message)
  return gifd.err("script", { message = ("%s: plugin %s: %s returned %s"):format(place(fn, plugin), plugin.name, what,
    message) })
end

--- Value as `node` has it, or nil, err.
function M.returned(plugin, what, fn, node, value)
  local checked, faults = S.check(node, value)
  local first = faults[1]
  if not first then return checked end
  local near = first.nearest and (" (did you mean %s?)"):format(first.nearest) or ""
  return nil, M.fault(plugin, what, fn, (first.path ~= "" and first.path .. ": " or "what ") .. first.message .. near)
end

--- JSON text of a value that leaves the VM, or nil, what is wrong with it.
function M.text(value)
  if value == nil then value = gifd.null end
  local ok, text = pcall(gifd.json.encode, value)
  if not ok then return nil, "must be plain data: " .. tostring(text) end
  if #text > M.value_bytes then return nil, ("has more than %d KiB as JSON"):format(M.value_bytes / 1024) end
  return text
end

return M
