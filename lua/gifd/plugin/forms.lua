--- plugin/forms: what plugins are given and give, in words: the source of the reference and of what editors complete.
--
-- Signatures are written as in the rows of C (core/script/signature.h). A primitive that a plugin has as C gives it, or
-- but for its own name as the first argument, needs no word here; one in a form of its own has. A class has lines of
-- "field?: type -- what it is". A line that is indented by six blanks goes on with the one above.
local M = {}

local functions = [[
assets.find = find(ctx: gifd.Ctx, id: string) -> asset: gifd.Asset|false | nil, err -- one that the asker may see
assets.list = list(ctx: gifd.Ctx, options?: {limit?: integer, cursor?: string}) -> page: {items: gifd.Asset[],
      next?: string} | nil, err -- the newest first
cache.purge = purge(tag?: string) -> true -- takes back what the plugin's routes have kept under a tag or a key;
      without one all of it
fetch = fetch(options: gifd.Fetch) -> reply: gifd.Reply | nil, err -- asks another server; every status is a reply
jobs.cancel = cancel(id: string) -> cancelled: boolean | nil, err -- false when it was over
jobs.enqueue = enqueue(name: string, payload?: any, options?: {key?: string, delay?: number, priority?: integer}) ->
      id: string, made: boolean | nil, err -- a job that is on disk when this returns; made is false when one with
      the key waits or runs
jobs.get = get(id: string) -> job: gifd.Job|false | nil, err -- one of the plugin's own
jobs.progress = progress(id: string, value: any) -> true | nil, err -- of the job that runs; "cancelled": stop
limit.limiter = limiter(options: {strategy: "token_bucket"|"fixed_window"|"sliding_window", rate: integer, per:
      number|string, burst?: integer, resolution?: integer, name?: string}) -> gifd.Limiter -- counts across all
      processes
metric.counter = counter(name: string, labels?: table<string, string|number|boolean>) -> counter: gifd.Counter |
      nil, err -- a number that only grows
metric.gauge = gauge(name: string, labels?: table<string, string|number|boolean>) -> gauge: gifd.Gauge | nil, err --
      a number that goes up and down
metric.histogram = histogram(name: string, labels?: table<string, string|number|boolean>) -> histogram:
      gifd.Histogram | nil, err -- how often which values were seen
null = null: lightuserdata -- null of JSON, and a value that removes
shares.create = create(ctx: gifd.Ctx, fields: gifd.ShareFields) -> share: gifd.Share | nil, err -- judged as any
shares.delete = delete(ctx: gifd.Ctx, code: string) -> deleted: boolean | nil, err -- false when there is none of
      the asker's
shares.find = find(ctx: gifd.Ctx, code: string) -> share: gifd.Share|false | nil, err -- one that the asker may see
shares.list = list(ctx: gifd.Ctx, options?: {limit?: integer, cursor?: string, account?: string}) -> page: {items:
      gifd.Share[], next?: string} | nil, err -- the asker's, the newest first; account needs ".any"
shares.update = update(ctx: gifd.Ctx, code: string, changes: gifd.ShareFields) -> share: gifd.Share|false | nil, err
      -- gifd.null removes expires_at and max_visits
]]

local schemas = [[
string = string(options?: {min?: integer, max?: integer, pattern?: string, expects?: string, default?: string, doc?:
      string}) -> gifd.Schema -- text; min and max are characters
integer = integer(options?: {min?: integer, max?: integer, default?: integer, doc?: string}) -> gifd.Schema -- a
      whole number
number = number(options?: {min?: number, max?: number, default?: number, doc?: string}) -> gifd.Schema -- a number
boolean = boolean(options?: {default?: boolean, doc?: string}) -> gifd.Schema -- true or false
bytes = bytes(options?: {min?: number, max?: number, default?: number|string, doc?: string}) -> gifd.Schema -- "10
      MiB", or bytes
duration = duration(options?: {min?: number, max?: number, default?: number|string, doc?: string}) -> gifd.Schema --
      "5m", or seconds
url = url(options?: {default?: string, doc?: string}) -> gifd.Schema -- http or https
secret = secret(options?: {env?: string, doc?: string}) -> gifd.Schema -- only in manifests: never shown; env names
      a variable that may hold it
one_of = one_of(options: {[integer]: string, default?: string, doc?: string}) -> gifd.Schema -- one of these words
list = list(options: {of: gifd.Schema, min?: integer, max?: integer, single?: boolean, default?: table, doc?:
      string}) -> gifd.Schema -- entries from 1 on
map = map(options: {of: gifd.Schema, keys?: string, keys_expect?: string, default?: table, doc?: string}) ->
      gifd.Schema -- by name; keys is a pattern
record = record(fields: table<string, gifd.Schema>, options?: {doc?: string, open?: boolean}) -> gifd.Schema --
      these names, no others
either = either(options: {[integer]: gifd.Schema, expects?: string, optional?: boolean, doc?: string}) ->
      gifd.Schema -- the first that fits
optional = optional(of: gifd.Schema) -> gifd.Schema -- absent is fine
any = any(options?: {optional?: boolean, default?: any, doc?: string}) -> gifd.Schema -- whatever is given
]]

