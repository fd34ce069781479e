-- config.lua: what this server is told. It returns a table of data; every line that is commented out shows the default.
--
-- Only three functions can be called here: env("NAME", default) reads the environment, file("PATH") a text file, and
-- secret { env = "NAME" }, secret { file = "PATH" } or secret { credential = "NAME" } (of systemd) what nobody sees; a
-- secret that stands here itself is refused. Sizes are numbers of bytes or "10 MiB", times are seconds or "5m".
-- `gifd check` says what is wrong, with line and nearest key, `gifd config explain KEY` why a value is what it is, and
-- docs/reference/config.md every key; HUP makes a running server read it again.
return {
  -- site = {
  --   name = "gifd",                  -- shown on pages and in previews
  --   base_url = "https://gifs.example.org", -- where people reach this server; without it links follow the request's
  --                                   -- host, as long as that is an address of this machine
  -- },

  -- listen = { "127.0.0.1:8080" },    -- "ADDRESS:PORT", "[::1]:8080"; port 0: any free one; --listen overrides
  --                                   -- { address = "10.0.0.1:8081", proxy_protocol = true } demands a PROXY header
  --                                   -- { address = "0.0.0.0:443", tls = { { cert = "chain.pem", key = "key.pem" } },
  --                                   --   hsts = "365d" }; { address = "0.0.0.0:80", redirect = "https" }
  -- trusted_proxies = {},             -- { "10.0.0.0/8", "::1" }: whose Forwarded, X-Forwarded-* and PROXY count
  -- workers = 0,                      -- processes that answer requests; 0: one per core

  -- A plugin is loaded if and only if it is named here, with true or with its settings.
  plugins = {
    ["moderation-words"] = true,
    -- ["moderation-words"] = {
    --   languages = { "en", "de" },   -- of the shipped lists; all of them
    --   rules = file("words.txt"),    -- further ones
    --   allow = { "sex education" },
    -- },
    -- ["ai-safety"] = true,           -- OpenAI judges words and pictures; needs OPENAI_API_KEY, or key
    -- ["moderation-pixels"] = { url = "https://looker.example.org/judge" }, -- or a program of yours looks at pictures
  },
  -- plugin_dirs = {},                -- folders of further plugin folders, relative to this file; also --plugins DIR

  -- plugin_budget = {                 -- what one plugin may take; { trusted = true } among its settings: no bounds
  --   slice = "50ms",                 -- of processor time from one wait to the next
  --   call = "2s",                    -- of processor time of one call in all
  --   memory = "64 MiB",              -- taken by one call
  -- },

  -- reload = "manual",                -- by `gifd reload` or HUP; "auto": when a file changes
  -- reload_drain = "10m",             -- that requests which began before a reload get to finish

  -- The verdict on what no judge has an opinion about and nobody trusted uploaded: "flagged" (seen by its uploader only
  -- until somebody approves it), "approved" or "pending".
  -- unseen = "flagged",
  -- judge_deadline = "15m",           -- how long a judge that fails for now is asked again before that is a flag

  -- moderation = {                    -- how verdicts come about: docs/moderation.md
  --   approve = 0.95,                 -- how sure a judge must be that a thing is safe,
  --   reject = 0.80,                  -- or of what is wrong with it; below that a person looks at it
  --   strict = false,                 -- flag every asset that no judge which looks at pixels has approved
  --   outage = "24h",                 -- how long things wait for a judge that fails at everything
  --   probe = "15s",                  -- how often such a judge is tried again
  --   accounts = { ann = "approve" }, -- "usual", "approve", "review" or "strict"
  --   tokens = {},                    -- the same by the name of a token
  --   categories = {},                -- { JUDGE = { WORD = "spam" } }: what its own words are called here
  -- },

  -- uploads = {
  --   max_bytes = "100 MiB",          -- of one file
  --   canvas_px = 50e6,               -- width times height
  --   total_px = 500e6,               -- canvas times frames
  --   frames = 10000,
  --   probe_deadline = "2s",          -- to look at one file
  --   render_deadline = "120s",       -- to make all renditions of one file
  --   title = 500,                    -- characters
  --   description = 10000,
  --   tags = 100,                     -- of one share
  --   tag = 100,                      -- characters
  --   disk_reserve = "256 MiB",       -- uploads are refused (507) when less than this is free
  -- },

  -- What decodes and renders, in processes of its own; uploads are looked at beside it and never wait behind a film.
  -- media = {
  --   children = { min = 2, max = 10 }, -- renders at a time: more when over 5 wait, fewer when under 2 do; never more
  --                                   -- than there are cores, nor than memory allows
  --   memory = 0,                     -- of all renders together; 0: half of the machine's
  --   pixels = 4e9,                   -- canvas times frames of all renders at a time
  --   account_pixels = 2e9,           -- and of those of one account
  -- },

  -- What is made of each file for pages, platforms and pickers: docs/api.md lists it.
  -- renditions = {
  --   at_once = { "poster", "mp4", "tinygif" }, -- with the upload, in one decode; NAME or NAME.EXT
  --   background = false,             -- true: all others soon after; else each when it is asked for first
  --   without = {},                   -- { "webm", "discord.mp4" }: never made
  --   own = {},                       -- further ones, or in place of those of the same name and format:
  --                                   -- { name = "square", format = "webp", width = 64, height = 64, frames = 8 }
  --   matte = 0xffffff,               -- under transparent pixels where the format has none
  --   pixels = 5e9,                   -- width times height times frames of all renditions of one file
  --   pixels_waiting = 20e9,          -- of all that wait to be made; beyond it a request gets 503
  -- },

  -- http = {
  --   head_bytes = "32 KiB",          -- request line and fields together
  --   head_fields = 100,
  --   target_bytes = "8 KiB",
  --   head_timeout = "15s",           -- from the first byte of a head to its end
  --   idle_timeout = "60s",           -- between requests
  --   body_timeout = "30s",           -- without a byte of a body
  --   body_rate = 1024,               -- bytes a second that a body must average after its first ten seconds
  --   send_timeout = "30s",           -- without progress of a reply
  --   connections = 8192,             -- of one worker
  --   connections_per_address = 0,    -- of those; beyond it an address (IPv6: a /64) loses its own oldest idle or slow
  --                                   -- one. 0: an eighth, at least 64, once three quarters of all are taken
  --   streams_per_address = 32,       -- streams of events that one address may have open, of one worker
  --   drain = "10s",                  -- that requests in flight get when the server stops
  -- },

  -- How often a route may be had, by method and pattern as docs/api.md lists them; of plugins too ("GET /p/NAME/x").
  -- What is written here replaces the default of that route; false: none.
  -- limits = {
  --   ["GET /signin"] = {
  --     strategy = "sliding_window",  -- or "token_bucket" (the default), "fixed_window"; see docs/operations.md
  --     rate = 60, per = "1m",        -- so many in so long
  --     -- burst = 60,                -- token_bucket: how many at once; as many as rate
  --     -- resolution = 31,           -- sliding_window: parts that time is counted in; as many as fit
  --     by = { "ip" },                -- who is counted, each for itself: "ip", "user", "token", "route" (all);
  --                                   -- a request is charged to all of them, or to none when one refuses
  --     cost = 1,                     -- what one request counts
  --   },
  --   ["POST /api/v1/plays"] = { rate = 120, per = "1m", by = { "ip" } },
  --   ["POST /api/v1/assets"] = { rate = 100, per = "1m", by = { "ip", "token" } }, -- not a default
  --   ["GET /a/{id}"] = {             -- several, which hold together; not a default
  --     { rate = 20, per = "1s", by = { "ip" } },
  --     { strategy = "sliding_window", rate = 5000, per = "1h", by = { "ip", "route" } },
  --   },
  -- },

  -- How long others may keep replies: "immutable" (a year), "long" (a day), "short" (an hour), "revalidate" (kept, but
  -- asked about each time), "none". What others keep cannot be called back by a takedown, and a page that they show
  -- without asking is a visit that is not counted.
  -- cache = {
  --   media = "long",                 -- originals and renditions
  --   pages = "revalidate",           -- share pages
  --   previews = "revalidate",        -- oEmbed and /s/CODE.json
  --   stale_while_revalidate = 0,     -- how long what is no longer fresh may be shown while it is asked about
  -- },

  -- What plugins and gifd itself may ask of other servers. Addresses that are not of the open internet are refused.
  -- fetch = {
  --   allow = {},                     -- { "10.1.0.0/16", "127.0.0.1" }: may be asked nevertheless, on any port
  --   ports = { 80, 443 },            -- at all other addresses; {}: every port
  --   timeout = "30s",                -- of a fetch that says nothing, with its redirects, retries and waiting
  --   connect_timeout = "10s",
  --   slow_rate = 1024,               -- bytes a second; a fetch that stays below
  --   slow_timeout = "20s",           -- for so long is ended
  --   body_bytes = "8 MiB",           -- of an answer in memory, decompressed
  --   blob_bytes = "100 MiB",         -- of an answer that becomes a blob
  --   head_bytes = "64 KiB",
  --   concurrent = 64,                -- at a time, of one process
  --   per_host = 6,                   -- of these to one host
  --   queue = 1000,                   -- more wait for their turn
  --   redirects = 3,                  -- followed by a fetch that says nothing
  --   retry_after = "60s",            -- the longest Retry-After that is waited for
  --   ca_file = "/etc/gifd/ca.pem",   -- certificates to trust instead of the system's
  -- },

  -- Pages of other sites that may use the API, with a token and never with a cookie. Public media is for all.
  -- cors = {
  --   origins = {},                   -- "https://app.example.org", or "*"
  --   max_age = "10m",                -- how long a browser may keep the answer to a preflight
  -- },

  -- delivery = {
  --   negotiate = false,              -- /a/ID answers with the MP4 to who would rather have that (Accept)
  --   hints = true,                   -- pages hold still for Save-Data and Sec-CH-Prefers-Reduced-Motion
  -- },

  -- events = {
  --   from = "anyone",                -- who may tell of views, plays and clicks: or "tokens" with the scope upload
  --   durability = "durable",         -- on disk before they are acknowledged; "fast": safe from the death of a process
  --   settle = "10s",                 -- that a visit of a page waits for media or a play before it is judged by what
  --                                   -- followed; 0: it is not, as behind a CDN that answers for media
  -- },

  -- jobs = {
  --   plugins = 4,                    -- jobs, events and slow judges of plugins at a time; one plugin has half of it
  --   attempts = 5,                   -- before a job counts as failed
  --   lease = "180s",                 -- after which a job of a dead runner is taken up again
  -- },

  -- retention = {
  --   events = "400d",                -- how long each view, play and click is kept by itself; their sums stay
  --   unshared = "24h",               -- how long an asset stays when its last share was deleted, expired or ran out;
  --                                   -- then it goes, with its renditions and files
  --   jobs = "7d",                    -- how long a job that is over can be looked up, with its result and log
  --   jobs_count = 100000,            -- and how many of them at most
  -- },

  -- trace = {
  --   endpoint = "http://127.0.0.1:4318/v1/traces",   -- a collector that takes OTLP over HTTP as JSON
  --   headers = { authorization = secret { env = "OTLP_TOKEN" } },
  --   ratio = 0.01,                   -- how many of all traces are exported
  --   slow = "1s",                    -- what took longer is always exported, and so is what failed
  --   service = "gifd",
  -- },

  -- log = {
  --   level = "info",                 -- "debug", "info", "warn", "error", "critical"; 'gifd log level' for a while
  --   format = "auto",                -- "json", "logfmt", "pretty"; auto: pretty at a terminal, else logfmt
  --   file = "",                      -- instead of stderr; HUP opens it anew
  --   burst = 100,                    -- lines of one event that a process writes in a second; 0: all
  -- },
}
