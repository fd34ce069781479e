--- settings: the schema of config.lua. The finished table is settings.json of a generation, read by C and Lua alike.
--
-- C reads: listen[], trusted_proxies, workers (0: one per core), log.*, http.*, uploads.max_bytes, reload,
-- plugin_dirs, fetch.*, media.* and the names of plugins. Everything else is read here.
local S = require "gifd.schema"
local ladder = require "gifd.ladder"
local limits = require "gifd.limits"

local function listener(value)
  return S.record({ address = value, proxy_protocol = S.boolean { default = false,
    doc = "each connection begins with a PROXY header, version 1 or 2" },
    tls = S.list { of = S.record({
      cert = S.string { min = 1, max = 500, doc = "file of the certificate and its chain, PEM, relative to this file" },
      key = S.either { S.string { min = 1, max = 500, pattern = "^[^\n]+$", doc = "file of its key" }, S.secret {},
        doc = "its key, PEM without a password: a file, or a secret that holds the text" },
      staple = S.optional(S.string { min = 1, max = 500, doc = "file of an OCSP response, DER; without it CERT.ocsp, "
        .. "if there is one" }),
    }, { doc = "files are watched, and swapped when they change" }), max = 16, default = {},
      doc = "TLS with these certificates; the first is for clients that name no other's host" },
    hsts = S.duration { default = 0, min = 0, max = 2 * 366 * 86400,
      doc = "Strict-Transport-Security for so long, with tls; 0: not said" },
    redirect = S.optional(S.one_of { "https", doc = "requests are sent to the same address by https" }) },
    { doc = "one address, with options of its own" })
end

local function policy(default, doc)
  return S.one_of { "immutable", "long", "short", "revalidate", "none", default = default,
    doc = "how long others may keep " .. doc }
end

local address = S.address { doc = '"ADDRESS:PORT"; port 0 lets the system choose' }

--- review: a person looks at everything; strict: at what no judge of pixels approved; approve: what no judge objects to
-- is approved; usual: as if it were not named.
local upload_policies = { "usual", "review", "strict", "approve" }
local categories = { "safe", "nsfw", "graphic_violence", "hate_speech", "illegal", "spam", "unknown" }

