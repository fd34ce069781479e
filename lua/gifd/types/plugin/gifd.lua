---@meta
-- luacheck: ignore
-- Printed by './dev docs' from the tables that check calls. What is written here is lost.

---The closed list of codes.
---@alias gifd.Code "invalid"|"not_found"|"conflict"|"too_large"|"timeout"|"cancelled"|"io"|"disk_full"|"out_of_memory"|"busy"|"closed"|"denied"|"unauthorized"|"rate_limited"|"bad_media"|"unsupported_media"|"corrupt"|"protocol"|"refused"|"tls"|"address_refused"|"script"|"internal"|"budget"|"media_crash"

---a failure of the world, told apart by its code
---@class gifd.Err
---@field code gifd.Code from the closed list
---@field message string for people
---@field retryable boolean may another attempt go well?
---@field cause? any what was behind

---the call that a hook, route or job is in; good for this call only
---@class gifd.Ctx
---@field config any the plugin's part of config.lua, checked
---@field request_id? string as in the log
---@field account? string the name of whoever the call is for
---@field deadline? number seconds since 1970
---@field job? {id: string, attempt: integer} in jobs and listeners
---@field log gifd.Log lines that name the plugin

---lines of the log
---@class gifd.Log
---@field debug fun(event: string, fields?: table<string, any>) if the level asks for it
---@field info fun(event: string, fields?: table<string, any>) as it is
---@field warn fun(event: string, fields?: table<string, any>) somebody should look
---@field error fun(event: string, fields?: table<string, any>) somebody must look

---bytes on their way to a blob
---@class gifd.Draft

---plugin.lua: data, readable without running anything
---@class gifd.Manifest
---@field name string that of its folder: a-z, 0-9 and -
---@field api integer which of the plugin APIs it is written for: 1
---@field version string the plugin's own
---@field summary? string one line
---@field uses? string[] what it needs beyond what all have
---@field config? gifd.Schema its part of config.lua, made with schema
---@field needs? table<string, string> settings without which it is not loaded, each with what to do about it
---@field pixels? boolean|string its judge looks at pixels: true, or the setting with which it does

---a node that schema has made
---@class gifd.Schema

---what gifd.fetch is asked
---@class gifd.Fetch
---@field url string http or https; its host stands in the manifest's uses
---@field method? string GET, or POST with a body
---@field headers? table<string, string> by name
---@field body? string as it is
---@field timeout? number seconds, with waiting, redirects and retries
---@field max_bytes? integer of the answer
---@field into? "blob" the body of a 2xx becomes reply.draft
---@field redirects? integer how many are followed
---@field retries? integer further tries of what may pass

---what another server said
---@class gifd.Reply
---@field status integer of the last hop
---@field headers table<string, string> names in lower case
---@field body? string whole
---@field draft? gifd.Draft instead of body
---@field bytes integer of the body
---@field url string of the last hop
---@field http string "1.1" or "2"
---@field redirects integer that were followed
---@field attempts integer that were made

---what a file is
---@class gifd.Facts
---@field type string media type
---@field width integer pixels
---@field height integer pixels
---@field frames integer pictures in it
---@field duration_ms integer of one round
---@field loop integer rounds; 0: for ever
---@field has_alpha boolean is any of it transparent?
---@field has_audio boolean is there sound?
---@field truncated boolean does its end lack?

---what looking at a file, or rendering it, may cost
---@class gifd.MediaLimits
---@field canvas_px? integer width times height
---@field total_px? integer canvas times frames
---@field frames? integer pictures in it
---@field deadline? number seconds
---@field memory? integer bytes
---@field out_bytes? integer of an output
---@field account? integer whose turn it is
---@field pixels? integer how large the work is thought to be

---what a picture looks like
---@class gifd.PictureHash
---@field hash string near for pictures that are alike
---@field at number seconds into it
---@field quality number how much there is to tell it by

---what a render makes
---@class gifd.Recipe
---@field format "png"|"jpeg"|"gif"|"webp"|"mp4"|"webm" of the output
---@field width? integer at most
---@field height? integer at most
---@field at? number seconds into it, for a still
---@field sample? integer or which of `samples` evenly spaced pictures
---@field samples? integer how many those are
---@field from? number seconds
---@field to? number seconds
---@field repeat_to? number seconds that rounds are repeated to
---@field fps? number at most
---@field frames? integer at most
---@field quality? integer 1 to 100
---@field bitrate? integer of video
---@field audio? integer bits a second of sound, in an mp4
---@field colors? integer of a palette
---@field lossy? integer how much a GIF may lose
---@field floor? number least likeness
---@field dither? "auto"|"none"|"ordered"|"diffuse" of a palette
---@field background? integer 0xRRGGBB behind transparency
---@field loop? integer rounds; 0: for ever
---@field budget? integer bytes at most

