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

---@class gifd
gifd = {}

---@class gifd.admin
gifd.admin = {}

---asks the supervisor, as `gifd reload` and its like do
---@param question {op: string}
---@return table? answer
---@return gifd.Err? err
function gifd.admin.ask(question) end

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

---@class gifd.blob
gifd.blob = {}

---blobs that nobody committed for an hour, from 0 on; next says where to go on, nil: all seen
---@param from integer
---@return string[] digests
---@return integer? next
function gifd.blob.at_rest(from) end

---durable when it returns; the draft is spent
---@param draft gifd.Draft
---@return string? digest
---@return integer|gifd.Err size
function gifd.blob.commit(draft) end

---of what was written; before anything else looks at it
---@param draft gifd.Draft
---@return string? digest
---@return gifd.Err? err
function gifd.blob.digest(draft) end

---removes a blob that is at rest, no other
---@param digest string
---@return boolean? gone
---@return gifd.Err? err
function gifd.blob.drop(digest) end

---free on the file system
---@return integer bytes
function gifd.blob.free() end

---that its bytes have now
---@param digest string
---@return string? sha256
---@return gifd.Err? err
function gifd.blob.hash(digest) end

---up to n bytes from offset (0: the first); n is at most 1 MiB
---@param digest string
---@param offset integer
---@param n integer
---@return string? bytes
---@return gifd.Err? err
function gifd.blob.read(digest, offset, n) end

---removes a blob whoever may need it
---@param digest string
---@return boolean? gone
---@return gifd.Err? err
function gifd.blob.remove(digest) end

---how many bytes a blob has
---@param digest string
---@return integer? size
---@return gifd.Err? err
function gifd.blob.stat(digest) end

---@class gifd.build
gifd.build = {}

---text to bytecode
---@param text string
---@param chunkname string
---@return string? bytecode
---@return {file: string, line: integer, message: string}|nil fault
function gifd.build.compile(text, chunkname) end

---config.lua, if there is one
---@return string? text
---@return string? file
function gifd.build.config() end

---a variable of the environment
---@param name string
---@return string? text
function gifd.build.env(name) end

---a file that config.lua names
---@param path string
---@return string? text
---@return gifd.Err? err
function gifd.build.file(path) end

---the sources below it
---@param prefix string
---@return string[] paths
function gifd.build.files(prefix) end

---adds a folder of plugins above all others; its whole path
---@param path string
---@return string? path
---@return gifd.Err? err
function gifd.build.folder(path) end

---can C count by these policies of a route?
---@param policies table
---@return true? ok
---@return string? message
function gifd.build.limit(policies) end

---links among the sources, which are not followed
---@return {path: string, file: string}[] links
function gifd.build.links() end

---where a source comes from
---@param path string
---@return string? file
function gifd.build.origin(path) end

---a certificate and its key, held against each other; their whole paths
---@param pair {cert: string, key: string, staple?: string, key_in_env?: boolean}
---@return {cert: string, key: string, staple?: string}|nil whole
---@return string? message
---@return string? field
function gifd.build.pair(pair) end

---a source
---@param path string
---@return string? text
---@return gifd.Err? err
function gifd.build.read(path) end

---runs text that is data
---@param text string
---@param chunkname string
---@param env table
---@return any value
---@return {file: string, line: integer, message: string}|nil fault
function gifd.build.run(text, chunkname, env) end

---a secret that config.lua names, without its text
---@param from string
---@param name string
---@return integer? length
---@return string|gifd.Err stamp
---@return string? whole_name
function gifd.build.secret(from, name) end

---@class gifd.bundle
gifd.bundle = {}

---the source of the place that a message names, while there is development
---@param message string
---@return string? lines
---@return string? path
---@return integer? line
function gifd.bundle.excerpt(message) end

---entries of the bundle
---@param prefix string
---@return string[] names
function gifd.bundle.list(prefix) end

