--- http/unfurlers: what each program that previews links shows of a page, as data. Which program it is,
-- flow/evidence_rules says by the row's name, as its platform; `default` is everybody else's.
--
-- No tag says "loop this", so whether a preview moves depends on which file is offered to whom. Discord and Slack play
-- og:image if it is a GIF and draw a player, or nothing, once there is an og:video; Telegram loops a silent og:video; X
-- and WhatsApp show one frame.
--
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
--   agent        the User-Agent by which it asks, for gifd doctor to ask as it does
local evidence = require "gifd.flow.evidence"

local M = {}

M.default = { name = "generic", label = "others", picture = "gif", wants = "discord.gif", bytes = 8e6, video = "always",
  moves = "gif", activity = true }

M.rows = {
  { name = "discord", label = "Discord", picture = "gif", wants = "discord.gif",
    bytes = 8e6, side = 9500, video = "instead", video_bytes = 50e6, moves = "gif", title = 256,
    agent = "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)" },
  { name = "slack", label = "Slack", picture = "gif",
    wants = "slack.gif", bytes = 2e6, video = "never", moves = "gif", title = 150,
    agent = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)" },
  { name = "teams", label = "Microsoft Teams",
    picture = "gif", wants = "teams.gif", bytes = 1e6, side = 1024, video = "never", moves = "gif", https = true },
  { name = "telegram", label = "Telegram", picture = "still", wants = "card.jpg",
    bytes = 5e6, video = "always", video_bytes = 10e6, moves = "video" },
  { name = "whatsapp", label = "WhatsApp", picture = "still", wants = "card.jpg",
    bytes = 300e3, least = { 300, 75 }, video = "never", moves = false, title = 65 },
  { name = "imessage", label = "iMessage", picture = "gif",
    wants = "discord.gif", bytes = 8e6, video = "always", video_bytes = 10e6, moves = "video" },
  { name = "twitter", label = "X", picture = "still", wants = "card.jpg", bytes = 5e6,
    side = 4096, least = { 300, 157 }, video = "always", moves = false, twitter = true, https = true, title = 70 },
  { name = "facebook", label = "Facebook",
    picture = "gif", wants = "facebook.gif", bytes = 8e6, least = { 200, 200 }, video = "always", moves = "video",
    second = true },
  { name = "mastodon", label = "Mastodon", picture = "still", wants = "card.jpg",
    bytes = 2e6, video = "always", video_bytes = 40e6, moves = false, activity = true },
  { name = "linkedin", label = "LinkedIn", picture = "still", wants = "card.jpg",
    bytes = 5e6, least = { 200, 105 }, video = "never", moves = false, https = true },
}

M.by_name = {}
for _, row in ipairs(M.rows) do M.by_name[row.name] = row end
M.by_name.generic = M.default

--- The row of this User-Agent (nil: nobody in particular), and whether it is a program that is known.
function M.of(user_agent)
  local row = M.by_name[evidence.class_platforms[evidence.class(user_agent)]]
  return row or M.default, row ~= nil
end

return M