---one rendition: a name, and a recipe
---@class gifd.Rung: gifd.Recipe
---@field at_once? boolean made with the upload, not when it is asked for first
---@field name string a-z, 0-9, _ and -

---a job as it stands
---@class gifd.Job
---@field id string as enqueue said
---@field name string of the plugin's jobs
---@field state "pending"|"running"|"completed"|"failed"|"cancelled"|"parked" now
---@field attempts integer so far
---@field progress? any as the job said
---@field result? any what it returned
---@field error? string of the last attempt
---@field created_at number seconds since 1970
---@field run_at number seconds since 1970

---bytes, once
---@class gifd.Asset
---@field id string the beginning of its digest
---@field digest string SHA-256, as gifd.blob takes it
---@field type string media type
---@field bytes integer of the original
---@field width integer pixels
---@field height integer pixels
---@field frames integer pictures in it
---@field duration_ms integer of one round
---@field has_alpha boolean transparent?
---@field has_audio boolean sound?
---@field colors {color: string, share: number}[] the commonest first
---@field placeholder? string a data URL to show before it
---@field state string verdict, or how far its media is
---@field reasons string[] of the verdict
---@field views integer so far
---@field created_at number seconds since 1970
---@field renditions {name: string, type: string, width: integer, height: integer, bytes: integer, digest: string}[] made

---one account's act of sharing an asset
---@class gifd.Share
---@field code string of its link
---@field asset_id string what is shared
---@field title string "" for none
---@field description string "" for none
---@field tags string[] in order
---@field visibility "public"|"unlisted"|"private" to whom
---@field state string verdict, live or expired
---@field reasons string[] of the verdict
---@field clicks integer so far
---@field views integer so far
---@field account? string whose
---@field max_visits? integer then it is over
---@field visits_left? integer of these
---@field created_at number seconds since 1970
---@field expires_at? number seconds since 1970

---what is said of a share
---@class gifd.ShareFields
---@field asset_id? string create needs it
---@field title? string shown
---@field description? string shown
---@field tags? string[] in order
---@field visibility? "public"|"unlisted"|"private" to whom
---@field expires_at? number|lightuserdata seconds since 1970
---@field max_visits? integer|lightuserdata then it is over
---@field code? string instead of a random one
---@field account? string whose, with ".any"

---what a judge is asked about: the words of a share, or the picture of an asset
---@class gifd.Subject
---@field kind "share"|"asset" which
---@field title string of a share
---@field description string of a share
---@field tags string[] of a share
---@field visibility "public"|"unlisted"|"private" of a share
---@field author? fun(): gifd.Author|nil, gifd.Err? of a share: whose it is
---@field blob string of an asset: its digest
---@field id string of an asset
---@field facts gifd.SubjectFacts of an asset
---@field hashes fun(): gifd.PictureHash[]|nil, gifd.Err? of an asset; waits until they are known
---@field frames? fun(options?: gifd.FramesOptions): gifd.Picture[]|nil, gifd.Err? of an asset, with "blob.read"

---whose share is judged
---@class gifd.Author
---@field name string of the account
---@field created_at number of the account, seconds since 1970
---@field asset_id string of what is shared now
---@field recent {title: string, asset_id: string, created_at: number}[] their last 200 shares before it, newest first

---what is known of an asset when it is judged
---@class gifd.SubjectFacts: gifd.Facts
---@field bytes integer of the original
---@field colors {color: string, share: number}[] the commonest first; none yet at an upload
---@field placeholder? string a data URL
---@field hashes? gifd.PictureHash[] when they are known already

---which pictures of an asset
---@class gifd.FramesOptions
---@field count? integer evenly spaced, the first and the last among them: 1 to 16, or 4
---@field times? number[] instead: seconds, rising
---@field width? integer at most; 320
---@field height? integer at most
---@field format? "jpeg"|"png" of each
---@field quality? integer of JPEG, 1 to 100

---one picture of an asset
---@class gifd.Picture
---@field bytes string a file of its type
---@field type string media type
---@field width integer pixels
---@field height integer pixels
---@field at number seconds into it

---what tags are about
---@class gifd.TagsAbout
---@field title string of the share
---@field description string of the share
---@field visibility string of the share
---@field asset gifd.Facts what is shared

---what renditions are made of
---@class gifd.LadderAbout
---@field asset table id, digest, type, width, height, frames, duration_ms, ...

