--- testing/rig: one plugin under test: everything of gifd around it is real, on a data directory that is thrown away;
-- but the clock and other servers are the test's.
--
--   local t = gifd.testing.start { config = { loudest = 2 }, fetch = { ... }, at = "2026-11-25T12:00:00Z" }
--   t:hook("judge", subject)   t:request { "GET", "/stats" }   t:job("refresh")   t:work()   t:upload { title = "x" }
--   t.fetched   t.log   t.published   t.gifd.kv.get("key")
local account_flow = require "gifd.flow.account"
local attempt = require "gifd.jobs.attempt"
local auth = require "gifd.http.auth"
local call = require "gifd.plugin.call"
local clock = require "gifd.testing.clock"
local context = require "gifd.plugin.context"
local contracts = require "gifd.plugin.contracts"
local fetches = require "gifd.testing.fetches"
local fresh = require "gifd.model.fresh"
local grants = require "gifd.plugin.grants"
local hooks = require "gifd.plugin.hooks"
local ingest = require "gifd.flow.ingest"
local job_lease = require "gifd.model.job_lease"
local job_model = require "gifd.model.job"
local load = require "gifd.testing.load"
local pictures = require "gifd.testing.pictures"
local plugin_data = require "gifd.flow.plugin_data"
local plugin_jobs = require "gifd.flow.plugin_jobs"
local registry = require "gifd.plugin.registry"
local routes = require "gifd.testing.routes"
local words = require "gifd.flow.words"

local real_fetch, real_log, real_publish = gifd.fetch, gifd.log, gifd.bus.publish

local Rig = {}
Rig.__index = Rig

local function merged(base, over)
  if type(base) ~= "table" or type(over) ~= "table" or over[1] ~= nil then return over end
  local out = {}
  for key, value in pairs(base) do out[key] = value end
  for key, value in pairs(over) do out[key] = merged(base[key], value) end
  return out
end