---an entry that is bytecode
---@param name string
---@param env? table
---@return function? chunk
---@return gifd.Err? err
function gifd.bundle.load(name, env) end

---an entry of the generation's bundle
---@param name string
---@return string? bytes
function gifd.bundle.read(name) end

---"path:line" at which a function was written
---@param fn function
---@return string? place
function gifd.bundle.where(fn) end

---@class gifd.bus
gifd.bus = {}

---tells all that read the topic, in any process; value is at most 16 KiB as JSON
---@param topic string
---@param value any
---@return true?
---@return gifd.Err? err
function gifd.bus.publish(topic, value) end

---hears what is published from now on; 64 messages wait, the oldest is lost first
---@param topic string
---@return gifd.Reader? reader
---@return gifd.Err? err
function gifd.bus.subscribe(topic) end

---@class gifd.cache
gifd.cache = {}

---takes back what has this tag, in effect in every process when it returns
---@param tag string
---@return true
function gifd.cache.purge(tag) end

---of this process
---@return {hits: integer, misses: integer, stored: integer, evicted: integer, purged: integer, entries: integer, bytes: integer}
function gifd.cache.stats() end

---what fn returns; nil, err when it throws
---@param fn function
---@param ... any
---@return any ...
function gifd.catch(fn, ...) end

---@class gifd.console
gifd.console = {}

---to standard error
---@param text string
function gifd.console.error(text) end

---makes one where there is none
---@param path string
---@return true?
---@return gifd.Err? err
function gifd.console.folder(path) end

---is standard output one, or standard error?
---@param which? "stderr"
---@return boolean
function gifd.console.is_terminal(which) end

---a file of whoever runs the command
---@param path string
---@param env table
---@return function? chunk
---@return gifd.Err? err
function gifd.console.load(path, env) end

---a copy of a file
---@param path string
---@return gifd.Draft? draft
---@return integer|gifd.Err size
function gifd.console.open(path) end

---a draft, or a blob by its digest, as a file, in one step
---@param what gifd.Draft|string
---@param path string
---@return true?
---@return gifd.Err? err
function gifd.console.save(what, path) end

---to standard output
---@param text string
function gifd.console.write(text) end

---@class gifd.crypto
gifd.crypto = {}

---RFC 4648 section 4, padded; at most 4 MiB
---@param bytes string
---@return string text
function gifd.crypto.base64(bytes) end

---RFC 4648 section 5, without padding
---@param bytes string
---@return string text
function gifd.crypto.base64url(bytes) end

---n random characters of a-zA-Z0-9
---@param n integer
---@return string text
function gifd.crypto.code(n) end

---key is 32 bytes, signature 64
---@param key string
---@param message string
---@param signature string
---@return boolean
function gifd.crypto.ed25519_verify(key, message, signature) end

---in constant time
---@param a string
---@param b string
---@return boolean
function gifd.crypto.equal(a, b) end

---lower-case hexadecimal
---@param bytes string
---@return string text
function gifd.crypto.hex(bytes) end

---HMAC-SHA-256, 32 bytes
---@param key string
---@param message string
---@return string bytes
function gifd.crypto.hmac(key, message) end

---a JSON Web Token
---@param claims table<string, any>
---@param options {alg: "HS256", key: string}
---@return string? token
---@return gifd.Err? err
function gifd.crypto.jwt_sign(claims, options) end

---key: a secret, BEGIN PUBLIC KEY, or the 32 bytes of Ed25519
---@param token string
---@param options {alg: "HS256"|"RS256"|"ES256"|"EdDSA", key: string, issuer?: string, audience?: string, leeway?: number}
---@return table<string, any>|nil claims
---@return gifd.Err? err
function gifd.crypto.jwt_verify(token, options) end

---text to keep instead of the password (scrypt)
---@param password string
---@return string? kept
---@return gifd.Err? err
function gifd.crypto.password_hash(password) end

