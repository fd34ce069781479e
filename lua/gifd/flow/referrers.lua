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

local names = {}
for _, row in ipairs(rows) do names[row[1]] = true end

local function ends_with(host, domain)
  return host == domain or host:sub(-#domain - 1) == "." .. domain
end

--- from: "via:WORD", a host, or both with a space between (core/script/caller.h) -> name of a row, or nil
function M.platform(from)
  from = from:lower()
  local via, host = from:match("^via:(%S*) ?(.*)$")
  if names[via] then return via end
  from = host or from
  for _, row in ipairs(rows) do
    for i = 2, #row do
      if ends_with(from, row[i]) then return row[1] end
    end
  end
end

return M
