--- plugin/forms: what plugins are given and give, in words: the source of the reference and of what editors complete.
--
-- Signatures are written as in the rows of C (core/script/signature.h). A primitive that a plugin has as C gives it, or
-- but for its own name as the first argument, needs no word here; one in a form of its own has. A line that is indented
-- by six blanks goes on with the one above.
local shapes = require "gifd.plugin.shapes"

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
media.near = near(hash: string, distance: integer) -> found: {asset_id: string, distance: integer}[] | nil, err --
      assets with a picture within so many bits, the nearest first, at most 100; 31 is "the same picture"
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
address = address(options?: {default?: string, doc?: string}) -> gifd.Schema -- "127.0.0.1:80"
network = network(options?: {default?: string, doc?: string}) -> gifd.Schema -- "10.0.0.0/8"
glob = glob(options?: {default?: string, doc?: string}) -> gifd.Schema -- "*.gif"; becomes a pattern for text:match
secret = secret(options?: {env?: string, doc?: string}) -> gifd.Schema -- only in manifests: never shown; env names
      a variable that may hold it
one_of = one_of(options: {[integer]: string, default?: string, doc?: string}) -> gifd.Schema -- one of these words
list = list(options: {of: gifd.Schema, min?: integer, max?: integer, single?: boolean, default?: table, doc?:
      string}) -> gifd.Schema -- entries from 1 on
map = map(options: {of: gifd.Schema, keys?: string, keys_expect?: string, default?: table, doc?: string}) ->
      gifd.Schema -- by name; keys is a pattern
record = record(fields: table<string, gifd.Schema>, options?: {doc?: string, open?: boolean,
      rules?: table[]}) -> gifd.Schema --
      these names, no others
either = either(options: {[integer]: gifd.Schema, expects?: string, optional?: boolean, doc?: string}) ->
      gifd.Schema -- the first that fits
optional = optional(of: gifd.Schema) -> gifd.Schema -- absent is fine
any = any(options?: {optional?: boolean, default?: any, doc?: string}) -> gifd.Schema -- whatever is given
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
for _, line in ipairs(lines(shapes)) do
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