---is it the password that was hashed?
---@param password string
---@param kept string
---@return boolean? right
---@return gifd.Err? err
function gifd.crypto.password_verify(password, kept) end

---n cryptographic random bytes
---@param n integer
---@return string bytes
function gifd.crypto.random(n) end

---SHA-256
---@param bytes string
---@return string hex
function gifd.crypto.sha256(bytes) end

---the path with a signed query; expires is in seconds since 1970
---@param path string
---@param options {expires: integer, kid?: string, params?: table<string, string|number|boolean>}
---@return string? url
---@return gifd.Err? err
function gifd.crypto.sign_url(path, options) end

---back to bytes
---@param text string
---@return string? bytes
---@return gifd.Err? err
function gifd.crypto.unbase64url(text) end

---what URLs of this process are signed with
---@param keys {kid: string, secret: string, signing?: boolean}[]
---@return true?
---@return gifd.Err? err
function gifd.crypto.use_keys(keys) end

---err.code says why not
---@param target string
---@return true?
---@return {expires: integer, kid: string, prefix?: string}|gifd.Err claims
function gifd.crypto.verify_url(target) end

---@class gifd.db
gifd.db = {}

---statements are {sql, value, ..., expect = rows changed}: all of them or none
---@param statements table[]
---@return {changes: integer, last_id: integer, rows?: table<string, any>[]}[]|nil done
---@return gifd.Err? err
function gifd.db.batch(statements) end

---the first row; false when there is none
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>|false|nil row
---@return gifd.Err? err
function gifd.db.row(sql, ...) end

---all rows of a query
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>[]|nil rows
---@return gifd.Err? err
function gifd.db.rows(sql, ...) end

---one statement, committed when it returns
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

---asks another server; every status is a reply
---@param options {url: string, method?: string, headers?: table<string, string>, body?: string, timeout?: number, max_bytes?: integer, into?: "blob", redirects?: integer, retries?: integer}
---@param hosts? string[]
---@return {status: integer, headers: table<string, string>, body?: string, draft?: gifd.Draft, bytes: integer, url: string, http: string, redirects: integer, attempts: integer}|nil reply
---@return gifd.Err? err
function gifd.fetch(options, hosts) end

---@class gifd.health
gifd.health = {}

---what a readiness check wants to know
---@return {disk_free: integer, generation: integer, digest: string, workers: integer, media: boolean}
function gifd.health.facts() end

---@class gifd.intake
gifd.intake = {}

---waits; events as POST /api/v1/events takes them -> {single, accepted, rejected = {{index, line?, code, pointer, detail}, ...}}; lines: it is NDJSON
---@param body string
---@param lines boolean
---@return table?
---@return gifd.Err? err
function gifd.intake.tell(body, lines) end

---@class gifd.jobs
gifd.jobs = {}

---the number of the ring that woke it, false when the time passed; at once when there was one after heard
---@param seconds number
---@param heard? integer
---@return integer|false|nil ring
---@return gifd.Err? err
function gifd.jobs.wait(seconds, heard) end

---tells the runner that there is work
---@return boolean
function gifd.jobs.wake() end

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

---forgets a key
---@param plugin string
---@param key string
---@return boolean? was_there
---@return gifd.Err? err
function gifd.kv.delete(plugin, key) end

---false when there is none
---@param plugin string
---@param key string
---@return any? value
---@return gifd.Err? err
function gifd.kv.get(plugin, key) end

---in the order of their keys
---@param plugin string
---@param prefix? string
---@param options? {after?: string, limit?: integer}
---@return {key: string, value: any}[]|nil entries
---@return gifd.Err? err
function gifd.kv.list(plugin, prefix, options) end

---keeps plain data, at most 64 KiB as JSON; ttl is in seconds
---@param plugin string
---@param key string
---@param value any
---@param options? {ttl?: number}
---@return true?
---@return gifd.Err? err
function gifd.kv.set(plugin, key, value, options) end