---what is to be published
---@class gifd.Publication
---@field id? string the same for each attempt
---@field share gifd.Share what is published
---@field asset gifd.Asset its picture
---@field url string of the share's page

---what happened; told at least once
---@class gifd.Event
---@field event string its name
---@field id string the same each time
---@field at number seconds since 1970
---@field code? string of the share
---@field asset_id? string of the asset
---@field account? string whose

---a file was taken
---@class gifd.UploadEvent: gifd.Event
---@field type string media type
---@field bytes integer of the file
---@field new boolean its bytes were not known

---a share was made, by an upload too
---@class gifd.ShareEvent: gifd.Event
---@field visibility string to whom

---judges or people have decided
---@class gifd.VerdictEvent: gifd.Event
---@field kind "share"|"asset" about what
---@field verdict string what they decided
---@field by "judges"|"person" who
---@field category string of moderation: safe, nsfw, ...
---@field reasons string[] theirs

---what was approved is so no more; without a code, that goes for every share of the asset
---@class gifd.WithdrawEvent: gifd.Event
---@field kind "share"|"asset" which of them
---@field legal boolean by law
---@field category string of moderation: nsfw, spam, ...

---the bytes of an asset are not to come again, or may
---@class gifd.BanEvent: gifd.Event
---@field digest string SHA-256 of its original
---@field category string of moderation: illegal, nsfw, ...
---@field banned boolean false: no longer

---renditions are made, or cannot be
---@class gifd.RenditionEvent: gifd.Event
---@field media "ready"|"failed" which
---@field renditions? string[] names
---@field reason? string of the failure

---somebody deleted a share, or it was over and went with its asset
---@class gifd.DeleteEvent: gifd.Event

---what caches keep is no longer true; told once
---@class gifd.PurgeEvent: gifd.Event
---@field tags string[] of what is kept
---@field urls string[] of what is kept

---what a route is asked
---@class gifd.Request
---@field method string GET, POST, ...
---@field path string decoded
---@field params table<string, string> of the pattern
---@field query table<string, string> of the address
---@field headers table<string, string> names in lower case
---@field body any bytes, or the checked value of `body`
---@field account? string who asks
---@field client_ip string where from

---what a route answers
---@class gifd.Answer
---@field status? integer 200
---@field headers? table<string, string|string[]> by name
---@field body? string as it is
---@field json? any instead of body
---@field cache? gifd.Keep of a public GET: may be kept

---how long an answer may be given again without asking
---@class gifd.Keep
---@field seconds number 0 to 86400
---@field key? string for gifd.cache.purge
---@field tags? string[] for gifd.cache.purge; share:CODE and asset:ID end with these
---@field counts? string[] codes of shares that each answer is a visit of

---@class gifd.Counter
local Counter = {}

---one, or n, more
---@param n? integer
function Counter:add(n) end

---@class gifd.Gauge
local Gauge = {}

---is this from now on
---@param value number
function Gauge:set(value) end

---one, or by, more
---@param by? number
function Gauge:add(by) end

---is at least this
---@param value number
function Gauge:raise(value) end

---@class gifd.Handle
local Handle = {}

---what the task returned, or nil, err
---@return any ...
function Handle:wait() end

---ends the task at its next wait
function Handle:cancel() end

---@class gifd.Histogram
local Histogram = {}

---one value was seen
---@param value number
function Histogram:observe(value) end

---@class gifd.Journal
local Journal = {}

---the last 8 KiB
---@return string text
function Journal:text() end

---begins anew
function Journal:clear() end

---@class gifd.Limiter
local Limiter = {}

---charges when it allows; without retry_after it never will
---@param key string
---@param cost? integer
---@return boolean? allowed
---@return {remaining: integer, reset_after: number, retry_after?: number}|gifd.Err standing
function Limiter:check(key, cost) end

---the same without charging
---@param key string
---@param cost? integer
---@return boolean? allowed
---@return {remaining: integer, reset_after: number, retry_after?: number}|gifd.Err standing
function Limiter:peek(key, cost) end

---as if the key had never been seen
---@param key string
---@return true?
---@return gifd.Err? err
function Limiter:reset(key) end

---@class gifd.Matcher
local Matcher = {}

---each occurrence, in order of their ends; each: so many different places of an entry at most; except: not what lies within a hit of that one
---@param text string
---@param options? {each?: integer, except?: gifd.Matcher}
---@return {word: string, from: integer, to: integer}[] hits
function Matcher:find(text, options) end

---@class gifd.Reader
local Reader = {}

---the next message, and how many were lost before it; timeout in seconds
---@param timeout? number
---@return any? value
---@return integer|gifd.Err lost
function Reader:next(timeout) end

