--- flow/evidence_rules: by what programs are told from people, as data. The first rule all of whose texts stand in a
-- User-Agent is the program's. Numbers are reasons of events (model/event_kinds) and are never used again.
--
--   programs  number, name, verdict, platform or false, texts: the classes of client that C counts by, at most 31: the
--             names of programs first, then marks of those that have no rule of their own
--   others    looked for after these where Lua judges: they say what asks, not that nobody is behind it, so it counts
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
  { 45, "compatible; http", "bot", false, { "compatible;", "http" } },
  { 46, "+http", "bot", false, { "+http" } },
}

M.others = {
  { 64, "headless browser", { "HeadlessChrome", "PhantomJS", "Headless" } },
  { 65, "library", { "curl/", "Wget/", "python-requests/", "python-httpx/", "Python-urllib/", "aiohttp/",
    "Go-http-client/", "okhttp/", "axios/", "node-fetch", "undici", "libwww-perl/", "Java/", "Apache-HttpClient/",
    "Ruby", "PostmanRuntime/", "got (", "GuzzleHttp/" } },
}
M.NAMELESS, M.PREFETCH, M.HEAD = 66, 67, 68
M.names = { [66] = "no user agent", [67] = "fetched ahead", [68] = "HEAD" }

return M