---@class gifd.limit
gifd.limit = {}

---all keys of this request's route in one step, unless done already
---@param user? string
---@param token? string
---@return true?
---@return gifd.Err? err
function gifd.limit.charge(user, token) end

---everybody is forgotten
---@return true?
---@return gifd.Err? err
function gifd.limit.clear() end

---how many were reset
---@param kind "ip"|"user"|"token"|"route"
---@param value string
---@return integer? reset
---@return gifd.Err? err
function gifd.limit.forget(kind, value) end

---counts across all processes
---@param options {strategy: "token_bucket"|"fixed_window"|"sliding_window", rate: integer, per: number|string, burst?: integer, resolution?: integer, name?: string}
---@param space? string
---@return gifd.Limiter
function gifd.limit.limiter(options, space) end

---as routes, with remaining and reset_after
---@param kind "ip"|"user"|"token"|"route"
---@param value string
---@return table[]? standings
---@return gifd.Err? err
function gifd.limit.look(kind, value) end

---{route, by, name, strategy, rate, per, capacity, cost} of each
---@return table[] policies
function gifd.limit.routes() end

---of the table that all processes share
---@return {slots: integer, taken: integer, active: integer, evicted: integer, stolen: integer, busy: integer}|nil
---@return gifd.Err? err
function gifd.limit.stats() end

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

---what this task and those that it starts log from now on
---@return gifd.Journal? journal
---@return gifd.Err? err
function gifd.log.journal() end

---one line of the log
---@param event string
---@param fields? table<string, any>
function gifd.log.warn(event, fields) end

---@class gifd.media
gifd.media = {}

---those, and those of windows of its pictures, near to what is left when a little is cut off
---@param what gifd.Draft|string
---@param limits? gifd.MediaLimits
---@return gifd.PictureHash[]? hashes
---@return gifd.Err? err
function gifd.media.crops(what, limits) end

---single pictures, at most 16
---@param what gifd.Draft|string
---@param options? {count?: integer, times?: number[], width?: integer, height?: integer, format?: string, quality?: integer}
---@param limits? gifd.MediaLimits
---@return {bytes: string, type: string, width: integer, height: integer, at: number}[]|nil frames
---@return gifd.Err? err
function gifd.media.frames(what, options, limits) end

---of what it looks like, near for pictures that are alike
---@param what gifd.Draft|string
---@param limits? gifd.MediaLimits
---@return gifd.PictureHash[]? hashes
---@return gifd.Err? err
function gifd.media.hash(what, limits) end

---what it looks like
---@param what gifd.Draft|string
---@param limits? gifd.MediaLimits
---@return {hashes: gifd.PictureHash[], colors: {color: any, share: number}[], placeholder?: string}|nil looks
---@return gifd.Err? err
function gifd.media.look(what, limits) end

---looks at a draft, or at a blob by its digest
---@param what gifd.Draft|string
---@param limits? gifd.MediaLimits
---@return gifd.Facts? facts
---@return gifd.Err? err
function gifd.media.probe(what, limits) end

---decodes once and makes each recipe
---@param what gifd.Draft|string
---@param recipes gifd.Recipe[]
---@param limits? gifd.MediaLimits
---@return {facts: gifd.Facts, outputs: {draft: gifd.Draft, bytes: integer, facts: gifd.Facts}[], made_by: table}|nil made
---@return gifd.Err? err
function gifd.media.render(what, recipes, limits) end

---as probe, with delays_ms of each frame
---@param what gifd.Draft|string
---@param limits? gifd.MediaLimits
---@return gifd.Facts? facts
---@return gifd.Err? err
function gifd.media.times(what, limits) end

---@class gifd.metric
gifd.metric = {}

---a number that only grows
---@param name string
---@param labels? table<string, string|number|boolean>
---@param group? string
---@return gifd.Counter? counter
---@return gifd.Err? err
function gifd.metric.counter(name, labels, group) end

