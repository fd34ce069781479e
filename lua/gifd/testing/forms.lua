--- testing/forms: what a spec of a plugin can say, in words: the source of its reference and of what editors complete.
-- Written as in plugin/forms.
return { functions = {
  "start(options?: gifd.Start) -> t: gifd.Rig -- the plugin on an empty data directory, until the test ends",
  "gif(options?: {width?: integer, height?: integer, frames?: integer, delay?: integer}) -> bytes: string -- a "
    .. "small GIF, each time another; delay is in hundredths of a second",
}, clock = {
  "now() -> seconds: number -- since 1970, as the plugin sees it",
  'advance(by: number|string) -- time passes: seconds, or "2h"; everything that depends on time follows',
  'set(at?: number|string) -- seconds since 1970, or "2026-11-25T12:00:00Z"; nothing: the time that it really is',
}, rig = {
  "hook(name: string, ...: any) -> value: any | nil, err -- calls a hook with what it gets behind ctx, and checks "
    .. "what it returns as the host would",
  "judge(fields: {title?: string, description?: string, tags?: string[], visibility?: string}) -> ballot: "
    .. "gifd.Ballot | nil, err -- the hook judge about the words of a share",
  'request(asked: gifd.Asked) -> reply: gifd.Answered -- { "GET", "/path below /p/NAME?query", ... }',
  "job(name: string, payload?: any) -> result: any | nil, err -- one attempt of a job",
  "work() -> done: {name: string, outcome: string, payload: any, result: any}[] -- what the runner would do now: "
    .. "jobs that are due, and events",
  "check() -> true | nil, err -- the plugin's check",
  "upload(fields?: gifd.Upload) -> share: gifd.Share | nil, err -- a file, judged and shared as the server would",
  "share(code: string) -> share: gifd.Share|false -- as it is now",
  "asset(id: string) -> asset: gifd.Asset|false -- as it is now",
  "publication(share: gifd.Share) -> publication: gifd.Publication -- what publish.TARGET gets",
  "logged(event: string) -> lines: table<string, any>[] -- fields of each line that the plugin logged under this name",
  "require(name: string) -> value: any -- a file of the plugin, in its own environment",
}, classes = {
  { name = "Start", doc = "what a test begins with", fields = {
    "config?: table -- the plugin's part of config.lua; secrets as they are",
    "settings?: table -- other parts of config.lua, such as { unseen = \"approved\" }",
    "fetch?: gifd.Script -- what it will ask other servers, and what it will hear",
    "at?: number|string -- when it is" } },
  { name = "Script",
    doc = "an array of what is asked, in order; or { tape = \"spec/NAME.json\" }, recorded with --record",
    fields = { "tape?: string -- a file below the plugin's folder", "[integer]: gifd.Expected -- one request" } },
  { name = "Expected", doc = "a request and its outcome", fields = { "url: string -- whole",
    "method?: string -- if it matters",
    "headers?: table<string, string> -- those that matter", "body?: string -- whole",
    "body_matches?: string -- a pattern", "json?: any -- the body as data",
    "reply?: {status?: integer, headers?: table<string, string>, body?: string, json?: any} -- 200 and nothing",
    "err?: gifd.Code|gifd.Err -- instead of a reply" } },
  { name = "Asked", doc = "a request to a route", fields = { "[1]: string -- method", "[2]: string -- path and query",
    "account?: string -- who asks; nobody", "scopes?: string[] -- what he may; upload and read",
    "headers?: table<string, string> -- by name", "body?: string -- as it is", "json?: any -- instead of body",
    "client_ip?: string -- where from" } },
  { name = "Answered", doc = "what a client reads", fields = { "status: integer -- 200, ...",
    "headers: table<string, string> -- names in lower case", "body: string -- whole", "json?: any -- of a JSON body",
    "cache?: table -- what may be kept, and under which tags" } },
  { name = "Upload", doc = "what is uploaded, by whom", fields = { "title?: string -- shown",
    "description?: string -- shown",
    "tags?: string[] -- in order", 'visibility?: "public"|"unlisted"|"private" -- to whom',
    "bytes?: string -- a file; a small GIF", "account?: string -- ann",
      "trusted?: boolean -- may he skip what is unseen?" } },
  { name = "Rig", doc = "a plugin under test: everything around it is real, but clock and other servers", fields = {
    "gifd: gifd -- what the plugin has, to look at what it keeps",
    "clock: gifd.testing.clock -- its time, which stands still",
    "fetched: {method: string, url: string, headers: table<string, string>, body?: string}[] -- what it asked, in "
      .. "order",
    "published: {topic: string, value: any}[] -- what it told by the bus",
    "log: {level: string, event: string, fields: table<string, any>}[] -- what was logged, by others too" } },
} }
