--- unfurl: what a link to a share says to programs that preview links: Open Graph, a Twitter card, oEmbed 1.0.
--
-- No tag says "loop this", so whether a preview moves depends on which file is offered to whom. Discord and Slack play
-- og:image if it is a GIF and draw a player, or nothing, once there is an og:video; Telegram loops a silent og:video; X
-- and WhatsApp show one frame. Who is not known gets everything. A reply that depends on `crawler(user_agent)` needs
-- `Vary: User-Agent`. Pure: stands on nothing but gifd.text. `ctx` is the one of page.share.
local template = require "gifd.http.template"

local M = {}

-- gif_bytes: the largest GIF that is worth offering; video: "instead" offers one only where no GIF is offered
local none = { gif_bytes = 8e6, video = true }
local crawlers = {
  { "Discordbot", { gif_bytes = 8e6, video = "instead" } },
  { "Slackbot", { gif_bytes = 5e6, video = "instead" } },
  { "TelegramBot", { gif_bytes = 0, video = true } },
  { "WhatsApp", { gif_bytes = 0, video = false } },
  { "facebookexternalhit", "Twitterbot", none }, -- what Apple's Messages calls itself
  { "Twitterbot", { gif_bytes = 0, video = true, card_image = true } },
  { "facebookexternalhit", { gif_bytes = 8e6, video = true, second_image = true } },
}