---a number that goes up and down
---@param name string
---@param labels? table<string, string|number|boolean>
---@param group? string
---@return gifd.Gauge? gauge
---@return gifd.Err? err
function gifd.metric.gauge(name, labels, group) end

---how often which values were seen
---@param name string
---@param labels? table<string, string|number|boolean>
---@param group? string
---@return gifd.Histogram? histogram
---@return gifd.Err? err
function gifd.metric.histogram(name, labels, group) end

---{series, name, labels, kind, value} or {..., count, sum, p50, p95, p99 (quantiles), buckets = {{le, n}}} of each whose name begins so
---@param prefix? string
---@param quantiles? boolean
---@return table[] series
function gifd.metric.list(prefix, quantiles) end

---@class gifd.near
gifd.near = {}

---at most 1000; conflict when the mark is not the seen one
---@param index string
---@param seen integer
---@param rows {key: integer, hash: string}[]
---@param mark integer
---@return true?
---@return gifd.Err? err
function gifd.near.append(index, seen, rows, mark) end

---everything up to the mark is in it
---@param index string
---@param seen integer
---@return true?
---@return gifd.Err? err
function gifd.near.ready(index, seen) end

---forgets a key
---@param index string
---@param key integer
---@return integer? gone
---@return gifd.Err? err
function gifd.near.remove(index, key) end

---empties it
---@param index string
---@return true?
---@return gifd.Err? err
function gifd.near.reset(index) end

---the nearest first, at most 100; busy until the index is filled
---@param index string
---@param hash string
---@param distance integer
---@return {key: integer, distance: integer}[]|nil found
---@return gifd.Err? err
function gifd.near.search(index, hash, distance) end

---how far it has come
---@param index string
---@return {mark: integer, rows: integer, ready: boolean}|nil state
---@return gifd.Err? err
function gifd.near.state(index) end

---@class gifd.own
gifd.own = {}

---statements are {sql, value, ..., expect = rows changed}: all of them or none
---@param plugin string
---@param statements table[]
---@return {changes: integer, last_id: integer, rows?: table<string, any>[]}[]|nil done
---@return gifd.Err? err
function gifd.own.batch(plugin, statements) end

---the first row; false when there is none
---@param plugin string
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>|false|nil row
---@return gifd.Err? err
function gifd.own.row(plugin, sql, ...) end

---all rows of a query
---@param plugin string
---@param sql string
---@param ... string|number|boolean|nil
---@return table<string, any>[]|nil rows
---@return gifd.Err? err
function gifd.own.rows(plugin, sql, ...) end

---one statement, committed when it returns
---@param plugin string
---@param sql string
---@param ... string|number|boolean|nil
---@return {changes: integer, last_id: integer, rows?: table<string, any>[]}|nil done
---@return gifd.Err? err
function gifd.own.run(plugin, sql, ...) end

---@class gifd.plugin
gifd.plugin = {}

---enters a plugin's code, under its budget
---@param plugin integer
---@param what string
---@param fn function
---@param ctx any
---@param ... any
---@return any? value
---@return any|gifd.Err more
function gifd.plugin.call(plugin, what, fn, ctx, ...) end

---the same, without a copy of value: nobody else may look at it, or at tables in it, ever again
---@param plugin integer
---@param what string
---@param fn function
---@param ctx any
---@param value table
---@return any? value
---@return any|gifd.Err more
function gifd.plugin.give(plugin, what, fn, ctx, value) end

---it and the functions written in it are never compiled
---@param fn function
---@return function fn
function gifd.plugin.interpret(fn) end

---with *** in place of secrets
---@param text string
---@return string text
function gifd.plugin.redact(text) end

---the number by which C knows the plugin
---@param name string
---@param budget {slice?: number, call?: number, memory?: integer}
---@return integer number
function gifd.plugin.register(name, budget) end

---@class gifd.request
gifd.request = {}

