--- unfurl: what a link to a share says to programs that preview links: Open Graph, a Twitter card, JSON-LD, oEmbed 1.0,
-- and the same as an ActivityPub note. Which file is offered to whom is data (http/unfurlers); a reply that depends on
-- the User-Agent needs `Vary: User-Agent`. Pure: stands on nothing but gifd.text and gifd.json. `ctx` is the one of
-- page.share.
local template = require "gifd.http.template"
local unfurlers = require "gifd.http.unfurlers"

local M = {}

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

--- Under the address that ends in .gif a smaller GIF that shows the same is served once there is one.
local function original(ctx)
  local a = ctx.asset
  local url = direct(ctx, a.type, a.url)
  local smaller = a.type == "image/gif" and url ~= a.url and ctx.renditions["gif.gif"]
  return { url = url, type = a.type, width = a.width, height = a.height,
    bytes = smaller and math.min(smaller.bytes, a.bytes) or a.bytes, name = "original" }
end

local function rendition(r, url, name)
  return { url = url or r.url, type = r.type, width = r.width, height = r.height, bytes = r.bytes, name = name }
end

--- The pictures there are, { url, type, width, height }: the original if it is one, and the poster; either may be nil
function M.pictures(ctx)
  local poster = ctx.renditions.poster
  return ctx.asset.type:match("^image/") and original(ctx) or nil,
    poster and rendition(poster, nil, "poster.jpg") or nil
end

--- The MP4 there is: of anything that moves the rendition, which is silent, or the original if it is one
function M.movie(ctx)
  local mp4 = ctx.renditions.mp4
  if mp4 and (ctx.asset.frames or 0) > 1 then return rendition(mp4, direct(ctx, mp4.type, mp4.url), "mp4.mp4") end
  return ctx.asset.type == "video/mp4" and original(ctx) or nil
end

local function fits(file, row)
  return file and file.bytes <= row.bytes and (not row.side or math.max(file.width, file.height) <= row.side)
end

local gifs = { "facebook", "discord", "twitter", "downsized_large", "downsized_medium", "downsized", "slack", "teams",
  "gif", "mediumgif", "tinygif", "fixed_height", "fixed_width", "nanogif" }
local stills = { "poster.jpg", "card.jpg", "fixed_width_still.jpg", "fixed_height_still.jpg",
  "fixed_height_small_still.jpg" }

--- The best GIF that suits: the original, else the largest one that has been made; or nil
local function moving(ctx, row)
  if ctx.asset.type == "image/gif" and fits(ctx.asset, row) then return original(ctx) end
  local best, found = nil, nil
  for _, name in ipairs(gifs) do
    local r = ctx.renditions[name .. ".gif"]
    if fits(r, row) and (not best or r.bytes > best.bytes) then best, found = r, name end
  end
  return best and rendition(best, nil, found .. ".gif")
end

--- One frame that suits, or nil
local function still(ctx, row)
  for _, name in ipairs(stills) do
    local r = ctx.renditions[name] or name == "poster.jpg" and ctx.renditions.poster
    if fits(r, row) then return rendition(r, nil, name) end
  end
  local a = ctx.asset
  return a.type:match("^image/") and fits(a, row) and original(ctx) or nil
end

--- What a row is offered -> { image?, second?, video? }: files { url, type, width, height, bytes, name }
function M.offer(ctx, row)
  local gif = row.picture == "gif" and moving(ctx, row) or nil
  local movie = M.movie(ctx)
  if movie and row.video_bytes and movie.bytes > row.video_bytes then movie = nil end
  if row.video == "never" or row.video == "instead" and gif then movie = nil end
  local frame = still(ctx, row)
  return { image = gif or frame, second = row.second and gif and frame or nil, video = movie }
end

