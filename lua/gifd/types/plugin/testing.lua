---@meta
-- luacheck: ignore
-- Printed by './dev docs' from the tables that check calls. What is written here is lost.

---what a test begins with
---@class gifd.Start
---@field config? table the plugin's part of config.lua; secrets as they are
---@field settings? table other parts of config.lua, such as { unseen = "approved" }
---@field fetch? gifd.Script what it will ask other servers, and what it will hear
---@field at? number|string when it is

---an array of what is asked, in order; or { tape = "spec/NAME.json" }, recorded with --record
---@class gifd.Script
---@field tape? string a file below the plugin's folder
---@field [integer] gifd.Expected one request

---a request and its outcome
---@class gifd.Expected
---@field url string whole
---@field method? string if it matters
---@field headers? table<string, string> those that matter
---@field body? string whole
---@field body_matches? string a pattern
---@field json? any the body as data
---@field reply? {status?: integer, headers?: table<string, string>, body?: string, json?: any} 200 and nothing
---@field err? gifd.Code|gifd.Err instead of a reply

---a request to a route
---@class gifd.Asked
---@field [1] string method
---@field [2] string path and query
---@field account? string who asks; nobody
---@field scopes? string[] what he may; upload and read
---@field headers? table<string, string> by name
---@field body? string as it is
---@field json? any instead of body
---@field client_ip? string where from

---what a client reads
---@class gifd.Answered
---@field status integer 200, ...
---@field headers table<string, string> names in lower case
---@field body string whole
---@field json? any of a JSON body
---@field cache? table what may be kept, and under which tags

---what is uploaded, by whom
---@class gifd.Upload
---@field title? string shown
---@field description? string shown
---@field tags? string[] in order
---@field visibility? "public"|"unlisted"|"private" to whom
---@field bytes? string a file; a small GIF
---@field account? string ann
---@field trusted? boolean may he skip what is unseen?

---a plugin under test: everything around it is real, but clock and other servers
---@class gifd.Rig
---@field gifd gifd what the plugin has, to look at what it keeps
---@field clock gifd.testing.clock its time, which stands still
---@field fetched {method: string, url: string, headers: table<string, string>, body?: string}[] what it asked, in order
---@field published {topic: string, value: any}[] what it told by the bus
---@field log {level: string, event: string, fields: table<string, any>}[] what was logged, by others too
local Rig = {}

---@class gifd.testing
gifd.testing = {}

---@class gifd.testing.clock
gifd.testing.clock = {}

---the plugin on an empty data directory, until the test ends
---@param options? gifd.Start
---@return gifd.Rig t
function gifd.testing.start(options) end

---a small GIF, each time another; delay is in hundredths of a second
---@param options? {width?: integer, height?: integer, frames?: integer, delay?: integer}
---@return string bytes
function gifd.testing.gif(options) end

---since 1970, as the plugin sees it
---@return number seconds
function gifd.testing.clock.now() end

---time passes: seconds, or "2h"; everything that depends on time follows
---@param by number|string
function gifd.testing.clock.advance(by) end

---seconds since 1970, or "2026-11-25T12:00:00Z"; nothing: the time that it really is
---@param at? number|string
function gifd.testing.clock.set(at) end

---calls a hook with what it gets behind ctx, and checks what it returns as the host would
---@param name string
---@param ... any
---@return any? value
---@return gifd.Err? err
function Rig:hook(name, ...) end

---the hook judge about the words of a share
---@param fields {title?: string, description?: string, tags?: string[], visibility?: string}
---@return gifd.Ballot? ballot
---@return gifd.Err? err
function Rig:judge(fields) end

---{ "GET", "/path below /p/NAME?query", ... }
---@param asked gifd.Asked
---@return gifd.Answered reply
function Rig:request(asked) end

---one attempt of a job
---@param name string
---@param payload? any
---@return any? result
---@return gifd.Err? err
function Rig:job(name, payload) end

---what the runner would do now: jobs that are due, and events
---@return {name: string, outcome: string, payload: any, result: any}[] done
function Rig:work() end

---the plugin's check
---@return true?
---@return gifd.Err? err
function Rig:check() end

---a file, judged and shared as the server would
---@param fields? gifd.Upload
---@return gifd.Share? share
---@return gifd.Err? err
function Rig:upload(fields) end

---as it is now
---@param code string
---@return gifd.Share|false share
function Rig:share(code) end

---as it is now
---@param id string
---@return gifd.Asset|false asset
function Rig:asset(id) end

---what publish.TARGET gets
---@param share gifd.Share
---@return gifd.Publication publication
function Rig:publication(share) end

---fields of each line that the plugin logged under this name
---@param event string
---@return table<string, any>[] lines
function Rig:logged(event) end

---a file of the plugin, in its own environment
---@param name string
---@return any value
function Rig:require(name) end