---of this request, whole
---@param max integer
---@return string? text
---@return gifd.Err? err
function gifd.request.body(max) end

---its connection comes from this machine, and no PROXY header names somebody else
---@return boolean
function gifd.request.from_here() end

---will it be answered from the first byte on? by GET, and not a later range
---@param reply table
---@param size integer
---@return boolean
function gifd.request.from_start(reply, size) end

---the body of this request as files and fields of a form
---@param options {max?: integer, fields?: integer, field_bytes?: integer}
---@return {raw: boolean, fields: table<string, string>, files: {draft: gifd.Draft, bytes: integer, type: string, field?: string, filename?: string}[], repeated?: string[]}|nil up
---@return gifd.Err? err
function gifd.request.upload(options) end

---the next at most 65536 bytes of a reply { pieces = function }, by that function; waits while the client is behind
---@param text string
---@return true?
---@return gifd.Err? err
function gifd.request.write(text) end

---@class gifd.rollup
gifd.rollup = {}

---waits; what leads by 1, 2, 3, 3/1 or 2/1: {key, [1], [2], [3]}
---@param name string
---@param max integer
---@return {leaders: table[], as_of: integer}|nil
---@return gifd.Err? err
function gifd.rollup.board(name, max) end

---waits; forgets a subject, or all
---@param axis integer
---@param key integer
---@return {result: integer}|nil
---@return gifd.Err? err
function gifd.rollup.clear(axis, key) end

---waits; files of rows before that time, removed
---@param at integer
---@return {result: integer}|nil
---@return gifd.Err? err
function gifd.rollup.expire(at) end

---waits; counted: a bit for each class that counts for what leads
---@param counted integer
---@param boards boolean
---@return {rows: integer, more: boolean}|nil
---@return gifd.Err? err
function gifd.rollup.fold(counted, boards) end

---waits; 1: a file that is closed and added up has its index now; 0: all have
---@return {result: integer}|nil
---@return gifd.Err? err
function gifd.rollup.index() end

---waits; of rows since then
---@param from integer
---@return {rows: {at: integer, kind: integer, n: integer}[]}|nil
---@return gifd.Err? err
function gifd.rollup.kinds(from) end

---waits; rows behind (file, id)
---@param axis integer
---@param key integer
---@param from integer
---@param to integer
---@param file integer
---@param id integer
---@param max integer
---@return {rows: table[]}|nil
---@return gifd.Err? err
function gifd.rollup.raw(axis, key, from, to, file, id, max) end

---waits; changes: {part or 0, kind, becomes, since?}; sums follow; how many rows changed
---@param from integer
---@param changes integer[][]
---@param counted integer
---@param hits_only boolean
---@return {result: integer}|nil
---@return gifd.Err? err
function gifd.rollup.revise(from, changes, counted, hits_only) end

---waits; files whose owners are gone, closed
---@return {result: integer}|nil
---@return gifd.Err? err
function gifd.rollup.seal() end

---waits; at, kind, n by step since 1970, one after another; size 0: minutes, 1: hours, 2: days; mask: of kinds, classes: bits of those that are wanted
---@param axis integer
---@param key integer
---@param size integer
---@param from integer
---@param to integer
---@param mask? integer
---@param classes? integer
---@return {steps: integer[], behind: boolean}|nil
---@return gifd.Err? err
function gifd.rollup.series(axis, key, size, from, to, mask, classes) end

---waits; what counts of each key, by type; axis 1: subjects, 2: parts; counted: a bit for each class that counts
---@param axis integer
---@param keys integer[]
---@param counted integer
---@return {sums: integer[][]}|nil
---@return gifd.Err? err
function gifd.rollup.sums(axis, keys, counted) end

---waits; sums by kind; axis 0: all, 1: a subject, 2: a part
---@param axis integer
---@param key integer
---@return {rows: {at: integer, kind: integer, n: integer}[], behind: boolean}|nil
---@return gifd.Err? err
function gifd.rollup.totals(axis, key) end