return S.record({
  site = S.record({
    name = S.string { default = "gifd", min = 1, max = 80, doc = "shown on pages and in previews" },
    base_url = S.optional(S.url {
      doc = "where people reach this server; without it links follow the request's host, if that is of this machine" }),
  }, { doc = "the site as people see it" }),
  listen = S.list {
    of = S.either { address, listener(address),
      expects = 'must be an address such as "127.0.0.1:8080", or { address = ..., proxy_protocol = true }' },
    min = 1, max = 16, default = { "127.0.0.1:8080" }, doc = "addresses to listen on",
  },
  trusted_proxies = S.list { of = S.network {}, max = 64, default = {},
    doc = "addresses whose Forwarded, X-Forwarded-* and PROXY headers are believed" },
  workers = S.integer { default = 0, min = 0, max = 64,
    doc = "processes that answer requests; 0: as many as there are cores" },
  plugins = S.map {
    of = S.either { S.boolean {}, S.any {} }, keys = "^[a-z][a-z0-9-]*$", max = 128,
      keys_expect = "is not the name of a plugin (a-z, 0-9, -)",
    default = {}, doc = "a plugin is loaded if and only if it is named here, with true or its settings",
  },
  plugin_dirs = S.list { of = S.string { min = 1, max = 1000 }, max = 16, default = {},
    doc = "folders of further plugin folders, relative to this file; later ones win" },
  reload = S.one_of { "manual", "auto", default = "manual",
    doc = "auto: when a file of the configuration, host Lua or plugins changes" },
  reload_drain = S.duration { default = "10m", min = 0.1, max = 86400,
    doc = "that requests which began before a reload get to finish; then they are cancelled" },
  plugin_budget = S.record({
    slice = S.duration { default = "50ms", min = 0.01, max = 60, doc = "of processor time from one wait to the next" },
    call = S.duration { default = "2s", min = 0.01, max = 3600, doc = "of processor time of one call in all" },
    memory = S.bytes { default = "64 MiB", min = 2 ^ 20, max = 64 * 2 ^ 20, doc = "taken by one call" },
  }, { doc = "what one plugin may take of a process; trusted ones have no bounds",
    rules = { { "slice", at_most = "call" } } }),
  unseen = S.one_of { "flagged", "approved", "pending", default = "flagged",
    doc = "the verdict on what no judge has an opinion about and nobody trusted uploaded" },
  judge_deadline = S.duration { default = "15m", min = 1, max = 7 * 86400,
    doc = "how long a judge that fails for now is asked again before that counts as a flag" },
  moderation = S.record({
    approve = S.number { default = 0.95, min = 0, max = 1,
      doc = "how sure a judge must be that a thing is safe; below that a person looks at it" },
    reject = S.number { default = 0.80, min = 0, max = 1,
      doc = "how sure a judge must be of what is wrong with a thing; below that a person looks at it" },
    strict = S.boolean { default = false,
      doc = "flag every asset that no judge which looks at pixels has approved, whoever uploaded it" },
    outage = S.duration { default = "24h", min = 1, max = 30 * 86400,
      doc = "how long things wait for a judge that fails at everything; then they are flagged" },
    probe = S.duration { default = "15s", min = 0.1, max = 3600, doc = "how often such a judge is tried again" },
    lease = S.duration { default = "15m", min = 1, max = 86400,
      doc = "how long nobody else gets what a reviewer has claimed" },
    accounts = S.map { of = S.one_of(upload_policies), keys = "^[%w][%w@%._-]*$", keys_expect = "is no account's name",
      default = {}, max = 10000, doc = "by account: how its uploads are judged" },
    tokens = S.map { of = S.one_of(upload_policies), keys = "^.+$", keys_expect = "is no token's name",
      default = {}, max = 10000, doc = "the same by the name of a token, which goes before its account" },
    categories = S.map { of = S.map { of = S.one_of { unpack(categories) }, keys = "^.+$",
      keys_expect = "is no category", max = 200, default = {} }, keys = "^[a-z][a-z0-9-]*$",
      keys_expect = "is not the name of a plugin (a-z, 0-9, -)", default = {}, max = 128,
      doc = "by judge: what its own words for what is wrong are called here" },
  }, { doc = "how verdicts come about; docs/moderation.md" }),
  uploads = S.record({
    max_bytes = S.bytes { default = "100 MiB", min = 1, max = 16 * 2 ^ 30, doc = "of one file" },
    canvas_px = S.integer { default = 50e6, min = 1, max = 65535 * 65535, doc = "width times height" },
    total_px = S.integer { default = 500e6, min = 1, max = 2 ^ 40, doc = "canvas times frames" },
    frames = S.integer { default = 10000, min = 1, max = 1e6, doc = "of one file" },
    probe_deadline = S.duration { default = "2s", min = 0.1, max = 300, doc = "to look at one file" },
    render_deadline = S.duration { default = "120s", min = 1, max = 3600, doc = "to make all renditions of one file" },
    title = S.integer { default = 500, min = 1, max = 10000, doc = "characters of a title" },
    description = S.integer { default = 10000, min = 1, max = 100000, doc = "characters of a description" },
    tags = S.integer { default = 100, min = 1, max = 1000, doc = "tags of one share" },
    tag = S.integer { default = 100, min = 1, max = 500, doc = "characters of a tag" },
    disk_reserve = S.bytes { default = "256 MiB", doc = "uploads are refused (507) when less than this is free" },
  }, { doc = "what may be uploaded" }),
  media = S.record({
    children = S.record({
      min = S.integer { default = 2, min = 1, max = 64, doc = "renders at a time when few jobs wait" },
      max = S.integer { default = 10, min = 1, max = 64, doc = "when many do; never more than there are cores" },
    }, { doc = "processes that render" }),
    memory = S.bytes { default = 0, max = 2 ^ 50,
      doc = "that all renders may take together; 0: half of the machine's" },
    pixels = S.integer { default = 4e9, min = 1, max = 2 ^ 50, doc = "canvas times frames of all renders at a time" },
    account_pixels = S.integer { default = 2e9, min = 1, max = 2 ^ 50, doc = "and of those of one account" },
  }, { doc = "what all renders may take together" }),
  renditions = ladder.settings,
  http = S.record({
    head_bytes = S.bytes { default = "32 KiB", min = 1024, max = 2 ^ 20, doc = "request line and fields together" },
    head_fields = S.integer { default = 100, min = 8, max = 1000, doc = "fields of one request" },
    target_bytes = S.bytes { default = "8 KiB", min = 256, max = 2 ^ 16, doc = "the request target" },
    head_timeout = S.duration { default = "15s", min = 0.1, max = 600,
      doc = "from the first byte of a head to its end" },
    idle_timeout = S.duration { default = "60s", min = 0.1, max = 3600, doc = "between requests" },
    body_timeout = S.duration { default = "30s", min = 0.1, max = 600, doc = "without a byte of a body" },
    body_rate = S.bytes { default = 1024, doc = "bytes a second that a body must average after its first ten seconds" },
    send_timeout = S.duration { default = "30s", min = 0.1, max = 600, doc = "without progress of a reply" },
    connections = S.integer { default = 8192, min = 16, max = 1e6, doc = "of one worker" },
    connections_per_address = S.integer { default = 0, min = 0, max = 1e6,
      doc = "of one worker, beyond which an address loses its own oldest idle or slow one; 0: an eighth of all, "
        .. "once most are taken" },
    streams_per_address = S.integer { default = 32, min = 1, max = 4096,
      doc = "streams of events that one address may have open, of one worker" },
    drain = S.duration { default = "10s", min = 0, max = 600,
      doc = "that requests in flight get when the server stops" },
  }, { doc = "what one connection and one request may take", rules = { { "target_bytes", at_most = "head_bytes" } } }),
  limits = limits.node,
  cache = S.record({
    media = policy("long", "originals and renditions; a takedown cannot call back what others keep"),
    pages = policy("revalidate", "share pages; a page that others show again is a click that is not counted"),
    previews = policy("revalidate", "oEmbed and /s/CODE.json"),
    stale_while_revalidate = S.duration { default = 0, max = 604800,
      doc = "how long what is no longer fresh may be shown while it is asked about" },
  }, { doc = "how long browsers and caches between may keep replies; docs/operations.md" }),
  fetch = S.record({
    allow = S.list { of = S.network {}, max = 64, default = {},
      doc = "addresses that may be asked although they are private, loopback or otherwise not of the open internet; "
        .. "on any port" },
    ports = S.list { of = S.integer { min = 1, max = 65535 }, max = 32, default = { 80, 443 },
      doc = "that may be asked at other addresses; {}: every port" },
    timeout = S.duration { default = "30s", min = 0.1, max = 600, doc = "of a whole fetch that names none" },
    connect_timeout = S.duration { default = "10s", min = 0.1, max = 600, doc = "of one connection" },
    slow_timeout = S.duration { default = "20s", min = 1, max = 600, doc = "below slow_rate, which ends a fetch" },
    slow_rate = S.bytes { default = 1024, max = 2 ^ 30, doc = "bytes a second" },
    body_bytes = S.bytes { default = "8 MiB", min = 1024, max = 64 * 2 ^ 20, doc = "of an answer in memory" },
    blob_bytes = S.bytes { default = "100 MiB", min = 1024, max = 16 * 2 ^ 30,
      doc = "of an answer that becomes a blob" },
    head_bytes = S.bytes { default = "64 KiB", min = 1024, max = 2 ^ 20, doc = "of the head of an answer" },
    concurrent = S.integer { default = 64, min = 1, max = 1000, doc = "fetches at a time, of one process" },
    per_host = S.integer { default = 6, min = 1, max = 1000, doc = "of these to one host" },
    queue = S.integer { default = 1000, min = 0, max = 100000, doc = "fetches that wait for their turn" },
    redirects = S.integer { default = 3, min = 0, max = 10, doc = "followed by a fetch that says nothing" },
    retry_after = S.duration { default = "60s", max = 600,
      doc = "the longest Retry-After that is waited for; a longer one is the end" },
    ca_file = S.optional(S.string { min = 1, max = 500,
      doc = "certificates to trust, in PEM; the system's without it" }),
  }, { doc = "what plugins and gifd itself may ask of other servers" }),
  cors = S.record({
    origins = S.list { of = S.either { S.one_of { "*" }, S.string { pattern = "^https?://[%w.%-%[%]:]+$" },
      expects = 'must be an origin such as "https://app.example.org", or "*"' }, max = 64, default = {},
      doc = "pages that may read API replies, with a token; public media may be read by all" },
    max_age = S.duration { default = "10m", max = 86400,
      doc = "how long a browser may keep the answer to a preflight" },
  }, {
    doc = "pages of other sites that may use the API, with a token and never with a cookie; public media is for all" }),
  delivery = S.record({
    negotiate = S.boolean { default = false,
      doc = "/a/ID answers with the MP4 to who would rather have that (Accept)" },
    hints = S.boolean { default = true,
      doc = "pages hold still and load nothing big for Save-Data and Sec-CH-Prefers-Reduced-Motion" },
  }, { doc = "what an address of media answers with" }),
  events = S.record({
    from = S.one_of { "anyone", "tokens", default = "anyone",
      doc = "who may tell of views, plays and clicks by POST /api/v1/events: anyone, or tokens with the scope upload" },
    durability = S.one_of { "durable", "fast", default = "durable",
      doc = "durable: on disk before they are acknowledged; fast: safe from the death of a process only" },
    settle = S.duration { default = 10, min = 0, max = 60,
      doc = "how long a visit of a page waits for media or a play before it is judged by what followed; 0: it is not, "
        .. "as behind a CDN that answers for media" },
  }, { doc = "views, plays and clicks: who may tell of them, and how they are judged" }),
  jobs = S.record({
    plugins = S.integer { default = 4, min = 1, max = 64,
      doc = "jobs, events and slow judges of plugins at a time; one plugin has half of it" },
    attempts = S.integer { default = 5, min = 1, max = 100, doc = "before a job counts as failed" },
    lease = S.duration { default = "180s", min = 5, max = 3600,
      doc = "after which a job that its runner does not keep is taken up again" },
  }, { doc = "work behind the replies" }),
  retention = S.record({
    unshared = S.duration { default = "24h", min = 1, max = 10 * 366 * 86400,
      doc = "how long an asset stays when its last share was deleted, has expired or is used up" },
    events = S.duration { default = "400d", min = 3600, max = 10 * 366 * 86400,
      doc = "how long each view, play and click is kept by itself; what they add up to stays" },
    jobs = S.duration { default = "7d", min = 60, max = 10 * 366 * 86400,
      doc = "how long a job that is over can be looked up, with its result and log" },
    jobs_count = S.integer { default = 100000, min = 100, max = 1e7, doc = "and how many of them at most" },
  }, { doc = "what goes by itself" }),
  trace = S.record({
    endpoint = S.optional(S.string { max = 1000, pattern = "^https?://[^%s?#]+$",
      doc = "a collector that takes OTLP over HTTP as JSON, such as http://127.0.0.1:4318/v1/traces" }),
    headers = S.map { of = S.secret {}, keys = "^[%w-]+$", keys_expect = "is no header's name", max = 16,
      default = {}, doc = "what the collector wants to be sent along, such as authorization" },
    ratio = S.number { default = 0.01, min = 0, max = 1, doc = "how many of all traces are exported" },
    slow = S.duration { default = "1s", min = 0.001, max = 3600, doc = "what took longer is always exported" },
    service = S.string { default = "gifd", min = 1, max = 80, doc = "service.name" },
  }, { doc = "traces, by OpenTelemetry's protocol; what failed or was slow is always exported" }),
  log = S.record({
    level = S.one_of { "debug", "info", "warn", "error", "critical", default = "info",
      doc = "the least that is logged; 'gifd log level' changes it for one module, for a while" },
    format = S.one_of { "auto", "json", "logfmt", "pretty", default = "auto",
      doc = "how lines are written; auto is pretty at a terminal and logfmt elsewhere" },
    file = S.string { default = "", max = 500,
      doc = "where to, instead of stderr; in the data directory unless it begins with /. HUP opens it anew" },
    burst = S.integer { default = 100, min = 0, max = 1e6,
      doc = "lines of one event that a process writes in a second; the rest is counted. 0: all" },
  }, { doc = "what is told to stderr" }),
}, { doc = "config.lua", rules = { { "jobs.lease", above = "uploads.render_deadline" } } })