---hears no more
function Reader:close() end

---@class gifd.Span
local Span = {}

---a part of it
---@param name string
---@param tags? table<string, any>
---@return gifd.Span span
function Span:child(name, tags) end

---something happened in it
---@param event string
---@param fields? table<string, any>
function Span:log(event, fields) end

---says more of it
---@param tags table<string, any>
function Span:tag(tags) end

---which it is
---@return {trace_id: string, span_id: string, sampled: boolean}
function Span:ids() end

---the part ends; with an error when there is one, which has its trace kept
---@param err? any
function Span:finish(err) end

---what the hook judge returns
---@class gifd.Ballot
---@field category? string
---@field confidence? number
---@field data? any
---@field decision "approved"|"flagged"|"rejected"
---@field reasons? string[]

---@alias gifd.hook.judge fun(ctx: gifd.Ctx, subject: gifd.Subject): gifd.Ballot?, gifd.Err?

---@alias gifd.hook.tags fun(ctx: gifd.Ctx, tags: string[], about: gifd.TagsAbout): string[]?, gifd.Err?

---@alias gifd.hook.renditions fun(ctx: gifd.Ctx, ladder: gifd.Rung[], about: gifd.LadderAbout): gifd.Rung[]?, gifd.Err?

---what the hook publish.TARGET returns
---@class gifd.Published
---@field external_id string
---@field state? string
---@field url? string

---@alias gifd.hook.publish fun(ctx: gifd.Ctx, publication: gifd.Publication): gifd.Published?, gifd.Err?

---@alias gifd.hook.on_upload fun(ctx: gifd.Ctx, event: gifd.UploadEvent): nil, gifd.Err?

---@alias gifd.hook.on_share fun(ctx: gifd.Ctx, event: gifd.ShareEvent): nil, gifd.Err?

---@alias gifd.hook.on_verdict fun(ctx: gifd.Ctx, event: gifd.VerdictEvent): nil, gifd.Err?

---@alias gifd.hook.on_withdraw fun(ctx: gifd.Ctx, event: gifd.WithdrawEvent): nil, gifd.Err?

---@alias gifd.hook.on_ban fun(ctx: gifd.Ctx, event: gifd.BanEvent): nil, gifd.Err?

---@alias gifd.hook.on_rendition fun(ctx: gifd.Ctx, event: gifd.RenditionEvent): nil, gifd.Err?

---@alias gifd.hook.on_delete fun(ctx: gifd.Ctx, event: gifd.DeleteEvent): nil, gifd.Err?

---@alias gifd.hook.on_purge fun(ctx: gifd.Ctx, event: gifd.PurgeEvent): nil, gifd.Err?