--- Classes of clients, for C: texts that a User-Agent holds; the first class whose texts it holds all.
M.classes, M.class_names = {}, {}
for i, known in ipairs(crawlers) do
  M.classes[i], M.class_names[i] = {}, table.concat(known, "+", 1, #known - 1)
  for k = 1, #known - 1 do M.classes[i][k] = known[k] end
end

local function holds(user_agent, texts)
  for _, text in ipairs(texts) do
    if not user_agent:find(text, 1, true) then return false end
  end
  return true
end

--- What suits the program of this User-Agent (nil: nobody in particular)
function M.crawler(user_agent)
  for i, texts in ipairs(M.classes) do
    if user_agent and holds(user_agent, texts) then return crawlers[i][#crawlers[i]], texts[1] end
  end
  return none, nil
end

--- A text on one line, of at most so many characters
function M.line(text, most)
  local flat = (text or ""):gsub("%s+", " "):match("^ ?(.-) ?$")
  if not most or #flat <= most then return flat end
  local count, cut = 0, nil
  for at in flat:gmatch("()[^\128-\191]") do
    count = count + 1
    if count == most then cut = at end
    if count > most then return flat:sub(1, cut - 1) .. "\226\128\166" end
  end
  return flat
end

--- The share's title, or what it is called without one
function M.title(ctx)
  local title = M.line(ctx.share.title)
  if title ~= "" then return title end
  local kind = ctx.asset.type:match("^video/") and "Video" or ctx.asset.type == "image/gif" and "GIF" or "Image"
  return kind .. " from " .. ctx.site
end

function M.page_url(ctx) return ctx.base_url .. "/s/" .. ctx.share.code end

-- Previewers trust names: the address of a file ends as its type does wherever there is such an address.
local endings = { ["image/gif"] = ".gif", ["video/mp4"] = ".mp4", ["image/png"] = ".png" }
local function direct(ctx, type, other)
  return endings[type] and not ctx.limited and M.page_url(ctx) .. endings[type] or other
end

local function original(ctx)
  local a = ctx.asset
  return { url = direct(ctx, a.type, a.url), type = a.type, width = a.width, height = a.height, bytes = a.bytes }
end

local function rendition(r, url)
  return { url = url or r.url, type = r.type, width = r.width, height = r.height, bytes = r.bytes }
end

--- The pictures there are, { url, type, width, height }: the original if it is one, and the poster; either may be nil
function M.pictures(ctx)
  local poster = ctx.renditions.poster
  return ctx.asset.type:match("^image/") and original(ctx) or nil, poster and rendition(poster) or nil
end

--- The MP4 there is: of anything that moves the rendition, which is silent, or the original if it is one
function M.movie(ctx)
  local mp4 = ctx.renditions.mp4
  if mp4 and (ctx.asset.frames or 0) > 1 then return rendition(mp4, direct(ctx, mp4.type, mp4.url)) end
  return ctx.asset.type == "video/mp4" and original(ctx) or nil
end

local gifs = { "facebook", "discord", "downsized_large", "downsized_medium", "downsized", "slack", "teams" }

--- The best GIF of at most so many bytes: the original, else the largest one that has been made; or nil
local function moving(ctx, picture, most)
  if picture and picture.type == "image/gif" and picture.bytes <= most then return picture end
  local best
  for _, name in ipairs(gifs) do
    local r = ctx.renditions[name .. ".gif"]
    if r and r.bytes <= most and (not best or r.bytes > best.bytes) then best = r end
  end
  return best and rendition(best)
end

--- One line about a share: its description, or what there is to say without one
function M.description(ctx)
  local text = M.line(ctx.share.description, 500)
  if text ~= "" then return text end
  if #ctx.share.tags > 0 then return M.line(table.concat(ctx.share.tags, ", "), 500) end
  return ("%d × %d%s"):format(ctx.asset.width, ctx.asset.height, ctx.asset.frames > 1 and ", looping" or "")
end

local function add_file(out, name, file, alt)
  local function add(suffix, value) out[#out + 1] = { property = name .. suffix, content = value } end
  add("", file.url)
  if file.url:match("^https:") then add(":secure_url", file.url) end
  add(":type", file.type)
  add(":width", file.width)
  add(":height", file.height)
  if alt then add(":alt", alt) end
end

--- The meta elements of a share's page, in order: { { property | name, content }, ... }
function M.tags(ctx)
  local suits = M.crawler(ctx.user_agent)
  local title, description, movie = M.title(ctx), M.description(ctx), M.movie(ctx)
  local picture, poster = M.pictures(ctx)
  local gif = moving(ctx, picture, suits.gif_bytes)
  local image = gif or poster or picture
  if not suits.video or (suits.video == "instead" and gif) then movie = nil end
  local out = {
    { name = "description", content = description },
    { property = "og:site_name", content = ctx.site },
    { property = "og:type", content = movie and "video.other" or "website" },
    { property = "og:url", content = M.page_url(ctx) },
    { property = "og:title", content = title },
    { property = "og:description", content = description },
  }
  if image then add_file(out, "og:image", image, M.line(title, 400)) end
  if suits.second_image and poster and image ~= poster then add_file(out, "og:image", poster, M.line(title, 400)) end
  if movie then add_file(out, "og:video", movie) end
  out[#out + 1] = { name = "twitter:card", content = image and "summary_large_image" or "summary" }
  if suits.card_image and image then out[#out + 1] = { name = "twitter:image", content = image.url } end
  return out
end

-- What is no whole number of pixels limits nothing
local function limit(asked)
  local digits = tostring(asked):match("^%d+$")
  local most = digits and tonumber(digits) or 0
  return most >= 1 and most or math.huge
end

local function fit(width, height, ctx)
  local by = math.min(1, limit(ctx.maxwidth) / width, limit(ctx.maxheight) / height)
  return math.max(1, math.floor(width * by + 1e-6)), math.max(1, math.floor(height * by + 1e-6))
end

local function player(movie, poster, title, width, height)
  local e = template.escape
  local still = poster and (' poster="%s"'):format(e(poster.url)) or ""
  local form = '<video src="%s"%s width="%d" height="%d" title="%s" autoplay loop muted playsinline controls></video>'
  return form:format(e(movie.url), still, width, height, e(title))
end

--- The answer of /oembed as a table for JSON. ctx: that of page.share, and maxwidth and maxheight as asked for or nil
function M.oembed(ctx)
  local picture, poster = M.pictures(ctx)
  local movie = M.movie(ctx) or original(ctx)
  local main = picture or movie
  local out = { version = "1.0", title = M.title(ctx), cache_age = 3600 }
  out.provider_name, out.provider_url = ctx.site, ctx.base_url .. "/"
  out.width, out.height = fit(main.width, main.height, ctx)
  if picture then
    out.type, out.url = "photo", picture.url
  else
    out.type, out.html = "video", player(movie, poster, out.title, out.width, out.height)
  end
  if poster then
    out.thumbnail_url = poster.url
    out.thumbnail_width, out.thumbnail_height = fit(poster.width, poster.height, ctx)
  end
  return out
end

return M
