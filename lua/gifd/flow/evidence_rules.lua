--- flow/evidence_rules: by what programs are told from people, as data. The first rule that fits is the program's.
-- Numbers are reasons of events (model/event_kinds) and are never used again.
--
--   programs  number, name, verdict, platform or false, texts that all stand in a User-Agent: the classes of client
--             that C tells apart, since pages differ by them, at most 31
--   others    number, name, verdict, texts of which one stands in it
--   words     the same, of patterns in small letters, once what is `innocent` has been taken out
--   form      what a person's program looks like; all else is FORM, a bot if it is NAME/VERSION or Name
--
-- What says that it is a bot, and what it is for, is one. What an app or a script fetches with, and a browser without a
-- window, is somebody's doing, and nobody knows whether they look at it: unknown, with a reason, and it counts.
local M = {}

M.programs = {
  { 16, "Discordbot", "preview", "discord", { "Discordbot" } },
  { 17, "Slackbot", "preview", "slack", { "Slackbot" } },
  { 18, "Slack-ImgProxy", "preview", "slack", { "Slack-ImgProxy" } },
  { 19, "SkypeUriPreview", "preview", "teams", { "SkypeUriPreview" } },
  { 20, "Microsoft Teams", "preview", "teams", { "Microsoft Teams" } },
  { 21, "TelegramBot", "preview", "telegram", { "TelegramBot" } },
  { 22, "WhatsApp", "preview", "whatsapp", { "WhatsApp" } },
  { 23, "facebookexternalhit+Twitterbot", "preview", "imessage", { "facebookexternalhit", "Twitterbot" } },
  { 24, "Twitterbot", "preview", "twitter", { "Twitterbot" } },
  { 25, "facebookexternalhit", "preview", "facebook", { "facebookexternalhit" } },
  { 26, "meta-externalagent", "preview", "facebook", { "meta-externalagent" } },
  { 27, "Mastodon/", "preview", "mastodon", { "Mastodon/" } },
  { 28, "LinkedInBot", "preview", "linkedin", { "LinkedInBot" } },
  { 29, "Pinterest", "preview", false, { "Pinterest", "bot" } },
  { 30, "redditbot", "preview", false, { "redditbot" } },
  { 31, "Embedly", "preview", false, { "Embedly" } },
  { 32, "Iframely", "preview", false, { "Iframely" } },
  { 33, "Bluesky", "preview", false, { "Bluesky" } },
  { 34, "Synapse", "preview", false, { "Synapse" } },
  { 35, "vkShare", "preview", false, { "vkShare" } },
  { 36, "Misskey", "preview", false, { "Misskey" } },
  { 37, "Pleroma", "preview", false, { "Pleroma" } },
  { 38, "Preview", "preview", false, { "Preview" } },
  { 39, "bot/", "bot", false, { "bot/" } },
  { 40, "Bot/", "bot", false, { "Bot/" } },
  { 41, "bot-", "bot", false, { "bot-" } },
  { 42, "crawler", "bot", false, { "rawler" } },
  { 43, "spider", "bot", false, { "pider" } },
  { 44, "archiver", "bot", false, { "archiver" } },
  { 46, "+http", "bot", false, { "+http" } },
}

M.others = {
  { 64, "headless browser", "unknown", { "HeadlessChrome", "PhantomJS", "Headless" } },
  { 70, "an app's client", "unknown", { "okhttp/", "CFNetwork/", "Dalvik/", "AppleCoreMedia/", "ExoPlayer",
    "stagefright/", "VLC/", "Lavf/", "mpv ", "Kodi/", "Cronet/" } },
  { 65, "library", "unknown", { "curl/", "Wget/", "python-requests/", "python-httpx/", "Python-urllib/", "aiohttp/",
    "Go-http-client/", "axios/", "node-fetch", "undici", "libwww-perl/", "Java/", "Apache-HttpClient/", "Ruby",
    "PostmanRuntime/", "got (", "GuzzleHttp/", "HTTPie/", "reqwest/", "hyper/", "ureq/", "Deno/", "Bun/", "LuaSocket",
    "lua-resty-http/", "libcurl/", "PowerShell/", "Faraday ", "rest-client/", "Mojolicious", "fasthttp", "aria2/",
    "ApacheBench/", "k6/", "insomnia/", "superagent/" } },
}

