--- plugin/shapes: the tables that plugins are given and give, in words (forms.lua): "Name = what it is", or
-- "Name: Parent = ..." for one that has all fields of another, and lines of "field?: type -- what it is". Those that
-- a schema of contracts.lua describes are printed from there.
return [[
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
  needs?: table<string, string> -- settings without which it is not loaded, each with what to do about it
  pixels?: boolean|string -- its judge looks at pixels: true, or the setting with which it does
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
MediaLimits = what looking at a file, or rendering it, may cost
  canvas_px?: integer -- width times height
  total_px?: integer -- canvas times frames
  frames?: integer -- pictures in it
  deadline?: number -- seconds
  memory?: integer -- bytes
  out_bytes?: integer -- of an output
  account?: integer -- whose turn it is
  pixels?: integer -- how large the work is thought to be
PictureHash = what a picture looks like
  hash: string -- near for pictures that are alike
  at: number -- seconds into it
  quality: number -- how much there is to tell it by
Recipe = what a render makes
  format: "png"|"jpeg"|"gif"|"webp"|"mp4"|"webm" -- of the output
  width?: integer -- at most
  height?: integer -- at most
  at?: number -- seconds into it, for a still
  sample?: integer -- or which of `samples` evenly spaced pictures
  samples?: integer -- how many those are
  from?: number -- seconds
  to?: number -- seconds
  repeat_to?: number -- seconds that rounds are repeated to
  fps?: number -- at most
  frames?: integer -- at most
  quality?: integer -- 1 to 100
  bitrate?: integer -- of video
  audio?: integer -- bits a second of sound, in an mp4
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
  colors: {color: string, share: number}[] -- the commonest first
  placeholder?: string -- a data URL to show before it
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
  author?: fun(): gifd.Author|nil, gifd.Err? -- of a share: whose it is
  blob: string -- of an asset: its digest
  id: string -- of an asset
  facts: gifd.SubjectFacts -- of an asset
  hashes: fun(): gifd.PictureHash[]|nil, gifd.Err? -- of an asset; waits until they are known
  frames?: fun(options?: gifd.FramesOptions): gifd.Picture[]|nil, gifd.Err? -- of an asset, with "blob.read"
Author = whose share is judged
  name: string -- of the account
  created_at: number -- of the account, seconds since 1970
  asset_id: string -- of what is shared now
  recent: {title: string, asset_id: string, created_at: number}[] -- their last 200 shares before it, newest first
SubjectFacts: Facts = what is known of an asset when it is judged
  bytes: integer -- of the original
  colors: {color: string, share: number}[] -- the commonest first; none yet at an upload
  placeholder?: string -- a data URL
  hashes?: gifd.PictureHash[] -- when they are known already
FramesOptions = which pictures of an asset
  count?: integer -- evenly spaced, the first and the last among them: 1 to 16, or 4
  times?: number[] -- instead: seconds, rising
  width?: integer -- at most; 320
  height?: integer -- at most
  format?: "jpeg"|"png" -- of each
  quality?: integer -- of JPEG, 1 to 100
Picture = one picture of an asset
  bytes: string -- a file of its type
  type: string -- media type
  width: integer -- pixels
  height: integer -- pixels
  at: number -- seconds into it
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
VerdictEvent: Event = judges or people have decided
  kind: "share"|"asset" -- about what
  verdict: string -- what they decided
  by: "judges"|"person" -- who
  category: string -- of moderation: safe, nsfw, ...
  reasons: string[] -- theirs
WithdrawEvent: Event = what was approved is so no more; without a code, that goes for every share of the asset
  kind: "share"|"asset" -- which of them
  legal: boolean -- by law
  category: string -- of moderation: nsfw, spam, ...
BanEvent: Event = the bytes of an asset are not to come again, or may
  digest: string -- SHA-256 of its original
  category: string -- of moderation: illegal, nsfw, ...
  banned: boolean -- false: no longer
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