local classes = [[
Err = a failure of the world, told apart by its code
  code: gifd.Code -- from the closed list
  message: string -- for people
  retryable: boolean -- may another attempt go well?
  cause?: any -- what was behind
Ctx = the call that a hook, route or job is in; good for this call only
  config: any -- the plugin's part of config.lua, checked
  request_id?: string -- as in the log
  account?: string -- the name of whoever the call is for
  deadline?: number -- seconds since 1970
  job?: {id: string, attempt: integer} -- in jobs and listeners
  log: gifd.Log -- lines that name the plugin
Log = lines of the log
  debug: fun(event: string, fields?: table<string, any>) -- if the level asks for it
  info: fun(event: string, fields?: table<string, any>) -- as it is
  warn: fun(event: string, fields?: table<string, any>) -- somebody should look
  error: fun(event: string, fields?: table<string, any>) -- somebody must look
Draft = bytes on their way to a blob
Manifest = plugin.lua: data, readable without running anything
  name: string -- that of its folder: a-z, 0-9 and -
  api: integer -- which of the plugin APIs it is written for: 1
  version: string -- the plugin's own
  summary?: string -- one line
  uses?: string[] -- what it needs beyond what all have
  config?: gifd.Schema -- its part of config.lua, made with schema
Schema = a node that schema has made
Fetch = what gifd.fetch is asked
  url: string -- http or https; its host stands in the manifest's uses
  method?: string -- GET, or POST with a body
  headers?: table<string, string> -- by name
  body?: string -- as it is
  timeout?: number -- seconds, with waiting, redirects and retries
  max_bytes?: integer -- of the answer
  into?: "blob" -- the body of a 2xx becomes reply.draft
  redirects?: integer -- how many are followed
  retries?: integer -- further tries of what may pass
Reply = what another server said
  status: integer -- of the last hop
  headers: table<string, string> -- names in lower case
  body?: string -- whole
  draft?: gifd.Draft -- instead of body
  bytes: integer -- of the body
  url: string -- of the last hop
  http: string -- "1.1" or "2"
  redirects: integer -- that were followed
  attempts: integer -- that were made
Facts = what a file is
  type: string -- media type
  width: integer -- pixels
  height: integer -- pixels
  frames: integer -- pictures in it
  duration_ms: integer -- of one round
  loop: integer -- rounds; 0: for ever
  has_alpha: boolean -- is any of it transparent?
  has_audio: boolean -- is there sound?
  truncated: boolean -- does its end lack?
Recipe = what a render makes
  format: "png"|"jpeg"|"gif"|"webp"|"mp4"|"webm" -- of the output
  width?: integer -- at most
  height?: integer -- at most
  at?: number -- seconds into it, for a still
  from?: number -- seconds
  to?: number -- seconds
  repeat_to?: number -- seconds that rounds are repeated to
  fps?: number -- at most
  frames?: integer -- at most
  quality?: integer -- 1 to 100
  bitrate?: integer -- of video
  colors?: integer -- of a palette
  lossy?: integer -- how much a GIF may lose
  floor?: number -- least likeness
  dither?: "auto"|"none"|"ordered"|"diffuse" -- of a palette
  background?: integer -- 0xRRGGBB behind transparency
  loop?: integer -- rounds; 0: for ever
  budget?: integer -- bytes at most
Rung: Recipe = one rendition: a name, and a recipe
  at_once?: boolean -- made with the upload, not when it is asked for first
  name: string -- a-z, 0-9, _ and -
Job = a job as it stands
  id: string -- as enqueue said
  name: string -- of the plugin's jobs
  state: "pending"|"running"|"completed"|"failed"|"cancelled"|"parked" -- now
  attempts: integer -- so far
  progress?: any -- as the job said
  result?: any -- what it returned
  error?: string -- of the last attempt
  created_at: number -- seconds since 1970
  run_at: number -- seconds since 1970
Asset = bytes, once
  id: string -- the beginning of its digest
  digest: string -- SHA-256, as gifd.blob takes it
  type: string -- media type
  bytes: integer -- of the original
  width: integer -- pixels
  height: integer -- pixels
  frames: integer -- pictures in it
  duration_ms: integer -- of one round
  has_alpha: boolean -- transparent?
  has_audio: boolean -- sound?
  state: string -- verdict, or how far its media is
  reasons: string[] -- of the verdict
  views: integer -- so far
  created_at: number -- seconds since 1970
  renditions: {name: string, type: string, width: integer, height: integer, bytes: integer, digest: string}[] --
      made
Share = one account's act of sharing an asset
  code: string -- of its link
  asset_id: string -- what is shared
  title: string -- "" for none
  description: string -- "" for none
  tags: string[] -- in order
  visibility: "public"|"unlisted"|"private" -- to whom
  state: string -- verdict, live or expired
  reasons: string[] -- of the verdict
  clicks: integer -- so far
  views: integer -- so far
  account?: string -- whose
  max_visits?: integer -- then it is over
  visits_left?: integer -- of these
  created_at: number -- seconds since 1970
  expires_at?: number -- seconds since 1970
ShareFields = what is said of a share
  asset_id?: string -- create needs it
  title?: string -- shown
  description?: string -- shown
  tags?: string[] -- in order
  visibility?: "public"|"unlisted"|"private" -- to whom
  expires_at?: number|lightuserdata -- seconds since 1970
  max_visits?: integer|lightuserdata -- then it is over
  code?: string -- instead of a random one
  account?: string -- whose, with ".any"
Subject = what a judge is asked about: the words of a share, or the picture of an asset
  kind: "share"|"asset" -- which
  title: string -- of a share
  description: string -- of a share
  tags: string[] -- of a share
  visibility: "public"|"unlisted"|"private" -- of a share
  blob: string -- of an asset: its digest
  facts: gifd.Facts -- of an asset
TagsAbout = what tags are about
  title: string -- of the share
  description: string -- of the share
  visibility: string -- of the share
  asset: gifd.Facts -- what is shared
LadderAbout = what renditions are made of
  asset: table -- id, digest, type, width, height, frames, duration_ms, ...
Publication = what is to be published
  id?: string -- the same for each attempt
  share: gifd.Share -- what is published
  asset: gifd.Asset -- its picture
  url: string -- of the share's page
Event = what happened; told at least once
  event: string -- its name
  id: string -- the same each time
  at: number -- seconds since 1970
  code?: string -- of the share
  asset_id?: string -- of the asset
  account?: string -- whose
UploadEvent: Event = a file was taken
  type: string -- media type
  bytes: integer -- of the file
  new: boolean -- its bytes were not known
ShareEvent: Event = a share was made, by an upload too
  visibility: string -- to whom
VerdictEvent: Event = judges have decided
  kind: "share"|"asset" -- about what
  verdict: string -- what they decided
  reasons: string[] -- theirs
RenditionEvent: Event = renditions are made, or cannot be
  media: "ready"|"failed" -- which
  renditions?: string[] -- names
  reason?: string -- of the failure
DeleteEvent: Event = somebody deleted a share, or it was over and went with its asset
PurgeEvent: Event = what caches keep is no longer true; told once
  tags: string[] -- of what is kept
  urls: string[] -- of what is kept
Request = what a route is asked
  method: string -- GET, POST, ...
  path: string -- decoded
  params: table<string, string> -- of the pattern
  query: table<string, string> -- of the address
  headers: table<string, string> -- names in lower case
  body: any -- bytes, or the checked value of `body`
  account?: string -- who asks
  client_ip: string -- where from
Answer = what a route answers
  status?: integer -- 200
  headers?: table<string, string|string[]> -- by name
  body?: string -- as it is
  json?: any -- instead of body
  cache?: gifd.Keep -- of a public GET: may be kept
Keep = how long an answer may be given again without asking
  seconds: number -- 0 to 86400
  key?: string -- for gifd.cache.purge
  tags?: string[] -- for gifd.cache.purge; share:CODE and asset:ID end with these
  counts?: string[] -- codes of shares that each answer is a visit of
]]

local function lines(text)
  local out = {}
  for line in text:gsub("\n      ", " "):gmatch("[^\n]+") do out[#out + 1] = line end
  return out
end

local function pairs_of(text)
  local out = {}
  for i, line in ipairs(lines(text)) do
    local name, rest = line:match("^(%S+) = (.*)$")
    out[i] = { name = name, signature = rest }
  end
  return out
end

--- { { name = "jobs.enqueue", signature }, ... }; the schema of manifests and of bodies.
M.functions, M.schema = pairs_of(functions), pairs_of(schemas)

--- { { name = "Err", parent?, doc, fields = { "code: gifd.Code -- from the closed list", ... } }, ... }
M.classes = {}
for _, line in ipairs(lines(classes)) do
  local field = line:match("^  (.*)$")
  if field then
    local fields = M.classes[#M.classes].fields
    fields[#fields + 1] = field
  else
    local name, doc = line:match("^(%S+) = (.*)$")
    if not name then
      local own, parent, rest = line:match("^(%w+): (%w+) = (.*)$")
      M.classes[#M.classes + 1] = { name = own, parent = parent, doc = rest, fields = {} }
    else
      M.classes[#M.classes + 1] = { name = name, doc = doc, fields = {} }
    end
  end
end

return M