M.words = {
  { 47, "...bot", "bot", { "bots?%f[^%a]" } },
  { 48, "crawl", "bot", { "crawl", "spider", "slurp", "scrap[ey]", "harvest" } },
  { 49, "fetches, checks or watches", "bot", { "fetch", "%f[%a]check", "check%f[^%a]", "checker", "monitor", "uptime",
    "validat", "scanner", "%f[%a]scan%f[^%a]", "probe", "pingdom", "inspect", "analy[sz]er", "audit" } },
  { 50, "indexes or keeps", "bot", { "indexer", "archiv", "%f[%a]feed", "feed%f[^%a]" } },
  { 51, "previews", "preview", { "preview", "unfurl", "embed%f[^%a]", "oembed", "linkexpand", "externalhit",
    "thumbnail" } },
  { 52, "driven by a program", "bot", { "lighthouse", "pagespeed", "synthetic", "automat" } },
  { 53, "says how to reach its owner", "bot", { "https?://", "%+http", "[%w._-]+@[%w-]+%.%a+", "mailto:" } },
  { 54, "written with a library", "unknown", { "selenium", "puppeteer", "playwright", "webdriver", "%f[%a]python",
    "%f[%a]perl%f[^%a]", "%f[%a]ruby", "%f[%a]php%f[^%a]", "^java/", "%f[%a]node[/.-]", "^go[/-]", "go%-http", "libwww",
    "http[_ -]?client", "%f[%a]http%.", "urllib", "httpx?%-", "%f[%a]rust", "%f[%a]deno", "%f[%a]bun/", "aiohttp" } },
}
--- Telephones of this name, an old control that says where it is from, a browser's library
M.innocent = { "cubot[%w_ +-]*", "embeddedwb[^;)]*", "libwww%-fm" }

--- Programs of people: a browser says Mozilla/ and on what it runs, or is one of those that never did.
M.form = {
  compatible = { "MSIE", "Trident", "Konqueror", "IEMobile", "WebTV", "ABrowse", "iCab", "BlackBerry", "NetFront",
    "Opera", "OmniWeb", "Dreamcast", "Netscape" },
  people = { "Opera", "Lynx/", "Links ", "ELinks", "w3m/", "Dillo/", "NetSurf/", "UCWEB", "Nokia", "SonyEricsson",
    "BlackBerry", "SAMSUNG", "LG-", "LGE", "MOT-", "SIE-", "SEC-", "HTC", "ZTE", "HUAWEI", "Profile/MIDP", "NetFront",
    "DoCoMo/", "KDDI-", "SoftBank/", "Vodafone/", "J-PHONE/", "Android", "iPhone", "iPad", "iPod", "iOS", "watchOS",
    "tvOS", "Windows NT", "Macintosh", "Mac OS X", "macOS", "PlayStation", "Nintendo", "Xbox", "Roku", "SmartTV",
    "SMART-TV", "Tizen", "Web0S", "webOS", "HbbTV", "iTunes/", "QuickTime", "Emacs", "amaya/", "Contiki" },
}

M.NAMELESS, M.PREFETCH, M.HEAD, M.FORM = 66, 67, 68, 69
M.BURST, M.HEADS, M.NO_MEDIA = 71, 72, 73 -- flow/bursts
M.names = { [45] = "compatible; http", [66] = "no user agent", [67] = "fetched ahead", [68] = "HEAD",
  [69] = "no browser by its form",
  [71] = "a burst without media", [72] = "a page, then HEAD", [73] = "no media followed" }

return M