--- Lines of the log are kept for the test, and not written.
local function listen(self)
  local log = { journal = real_log.journal }
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    log[level] = function(event, fields)
      if type(event) ~= "string" then return real_log[level](event, fields) end
      self.log[#self.log + 1] = { level = level, event = event, fields = fields or {} }
    end
  end
  gifd.log = log
end

local function stand_in(self)
  return function(host)
    self.gifd = host
    clock.stand_in(host.time)
    for _, level in ipairs { "debug", "info", "warn", "error" } do
      host.log[level] = function(event, fields) gifd.log[level](event, fields) end
    end
    if host.fetch then
      local hosts = grants.hosts { uses = self.manifest.uses, config = self.config }
      host.fetch = function(options) return self.fetches:fetch(options, hosts) end
    end
    if host.bus then
      local publish = host.bus.publish
      host.bus.publish = function(topic, value)
        self.published[#self.published + 1] = { topic = topic, value = value }
        return publish(topic, value)
      end
    end
  end
end

--- app: of boot; folder: the plugin's; options = { config, settings, fetch, at }
function Rig.start(app, folder, options, recording)
  for key in pairs(options) do
    if not ({ config = true, settings = true, fetch = true, at = true })[key] then
      error(("gifd.testing.start: there is no option %q"):format(tostring(key)), 0)
    end
  end
  local self = setmetatable({ folder = folder, manifest = load.manifest(folder), log = {}, published = {},
    clock = clock }, Rig)
  clock.set(options.at)
  listen(self)
  gifd.try(fresh.clear())
  load.database(self.manifest, folder)
  local given = options.fetch
  if given and given.tape then given = { tape = folder .. "/" .. given.tape } end
  self.fetches = fetches.new(given, recording, real_fetch)
  self.fetched = self.fetches.made
  self.app = setmetatable({ settings = merged(app.settings, options.settings or {}) }, { __index = app })
  local services = { jobs = plugin_jobs(self.app), data = plugin_data(self.app), stand_in = stand_in(self) }
  self.config = load.config(self.manifest, options.config)
  self.plugin = load.plugin(self.manifest, folder, self.config, app.settings.plugin_budget, services)
  self.app.registry = registry { self.plugin }
  self.require = self.plugin.require
  return self
end

--- Who: { account = "ann", scopes = { "user" }, trusted = true } as an identity, or false for nobody
local function identity_of(who)
  if not who.account then return false end
  local account = gifd.try(account_flow.named(who.account))
  local scopes = table.concat(who.scopes or { "upload", "read" }, " ") .. (who.trusted and " trusted" or "")
  return auth.identity("token", { id = 0, account_id = account.id, account = account.name, scopes = scopes })
end

local function ctx_of(who)
  return function(plugin, deadline)
    return context.make(plugin, { request_id = "test", identity = identity_of(who or {}), deadline = deadline })
  end
end

local function entry_of(self, name)
  local list = self.app.registry.hooks[name]
  if not list then error(("the plugin %s has no hook %q"):format(self.plugin.name, name), 3) end
  return list[1]
end

--- What the hook returns for these arguments (behind ctx), checked -> value | nil | nil, err
function Rig:hook(name, ...)
  local entry = entry_of(self, name)
  if entry.kind == "tell" then return hooks.tell_one(entry, ctx_of(), ...) end
  if entry.kind == "claim" then return hooks.claim(entry, ctx_of(), ...) end
  if entry.kind == "pipe" then
    local value, skipped = hooks.pipe({ entry }, ctx_of(), ...)
    if skipped[1] then return nil, skipped[1].err end
    return value
  end
  local subject = ...
  local ballot = hooks.vote({ entry }, ctx_of(), function() return subject end)[1]
  if not ballot then return nil end
  if ballot.failed then return nil, ballot.failed end
  ballot.judge, ballot.version = nil, nil
  return ballot
end

--- A judge about the words of a share: the fields that are not said are empty.
function Rig:judge(fields)
  local subject = { kind = "share", title = "", description = "", tags = {}, visibility = "public" }
  for key, value in pairs(fields) do subject[key] = value end
  return self:hook("judge", subject)
end

--- { "GET", "/path?query" (below /p/NAME), account, scopes, headers, body or json } -> { status, headers, body, json }
function Rig:request(asked) return routes.request(self, asked, identity_of(asked)) end

--- One attempt of a job -> result | nil, err
function Rig:job(name, payload)
  local job = self.app.registry.jobs[self.plugin.name .. "/" .. name]
  if not job then error(("the plugin %s has no job %q"):format(self.plugin.name, name), 2) end
  local ctx = context.make(self.plugin, { request_id = "test", deadline = gifd.time.now() + job.timeout,
    job = { id = "0", attempt = 1 } })
  local value, err = call.within(job.timeout, self.plugin, "job " .. name, job.run, ctx, payload)
  if value == nil then return nil, err end
  local text, wrong = contracts.text(value)
  if not text then error(("job %q returned what %s"):format(name, wrong), 2) end
  return value
end

--- Its check, as before a generation goes live -> true | nil, err
function Rig:check() return call(self.plugin, "check", self.plugin.surface.check, context.make(self.plugin, {})) end

local function round(self, out)
  local done = gifd.try(gifd.db.batch { job_lease.lease_statement("test", 3600, "plugin", 50, {}) })
  local leased = job_lease.leased(done[1].rows)
  for _, job in ipairs(leased) do
    local outcome, result = attempt.run(self.app, job)
    if outcome == "completed" then
      gifd.try(gifd.db.batch { job_model.complete_many_statement { { job = job, result = result, log = "" } } })
    end
    out[#out + 1] = { name = job.name:match("^%l+ (.*)$"), outcome = outcome == "written" and "completed" or outcome,
      payload = job.payload, result = outcome == "completed" and gifd.json.decode(result) or nil }
  end
  return #leased
end

--- What the runner would do now: jobs that are due, and events -> array of { name, outcome, payload, result }
function Rig:work()
  local out = {}
  for _ = 1, 100 do if round(self, out) == 0 then break end end
  return out
end

--- { title, description, tags, visibility, bytes (else a small GIF), account (else "ann"), trusted } -> share | nil,
-- err
function Rig:upload(fields)
  fields = fields or {}
  local who = { account = fields.account or "ann", trusted = fields.trusted }
  local draft = gifd.try(gifd.workbench.draft(fields.bytes or pictures.gif()))
  local made, err = ingest.run(self.app, ctx_of(who), identity_of(who), draft, words.complete { title = fields.title,
    description = fields.description, tags = fields.tags, visibility = fields.visibility })
  if not made then return nil, err end
  return self:share(made.share.code)
end

local function as_system(self)
  local plugin = { name = self.plugin.name }
  return context.make(plugin, {}), plugin
end

--- A share as plugins see it, by its code; an asset by its id. False when there is none.
function Rig:share(code)
  local ctx, plugin = as_system(self)
  return gifd.try(plugin_data(self.app).shares_read(plugin, true).find(ctx, code))
end

function Rig:asset(id)
  local ctx, plugin = as_system(self)
  return gifd.try(plugin_data(self.app).assets_read(plugin, true).find(ctx, id))
end

--- What publish.TARGET is asked about a share.
function Rig:publication(share)
  return { id = "test", share = share, asset = self:asset(share.asset_id), url = "http://127.0.0.1:8080/s/"
    .. share.code }
end

--- Lines of the log with this event of the plugin's own: array of fields.
function Rig:logged(event)
  local out = {}
  for _, line in ipairs(self.log) do
    if line.event == event or line.event == "plugin." .. event then out[#out + 1] = line.fields end
  end
  return out
end

--- After the test: throws what it did not ask about.
function Rig:finish()
  gifd.log, gifd.bus.publish = real_log, real_publish
  self.fetches:finish()
end

return Rig