---What a plugin does when something happens
---@class gifd.Hooks
---@field judge? gifd.hook.judge|{run: gifd.hook.judge, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} judge: a share's words or an asset's picture await a verdict
---@field tags? gifd.hook.tags|{run: gifd.hook.tags, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} tags: a share is about to be made
---@field renditions? gifd.hook.renditions|{run: gifd.hook.renditions, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} renditions: an asset is about to be rendered
---@field [string] gifd.hook.publish|{run: gifd.hook.publish, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} publish.TARGET: a share is to appear at TARGET
---@field on_upload? gifd.hook.on_upload|{run: gifd.hook.on_upload, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_upload: a file was taken
---@field on_share? gifd.hook.on_share|{run: gifd.hook.on_share, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_share: a share was made, by an upload too
---@field on_verdict? gifd.hook.on_verdict|{run: gifd.hook.on_verdict, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_verdict: judges or people have decided
---@field on_withdraw? gifd.hook.on_withdraw|{run: gifd.hook.on_withdraw, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_withdraw: what was approved is so no more: what was published of it is to be withdrawn
---@field on_ban? gifd.hook.on_ban|{run: gifd.hook.on_ban, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_ban: a moderator has banned the bytes of an asset, or has taken that back
---@field on_rendition? gifd.hook.on_rendition|{run: gifd.hook.on_rendition, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_rendition: renditions are made, or cannot be
---@field on_delete? gifd.hook.on_delete|{run: gifd.hook.on_delete, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_delete: somebody deleted a share, or it was over and went with its asset
---@field on_purge? gifd.hook.on_purge|{run: gifd.hook.on_purge, after?: string|string[], before?: string|string[], slow?: boolean, timeout?: number|string} on_purge: what caches keep is no longer true

---an entry of routes, named "GET /path"
---@class gifd.Route
---@field auth string
---@field body? gifd.Schema
---@field body_max? number|string
---@field limit? string|table[]
---@field run fun(ctx: gifd.Ctx, req: gifd.Request): gifd.Answer?, gifd.Err?

---an entry of jobs
---@class gifd.Work
---@field attempts? integer
---@field deadline? number|string
---@field every? number|string|string
---@field run fun(ctx: gifd.Ctx, payload: any): any, gifd.Err?
---@field timeout? number|string

---@alias gifd.JobFunction fun(ctx: gifd.Ctx, payload: any): any, gifd.Err?

---what init.lua returns: all that a plugin does
---@class gifd.Surface
---@field hooks? gifd.Hooks by name
---@field routes? table<string, gifd.Route> below /p/NAME
---@field jobs? table<string, gifd.Work|gifd.JobFunction> by name
---@field check? fun(ctx: gifd.Ctx): true?, gifd.Err? before its generation goes live

---@class gifd
gifd = {}

---runs them side by side: the first result of each; the first failure (nil, err) cancels the others
---@param fn function
---@param ... function
---@return any ...
function gifd.all(fn, ...) end

---what the first that succeeds returns; when none does, the last nil, err
---@param fn function
---@param ... function
---@return any ...
function gifd.any(fn, ...) end

---@class gifd.assets
gifd.assets = {}

---one that the asker may see (uses: "assets.read" or "assets.read.any")
---@param ctx gifd.Ctx
---@param id string
---@return gifd.Asset|false|nil asset
---@return gifd.Err? err
function gifd.assets.find(ctx, id) end

---the newest first (uses: "assets.read.any")
---@param ctx gifd.Ctx
---@param options? {limit?: integer, cursor?: string}
---@return {items: gifd.Asset[], next?: string}|nil page
---@return gifd.Err? err
function gifd.assets.list(ctx, options) end

---@class gifd.blob
gifd.blob = {}

---up to n bytes from offset (0: the first); n is at most 1 MiB (uses: "blob.read")
---@param digest string
---@param offset integer
---@param n integer
---@return string? bytes
---@return gifd.Err? err
function gifd.blob.read(digest, offset, n) end

---how many bytes a blob has (uses: "blob.read")
---@param digest string
---@return integer? size
---@return gifd.Err? err
function gifd.blob.stat(digest) end

---@class gifd.bus
gifd.bus = {}

---tells all that read the topic, in any process; value is at most 16 KiB as JSON (uses: "bus")
---@param topic string
---@param value any
---@return true?
---@return gifd.Err? err
function gifd.bus.publish(topic, value) end

---hears what is published from now on; 64 messages wait, the oldest is lost first (uses: "bus")
---@param topic string
---@return gifd.Reader? reader
---@return gifd.Err? err
function gifd.bus.subscribe(topic) end

---@class gifd.cache
gifd.cache = {}

---takes back what the plugin's routes have kept under a tag or a key; without one all of it
---@param tag? string
---@return true
function gifd.cache.purge(tag) end

---what fn returns; nil, err when it throws
---@param fn function
---@param ... any
---@return any ...
function gifd.catch(fn, ...) end

---@class gifd.crypto
gifd.crypto = {}

---RFC 4648 section 4, padded; at most 4 MiB (uses: "crypto" or "crypto.sign")
---@param bytes string
---@return string text
function gifd.crypto.base64(bytes) end

---RFC 4648 section 5, without padding (uses: "crypto" or "crypto.sign")
---@param bytes string
---@return string text
function gifd.crypto.base64url(bytes) end

---n random characters of a-zA-Z0-9 (uses: "crypto" or "crypto.sign")
---@param n integer
---@return string text
function gifd.crypto.code(n) end

---key is 32 bytes, signature 64 (uses: "crypto" or "crypto.sign")
---@param key string
---@param message string
---@param signature string
---@return boolean
function gifd.crypto.ed25519_verify(key, message, signature) end

---in constant time (uses: "crypto" or "crypto.sign")
---@param a string
---@param b string
---@return boolean
function gifd.crypto.equal(a, b) end

---lower-case hexadecimal (uses: "crypto" or "crypto.sign")
---@param bytes string
---@return string text
function gifd.crypto.hex(bytes) end

---HMAC-SHA-256, 32 bytes (uses: "crypto" or "crypto.sign")
---@param key string
---@param message string
---@return string bytes
function gifd.crypto.hmac(key, message) end

---a JSON Web Token (uses: "crypto" or "crypto.sign")
---@param claims table<string, any>
---@param options {alg: "HS256", key: string}
---@return string? token
---@return gifd.Err? err
function gifd.crypto.jwt_sign(claims, options) end

---key: a secret, BEGIN PUBLIC KEY, or the 32 bytes of Ed25519 (uses: "crypto" or "crypto.sign")
---@param token string
---@param options {alg: "HS256"|"RS256"|"ES256"|"EdDSA", key: string, issuer?: string, audience?: string, leeway?: number}
---@return table<string, any>|nil claims
---@return gifd.Err? err
function gifd.crypto.jwt_verify(token, options) end

---text to keep instead of the password (scrypt) (uses: "crypto" or "crypto.sign")
---@param password string
---@return string? kept
---@return gifd.Err? err
function gifd.crypto.password_hash(password) end

---is it the password that was hashed? (uses: "crypto" or "crypto.sign")
---@param password string
---@param kept string
---@return boolean? right
---@return gifd.Err? err
function gifd.crypto.password_verify(password, kept) end

---n cryptographic random bytes (uses: "crypto" or "crypto.sign")
---@param n integer
---@return string bytes
function gifd.crypto.random(n) end

---SHA-256 (uses: "crypto" or "crypto.sign")
---@param bytes string
---@return string hex
function gifd.crypto.sha256(bytes) end

---the path with a signed query; expires is in seconds since 1970 (uses: "crypto.sign")
---@param path string
---@param options {expires: integer, kid?: string, params?: table<string, string|number|boolean>}
---@return string? url
---@return gifd.Err? err
function gifd.crypto.sign_url(path, options) end

---back to bytes (uses: "crypto" or "crypto.sign")
---@param text string
---@return string? bytes
---@return gifd.Err? err
function gifd.crypto.unbase64url(text) end

---err.code says why not (uses: "crypto" or "crypto.sign")
---@param target string
---@return true?
---@return {expires: integer, kid: string, prefix?: string}|gifd.Err claims
function gifd.crypto.verify_url(target) end

---@class gifd.db
gifd.db = {}

---statements are {sql, value, ..., expect = rows changed}: all of them or none (uses: "db")
---@param statements table[]
---@return {changes: integer, last_id: integer, rows?: table<string, any>[]}[]|nil done
---@return gifd.Err? err
function gifd.db.batch(statements) end

---the first row; false when there is none (uses: "db")
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>|false|nil row
---@return gifd.Err? err
function gifd.db.row(sql, ...) end

---all rows of a query (uses: "db")
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>[]|nil rows
---@return gifd.Err? err
function gifd.db.rows(sql, ...) end

---one statement, committed when it returns (uses: "db")
---@param sql string
---@param ... string|number|boolean|nil
---@return {changes: integer, last_id: integer, rows?: table<string, any>[]}|nil done
---@return gifd.Err? err
function gifd.db.run(sql, ...) end

---a failure of the world, to be returned as `nil, err`
---@param code gifd.Code
---@param fields? {message?: string, retryable?: boolean, cause?: any}
---@return gifd.Err
function gifd.err(code, fields) end

---asks another server; every status is a reply (uses: "fetch:HOST")
---@param options gifd.Fetch
---@return gifd.Reply? reply
---@return gifd.Err? err
function gifd.fetch(options) end

---@class gifd.jobs
gifd.jobs = {}

---false when it was over
---@param id string
---@return boolean? cancelled
---@return gifd.Err? err
function gifd.jobs.cancel(id) end

---a job that is on disk when this returns; made is false when one with the key waits or runs
---@param name string
---@param payload? any
---@param options? {key?: string, delay?: number, priority?: integer}
---@return string? id
---@return boolean|gifd.Err made
function gifd.jobs.enqueue(name, payload, options) end

---one of the plugin's own
---@param id string
---@return gifd.Job|false|nil job
---@return gifd.Err? err
function gifd.jobs.get(id) end

---of the job that runs; "cancelled": stop
---@param id string
---@param value any
---@return true?
---@return gifd.Err? err
function gifd.jobs.progress(id, value) end

---@class gifd.json
gifd.json = {}

---marked as an array, so that an empty one is []
---@param list? table
---@return table list
function gifd.json.array(list) end

---null is gifd.null; max is in bytes
---@param text string
---@param options? {max?: integer}
---@return any? value
---@return gifd.Err? err
function gifd.json.decode(text, options) end

---throws for what is no plain data
---@param value any
---@return string text
function gifd.json.encode(value) end

---an array's mark, or entries from 1 on
---@param value any
---@return boolean
function gifd.json.is_array(value) end

---@class gifd.kv
gifd.kv = {}

---forgets a key (uses: "kv")
---@param key string
---@return boolean? was_there
---@return gifd.Err? err
function gifd.kv.delete(key) end

---false when there is none (uses: "kv")
---@param key string
---@return any? value
---@return gifd.Err? err
function gifd.kv.get(key) end

---in the order of their keys (uses: "kv")
---@param prefix? string
---@param options? {after?: string, limit?: integer}
---@return {key: string, value: any}[]|nil entries
---@return gifd.Err? err
function gifd.kv.list(prefix, options) end

---keeps plain data, at most 64 KiB as JSON; ttl is in seconds (uses: "kv")
---@param key string
---@param value any
---@param options? {ttl?: number}
---@return true?
---@return gifd.Err? err
function gifd.kv.set(key, value, options) end

---@class gifd.limit
gifd.limit = {}

---counts across all processes
---@param options {strategy: "token_bucket"|"fixed_window"|"sliding_window", rate: integer, per: number|string, burst?: integer, resolution?: integer, name?: string}
---@return gifd.Limiter
function gifd.limit.limiter(options) end

---@class gifd.log
gifd.log = {}

---one line of the log: somebody has to come
---@param event string
---@param fields? table<string, any>
function gifd.log.critical(event, fields) end

---one line of the log, if the level asks for it
---@param event string
---@param fields? table<string, any>
function gifd.log.debug(event, fields) end

---one line of the log
---@param event string
---@param fields? table<string, any>
function gifd.log.error(event, fields) end

---one line of the log
---@param event string
---@param fields? table<string, any>
function gifd.log.info(event, fields) end

---one line of the log
---@param event string
---@param fields? table<string, any>
function gifd.log.warn(event, fields) end

---@class gifd.media
gifd.media = {}

---assets with a picture within so many bits, the nearest first, at most 100; 31 is "the same picture" (uses: "media.near")
---@param hash string
---@param distance integer
---@return {asset_id: string, distance: integer}[]|nil found
---@return gifd.Err? err
function gifd.media.near(hash, distance) end

---@class gifd.metric
gifd.metric = {}

---a number that only grows
---@param name string
---@param labels? table<string, string|number|boolean>
---@return gifd.Counter? counter
---@return gifd.Err? err
function gifd.metric.counter(name, labels) end

---a number that goes up and down
---@param name string
---@param labels? table<string, string|number|boolean>
---@return gifd.Gauge? gauge
---@return gifd.Err? err
function gifd.metric.gauge(name, labels) end

---how often which values were seen
---@param name string
---@param labels? table<string, string|number|boolean>
---@return gifd.Histogram? histogram
---@return gifd.Err? err
function gifd.metric.histogram(name, labels) end

---null of JSON, and a value that removes
---@type lightuserdata
gifd.null = nil

---@class gifd.shares
gifd.shares = {}

---judged as any (uses: "shares.write" or "shares.write.any")
---@param ctx gifd.Ctx
---@param fields gifd.ShareFields
---@return gifd.Share? share
---@return gifd.Err? err
function gifd.shares.create(ctx, fields) end

---false when there is none of the asker's (uses: "shares.write" or "shares.write.any")
---@param ctx gifd.Ctx
---@param code string
---@return boolean? deleted
---@return gifd.Err? err
function gifd.shares.delete(ctx, code) end

---one that the asker may see (uses: "shares.read" or "shares.read.any")
---@param ctx gifd.Ctx
---@param code string
---@return gifd.Share|false|nil share
---@return gifd.Err? err
function gifd.shares.find(ctx, code) end

---the asker's, the newest first; account needs ".any" (uses: "shares.read" or "shares.read.any")
---@param ctx gifd.Ctx
---@param options? {limit?: integer, cursor?: string, account?: string}
---@return {items: gifd.Share[], next?: string}|nil page
---@return gifd.Err? err
function gifd.shares.list(ctx, options) end

---gifd.null removes expires_at and max_visits (uses: "shares.write" or "shares.write.any")
---@param ctx gifd.Ctx
---@param code string
---@param changes gifd.ShareFields
---@return gifd.Share|false|nil share
---@return gifd.Err? err
function gifd.shares.update(ctx, code, changes) end

---@class gifd.text
gifd.text = {}

---inert between tags and in quoted attributes
---@param text string
---@return string text
function gifd.text.escape_html(text) end

---in lower case
---@param text string
---@return string text
function gifd.text.fold(text) end

---code points
---@param text string
---@return integer points
function gifd.text.length(text) end

---without white space at its ends
---@param text string
---@return string text
function gifd.text.trim(text) end

---what uri was given
---@param text string
---@return string? text
---@return gifd.Err? err
function gifd.text.unuri(text) end

---all but unreserved characters percent-encoded
---@param text string
---@return string text
function gifd.text.uri(text) end

---is it UTF-8?
---@param text string
---@return boolean
function gifd.text.valid_utf8(text) end

---whole words and phrases, case ignored, in time linear in the text; word*: whatever begins so; unmask: also what is hidden by accents, look-alikes, leetspeak, separators or repeated letters
---@param list string[]
---@param unmask? boolean
---@return gifd.Matcher matcher
function gifd.text.words(list, unmask) end

---@class gifd.time
gifd.time = {}

---what fn returns; nil, err with "timeout" when it takes longer, and what it does is cancelled
---@param seconds number
---@param fn function
---@return any ...
function gifd.time.deadline(seconds, fn) end

---"Wed, 25 Nov 2026 15:52:19 GMT"
---@param seconds number
---@return string text
function gifd.time.http_date(seconds) end

---since 1970
---@return number seconds
function gifd.time.now() end

---of RFC 3339
---@param text string
---@return number? seconds
---@return gifd.Err? err
function gifd.time.parse(text) end

---"2026-11-25T15:52:19Z"; digits: 0, 3 or 6 decimals
---@param seconds number
---@param digits? integer
---@return string text
function gifd.time.rfc3339(seconds, digits) end

---waits; everything else goes on
---@param seconds number
---@return true?
---@return gifd.Err? err
function gifd.time.sleep(seconds) end

---@class gifd.trace
gifd.trace = {}

---the trace that the call belongs to
---@return {trace_id: string, span_id: string, sampled: boolean}|false
function gifd.trace.current() end

---a part of the trace, from now to span:finish()
---@param name string
---@param tags? table<string, any>
---@return gifd.Span span
function gifd.trace.start(name, tags) end

---to send along with a request to others; gifd.fetch does so by itself
---@return string|false text
function gifd.trace.traceparent() end

---gives value back; throws err when value is nil
---@generic T
---@param value T?
---@param err? any
---@param ... any
---@return T
function gifd.try(value, err, ...) end

---Describes data: in manifests, and for the bodies of routes.
schema = {}

---text; min and max are characters
---@param options? {min?: integer, max?: integer, pattern?: string, expects?: string, default?: string, doc?: string}
---@return gifd.Schema
function schema.string(options) end

---a whole number
---@param options? {min?: integer, max?: integer, default?: integer, doc?: string}
---@return gifd.Schema
function schema.integer(options) end

---a number
---@param options? {min?: number, max?: number, default?: number, doc?: string}
---@return gifd.Schema
function schema.number(options) end

---true or false
---@param options? {default?: boolean, doc?: string}
---@return gifd.Schema
function schema.boolean(options) end

---"10 MiB", or bytes
---@param options? {min?: number, max?: number, default?: number|string, doc?: string}
---@return gifd.Schema
function schema.bytes(options) end

---"5m", or seconds
---@param options? {min?: number, max?: number, default?: number|string, doc?: string}
---@return gifd.Schema
function schema.duration(options) end

---http or https
---@param options? {default?: string, doc?: string}
---@return gifd.Schema
function schema.url(options) end

---"127.0.0.1:80"
---@param options? {default?: string, doc?: string}
---@return gifd.Schema
function schema.address(options) end

---"10.0.0.0/8"
---@param options? {default?: string, doc?: string}
---@return gifd.Schema
function schema.network(options) end

---"*.gif"; becomes a pattern for text:match
---@param options? {default?: string, doc?: string}
---@return gifd.Schema
function schema.glob(options) end

---only in manifests: never shown; env names a variable that may hold it
---@param options? {env?: string, doc?: string}
---@return gifd.Schema
function schema.secret(options) end

---one of these words
---@param options {[integer]: string, default?: string, doc?: string}
---@return gifd.Schema
function schema.one_of(options) end

---entries from 1 on
---@param options {of: gifd.Schema, min?: integer, max?: integer, single?: boolean, default?: table, doc?: string}
---@return gifd.Schema
function schema.list(options) end

---by name; keys is a pattern
---@param options {of: gifd.Schema, keys?: string, keys_expect?: string, default?: table, doc?: string}
---@return gifd.Schema
function schema.map(options) end

---these names, no others
---@param fields table<string, gifd.Schema>
---@param options? {doc?: string, open?: boolean, rules?: table[]}
---@return gifd.Schema
function schema.record(fields, options) end

---the first that fits
---@param options {[integer]: gifd.Schema, expects?: string, optional?: boolean, doc?: string}
---@return gifd.Schema
function schema.either(options) end

---absent is fine
---@param of gifd.Schema
---@return gifd.Schema
function schema.optional(of) end

---whatever is given
---@param options? {optional?: boolean, default?: any, doc?: string}
---@return gifd.Schema
function schema.any(options) end
