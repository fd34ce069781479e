--- traces: what programs that preview links ask for, one after another, and what browsers do. Each is of a share of
-- its own: { name, truth ("preview" or "person"), how often, requests }; a request is { METHOD, what, agent, headers },
-- where what is "page", or a form of the asset's address that is asked for with ?s= of the share; "%d" in an agent
-- counts.
local chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
  .. "Safari/537.36"
local firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
local iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
  .. "Version/18.1 Mobile/15E148 Safari/604.1"
local webview = "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP2A; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
  .. "Version/4.0 Chrome/130.0 Mobile Safari/537.36"
local discord = "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"
local apple = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 "
  .. "Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"
local start = { Range = "bytes=0-" }

local function ask(method, what, agent, headers) return { method, what, agent, headers } end
local function get(what, agent, headers) return ask("GET", what, agent, headers) end
local function visit(agent, from)
  return { get("page", agent, { Referer = from }), get(".mp4", agent, start), get("/poster", agent) }
end

return {
  { "Discord: the page, then its media", "preview", 1, { get("page", discord), get(".gif", discord) } },
  { "Slack: the page, then by its proxy", "preview", 1, { get("page", "Slackbot-LinkExpanding 1.0 "
    .. "(+https://api.slack.com/robots)", { Range = "bytes=0-32768" }), get(".gif", "Slack-ImgProxy "
    .. "(+https://api.slack.com/robots)") } },
  { "Teams", "preview", 1, { get("page", "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 "
    .. "skype-url-preview@microsoft.com") } },
  { "X by name", "preview", 1, { get("page", "Twitterbot/1.0") } },
  { "X as a browser", "preview", 1, { get("page", chrome), ask("HEAD", "page", chrome), ask("HEAD", "page", chrome) } },
  { "Facebook", "preview", 1, { get("page", "facebookexternalhit/1.1 "
    .. "(+http://www.facebook.com/externalhit_uatext.php)", { Range = "bytes=0-524287" }) } },
  { "iMessage", "preview", 1, { get("page", apple), get("/poster", apple) } },
  { "WhatsApp", "preview", 1, { get("page", "WhatsApp/2.23.20.0"), get("/poster", "WhatsApp/2.23.20.0") } },
  { "Telegram", "preview", 1, { get("page", "TelegramBot (like TwitterBot)") } },
  { "Mastodon: every instance that has it", "preview", 30, { get("page", "Mastodon/4.3.%d (http.rb/5.2.0; "
    .. "+https://social-%d.example/)") } },
  { "instances of what has no name", "preview", 30, { get("page", "Mozilla/5.0 (X11; Linux) Federated/%d") } },
  { "Bluesky", "preview", 1, { get("page", "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; "
    .. "+mailto:support@bsky.app)") } },
  { "a page that is fetched ahead", "preview", 1, { get("page", chrome, { ["Sec-Purpose"] = "prefetch;prerender" }) } },
  { "a link checker", "preview", 1, { ask("HEAD", "page", "LinkWatch/3.1"), get("page", "LinkWatch/3.1") } },
  { "Chromium", "person", 3, visit(chrome) },
  { "Chromium, from Slack", "person", 2, visit(chrome, "https://app.slack.com/client") },
  { "Firefox, from X", "person", 1, visit(firefox, "https://t.co/x") },
  { "Safari on a telephone", "person", 1, visit(iphone) },
  { "an app's own view", "person", 1, visit(webview) },
  { "many people at once", "person", 30, visit(chrome .. " Edg/131.0.%d.0") },
  { "one who has the media already", "person", 1, { get("page", firefox) } },
  { "one who reads text", "person", 1, { get("page", "Lynx/2.9.0dev.10 libwww-FM/2.14") } },
}
