--- flow/referrers: where a visit came from, by the ?via= of its address, which is a name of these
-- rows, or by the host of its Referer: the first row of which a domain fits.
local M = {}

local rows = {
  { "discord", "discord.com", "discordapp.com" },
  { "slack", "slack.com" },
  { "teams", "teams.microsoft.com", "teams.live.com" },
  { "twitter", "t.co", "twitter.com", "x.com" },
  { "facebook", "facebook.com", "messenger.com", "instagram.com" },
  { "giphy", "giphy.com" },
  { "tenor", "tenor.com" },
  { "reddit", "reddit.com" },
  { "telegram", "telegram.org", "t.me" },
  { "whatsapp", "whatsapp.com" },
  { "google", "google.com" },
}

--- For C: arrays of names and domains; the classes that it counts by are the indexes.
M.domains = {}
M.names = {}
for i, row in ipairs(rows) do
  M.names[i], M.domains[i] = row[1], row
end

return M