---waits; how many sums are wrong
---@param counted integer
---@param mend boolean
---@return {result: integer, rows: integer}|nil
---@return gifd.Err? err
function gifd.rollup.verify(counted, mend) end

---@class gifd.tally
gifd.tally = {}

---counts exactly, in the memory that all processes share
---@param key integer
---@param n integer
---@return true?
---@return gifd.Err? err
function gifd.tally.add(key, n) end

---who asked, as a key holds the number: flags, origin and User-Agent, each on a line; nil below 32 (classes), and once nothing is counted by it any more
---@param number integer
---@return string | nil
function gifd.tally.asker(number) end

---its count is folded
---@param slot integer
function gifd.tally.free(slot) end

---is the count still this? then nothing is added to it any more
---@param slot integer
---@param count integer
---@return boolean
function gifd.tally.freeze(slot, count) end

---what is counted and not yet folded; each call is a round after which askers may go that nothing is counted by
---@return {epoch: string, slots: {slot: integer, key: integer, count: integer, frozen: boolean}[]}
function gifd.tally.list() end

---all keys with these low 40 bits
---@param id integer
---@return {key: integer, count: integer}[]
function gifd.tally.peek(id) end

---@class gifd.task
gifd.task = {}

---a task of its own
---@param fn function
---@return gifd.Handle handle
function gifd.task.spawn(fn) end

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

---a trace of its own, or the part of one that began elsewhere, for what this task does until span:finish()
---@param name string
---@param traceparent? string
---@return gifd.Span span
function gifd.trace.begin(name, traceparent) end

---of this process
---@return {begun: integer, kept: integer, dropped: integer, active: integer, waiting: integer}
function gifd.trace.counts() end

---the trace that the call belongs to
---@return {trace_id: string, span_id: string, sampled: boolean}|false
function gifd.trace.current() end

---somebody wants to be told what plugins do, for so long
---@param seconds number
---@return true?
---@return gifd.Err? err
function gifd.trace.follow(seconds) end

---whether anybody does, and this is a task
---@return boolean
function gifd.trace.followed() end

---what somebody sent along
---@param traceparent string
---@return {trace_id: string, span_id: string, sampled: boolean}|nil
---@return gifd.Err? err
function gifd.trace.parse(traceparent) end

---as gifd.fetch, to the collector that the configuration names
---@param options table
---@return table? reply
---@return gifd.Err? err
function gifd.trace.send(options) end

---a part of the trace, from now to span:finish()
---@param name string
---@param tags? table<string, any>
---@return gifd.Span span
function gifd.trace.start(name, tags) end

---somebody wants to be told all traces (topic "spans"), for so long
---@param seconds number
---@return true?
---@return gifd.Err? err
function gifd.trace.tail(seconds) end

---the oldest that are to be exported, as OTLP's JSON
---@param bytes integer
---@return string spans
---@return integer n
function gifd.trace.take(bytes) end

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

---@class gifd.workbench
gifd.workbench = {}

---to be committed or saved
---@param bytes string
---@return gifd.Draft? draft
---@return gifd.Err? err
function gifd.workbench.draft(bytes) end

---an empty one of a plugin's own
---@param plugin string
---@param migrations {name: string, sql: string}[]
---@return true?
---@return gifd.Err? err
function gifd.workbench.fresh_database(plugin, migrations) end

---of a folder
---@param path string
---@return string[]? names
---@return gifd.Err? err
function gifd.workbench.list(path) end

---all of them
---@return {name: string, signature: string, contexts: string}[] rows
---@return string[] codes
function gifd.workbench.primitives() end

---a file, up to 16 MiB
---@param path string
---@return string? text
---@return gifd.Err? err
function gifd.workbench.read(path) end

---this process's wall time stands still at it; nothing: it goes on
---@param seconds? number
function gifd.workbench.stop_clock(seconds) end
