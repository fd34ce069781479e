--- http/unfurlers: what each program that previews links shows of a page, as data. The first row of which all texts of
-- one `agents` entry stand in the User-Agent is the program's; `default` is everybody else's.
--
-- No tag says "loop this", so whether a preview moves depends on which file is offered to whom. Discord and Slack play
-- og:image if it is a GIF and draw a player, or nothing, once there is an og:video; Telegram loops a silent og:video; X
-- and WhatsApp show one frame.
--
--   agents       texts that a User-Agent holds, a list of them for each program
--   picture      "gif": a GIF that moves, else a still; "still": one frame
--   wants        the rendition that is made for it when nothing that is there fits
--   bytes        og:image at most; side: its width and height at most; least: { width, height } below which it is
--                not shown, or only small
--   video        "always", "never", or "instead" of a GIF that cannot be offered
--   video_bytes  og:video at most
--   moves        by what a picture moves there: "gif", "video", or false
--   twitter      twitter:image names the picture too;  second: the poster as a second og:image
--   activity     the ActivityPub form is offered too
--   https        shows nothing from http
--   title        characters that it shows
local M = {}

M.default = { name = "generic", label = "others", picture = "gif", wants = "discord.gif", bytes = 8e6, video = "always",
  moves = "gif", activity = true }

M.rows = {
  { name = "discord", label = "Discord", agents = { { "Discordbot" } }, picture = "gif", wants = "discord.gif",
    bytes = 8e6, side = 9500, video = "instead", video_bytes = 50e6, moves = "gif", title = 256 },
  { name = "slack", label = "Slack", agents = { { "Slackbot" }, { "Slack-ImgProxy" } }, picture = "gif",
    wants = "slack.gif", bytes = 2e6, video = "never", moves = "gif", title = 150 },
  { name = "teams", label = "Microsoft Teams", agents = { { "SkypeUriPreview" }, { "Microsoft Teams" } },
    picture = "gif", wants = "teams.gif", bytes = 1e6, side = 1024, video = "never", moves = "gif", https = true },
  { name = "telegram", label = "Telegram", agents = { { "TelegramBot" } }, picture = "still", wants = "card.jpg",
    bytes = 5e6, video = "always", video_bytes = 10e6, moves = "video" },
  { name = "whatsapp", label = "WhatsApp", agents = { { "WhatsApp" } }, picture = "still", wants = "card.jpg",
    bytes = 300e3, least = { 300, 75 }, video = "never", moves = false, title = 65 },
  { name = "imessage", label = "iMessage", agents = { { "facebookexternalhit", "Twitterbot" } }, picture = "gif",
    wants = "discord.gif", bytes = 8e6, video = "always", video_bytes = 10e6, moves = "video" },
  { name = "twitter", label = "X", agents = { { "Twitterbot" } }, picture = "still", wants = "card.jpg", bytes = 5e6,
    side = 4096, least = { 300, 157 }, video = "always", moves = false, twitter = true, https = true, title = 70 },
  { name = "facebook", label = "Facebook", agents = { { "facebookexternalhit" }, { "meta-externalagent" } },
    picture = "gif", wants = "facebook.gif", bytes = 8e6, least = { 200, 200 }, video = "always", moves = "video",
    second = true },
  { name = "mastodon", label = "Mastodon", agents = { { "Mastodon/" } }, picture = "still", wants = "card.jpg",
    bytes = 2e6, video = "always", video_bytes = 40e6, moves = false, activity = true },
  { name = "linkedin", label = "LinkedIn", agents = { { "LinkedInBot" } }, picture = "still", wants = "card.jpg",
    bytes = 5e6, least = { 200, 105 }, video = "never", moves = false, https = true },
}

M.by_name = {}
for _, row in ipairs(M.rows) do M.by_name[row.name] = row end
M.by_name.generic = M.default

--- Classes of clients, for C: texts that a User-Agent holds; the first class whose texts it holds all.
M.classes, M.class_names, M.class_platforms = {}, {}, {}
local of_class = {}
for _, row in ipairs(M.rows) do
  for _, texts in ipairs(row.agents) do
    local class = #M.classes + 1
    M.classes[class], M.class_names[class], of_class[class] = texts, table.concat(texts, "+"), row
    M.class_platforms[class] = row.name
  end
end

local function holds(user_agent, texts)
  for _, text in ipairs(texts) do
    if not user_agent:find(text, 1, true) then return false end
  end
  return true
end

--- The row of this User-Agent (nil: nobody in particular), and whether it is a program that is known.
function M.of(user_agent)
  for class, texts in ipairs(M.classes) do
    if user_agent and holds(user_agent, texts) then return of_class[class], true end
  end
  return M.default, false
end

return M