--- The rendition that ought to be offered to this row and is not there -> NAME.EXT or nil
function M.wish(ctx, row)
  if row.picture == "gif" and ctx.asset.frames > 1 then
    if ctx.asset.type == "image/gif" and fits(ctx.asset, row) then return nil end
    return not ctx.renditions[row.wants] and row.wants or nil
  end
  return not still(ctx, row) and "card.jpg" or nil
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
  local row = unfurlers.of(ctx.user_agent)
  local title, description, offer = M.title(ctx), M.description(ctx), M.offer(ctx, row)
  local out = {
    { name = "description", content = description },
    { property = "og:site_name", content = ctx.site },
    { property = "og:type", content = offer.video and "video.other" or "website" },
    { property = "og:url", content = M.page_url(ctx) },
    { property = "og:title", content = title },
    { property = "og:description", content = description },
  }
  local alt = M.line(title, 400)
  if offer.image then add_file(out, "og:image", offer.image, alt) end
  if offer.second then add_file(out, "og:image", offer.second, alt) end
  if offer.video then add_file(out, "og:video", offer.video) end
  out[#out + 1] = { name = "twitter:card", content = offer.image and "summary_large_image" or "summary" }
  if row.twitter and offer.image then
    out[#out + 1] = { name = "twitter:image", content = offer.image.url }
    out[#out + 1] = { name = "twitter:image:alt", content = alt }
  end
  return out
end

--- Is the ActivityPub form told of to this User-Agent? Discord would ask for a Mastodon's API then.
function M.activity(ctx) return unfurlers.of(ctx.user_agent).activity and M.page_url(ctx) .. ".activity" or false end

local escapes = { ["<"] = "\\u003c", [">"] = "\\u003e", ["&"] = "\\u0026" }

--- JSON-LD (schema.org) as text that is inert inside <script>
function M.linked(ctx)
  local picture, poster = M.pictures(ctx)
  local movie = M.movie(ctx)
  local main = movie or picture or poster
  if not main then return false end
  local seconds = (ctx.asset.duration_ms or 0) / 1000
  local json = gifd.json.encode {
    ["@context"] = "https://schema.org", ["@type"] = movie and "VideoObject" or "ImageObject",
    name = M.title(ctx), description = M.description(ctx), url = M.page_url(ctx), contentUrl = main.url,
    encodingFormat = main.type, width = main.width, height = main.height, uploadDate = ctx.share.created_at,
    thumbnailUrl = (poster or picture or main).url,
    duration = movie and ("PT%.2fS"):format(seconds) or nil,
    keywords = ctx.share.tags[1] and table.concat(ctx.share.tags, ", ") or nil,
  }
  return (json:gsub("[<>&]", escapes):gsub("\226\128[\168\169]", "\\u2028"))
end

--- The share as an ActivityPub note
function M.note(ctx)
  local picture, poster = M.pictures(ctx)
  local main, attachments = M.movie(ctx) or picture or poster, {}
  if main then
    attachments[1] = { type = "Document", mediaType = main.type, url = main.url, name = M.line(M.title(ctx), 400),
      width = main.width, height = main.height }
  end
  local e, tags = template.escape, {}
  for i, tag in ipairs(ctx.share.tags) do tags[i] = { type = "Hashtag", name = "#" .. tag:gsub("%s+", "") } end
  return {
    ["@context"] = "https://www.w3.org/ns/activitystreams", id = M.page_url(ctx) .. ".activity", type = "Note",
    url = M.page_url(ctx), published = ctx.share.created_at, name = M.title(ctx),
    content = "<p>" .. e(M.title(ctx)) .. "</p>", to = { "https://www.w3.org/ns/activitystreams#Public" },
    attributedTo = { type = "Application", id = ctx.base_url .. "/", name = ctx.site, url = ctx.base_url .. "/" },
    attachment = gifd.json.array(attachments), tag = gifd.json.array(tags),
  }
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
  local still_of = poster and (' poster="%s"'):format(e(poster.url)) or ""
  local form = '<video src="%s"%s width="%d" height="%d" title="%s" autoplay loop muted playsinline controls></video>'
  return form:format(e(movie.url), still_of, width, height, e(title))
end

--- The picture itself, or the largest GIF made of it that is within what was asked for
local function photo(ctx, picture)
  local best = picture
  if picture.width <= limit(ctx.maxwidth) and picture.height <= limit(ctx.maxheight) then return picture end
  if picture.type ~= "image/gif" then return picture end
  for _, name in ipairs(gifs) do
    local r = ctx.renditions[name .. ".gif"]
    if r and r.width <= limit(ctx.maxwidth) and r.height <= limit(ctx.maxheight)
      and (best == picture or r.width > best.width) then best = rendition(r) end
  end
  return best
end

--- The answer of /oembed as a table for JSON. ctx: that of page.share, and maxwidth and maxheight as asked for or nil,
-- and kind: "photo", "video" or "rich" for who would rather have that.
function M.oembed(ctx)
  local picture, poster = M.pictures(ctx)
  local movie = M.movie(ctx) or original(ctx)
  local films = not picture or (ctx.kind == "video" or ctx.kind == "rich") and M.movie(ctx) ~= nil
  local main = films and movie or photo(ctx, picture)
  local out = { version = "1.0", title = M.title(ctx), cache_age = 3600 }
  out.provider_name, out.provider_url = ctx.site, ctx.base_url .. "/"
  out.width, out.height = fit(main.width, main.height, ctx)
  if films then
    out.type = ctx.kind == "rich" and "rich" or "video"
    out.html = player(movie, poster, out.title, out.width, out.height)
  else
    out.type, out.url = "photo", main.url
  end
  if poster then
    out.thumbnail_url = poster.url
    out.thumbnail_width, out.thumbnail_height = fit(poster.width, poster.height, ctx)
  end
  return out
end

--- The same in XML (oEmbed 1.0, section 2.3.4)
function M.oembed_xml(said)
  local names, out = {}, { '<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>\n' }
  for name in pairs(said) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = tostring(said[name]):gsub("[%z\1-\8\11\12\14-\31]", "")
    out[#out + 1] = ("<%s>%s</%s>\n"):format(name, template.escape(value), name)
  end
  out[#out + 1] = "</oembed>\n"
  return table.concat(out)
end

return M
