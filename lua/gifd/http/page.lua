--- page: the pages people see, as text. Pure: what to show comes in as plain values, HTML goes out.
--
-- `load(read)` compiles the templates once; `read(name)` gives the text of lua/gifd/web/NAME. `files` is what the pages
-- fetch besides: { name, type } each, to be served as they are under the address that `asset_url` gives. Replies carry
-- `csp`: nothing inline but placeholders (pictures of a few bytes), nothing from elsewhere.
-- What is shown in a page is addressed by path alone, so that it is 'self' by whatever name the server is reached.
--
-- Every ctx has
--   site        the site's name                       base_url   "https://gifs.example.org", no slash at the end
--   asset_url   function(name) -> address of one of `files`
-- page.upload adds
--   signed_in   may this visitor upload?              account    the visitor's name, or nil
--   max_bytes   the largest upload, or nil
-- page.share and unfurl.oembed add
--   share       { code, title, tags = { text, ... }, description, visibility, created_at (RFC 3339),
--                 state = nil or "live" or a verdict, reasons = { text, ... } or nil }
--   asset       { type, width, height, frames, duration_ms, bytes, url, has_alpha, placeholder (a data URL) or null,
--                 state and reasons as above }
--   renditions  { mp4 = { url, type, width, height, bytes }?, poster = the same?, ... }: those that are ready,
--               by name (that of its first type) and by file (NAME.EXT)
--   user_agent  of the request, or nil: decides what a preview is offered (the reply then varies by it)
--   limited     a share that may be visited only so often: its media have no lasting addresses
--   visits      what its owner is told of that: { left, of }
--   bare        what is not approved is shown as it is, not blurred and still
--   calm        nothing moves or loads before it is asked to
--   link, link_until   of a visitor by a signed URL: that URL, and when it ends (RFC 3339)
--   maxwidth, maxheight   unfurl.oembed: as asked for, or nil
-- page.signin (how to get a link) adds
--   fault       why an attempt failed, in words, or nil
-- page.error adds
--   status      number                                title, detail   in words, or nil for the usual ones
--   request_id  or nil
--   appeal      where one says that it is wrong, or nil; page.share too: of what was refused
-- page.appeal adds
--   code        of the share                          state   of the appeal, or nil while there is none
--   fault       what was wrong with the words         most    bytes that they may have
local template = require "gifd.http.template"
local unfurl = require "gifd.http.unfurl"

local M = {}
local pages = {}

M.files = {
  { name = "style.css", type = "text/css; charset=utf-8" },
  { name = "copy.js", type = "text/javascript; charset=utf-8" },
  { name = "upload.js", type = "text/javascript; charset=utf-8" },
  { name = "play.js", type = "text/javascript; charset=utf-8" },
  { name = "share.js", type = "text/javascript; charset=utf-8" },
  { name = "icon.svg", type = "image/svg+xml" },
}

M.csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
  .. "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

function M.load(read)
  for _, name in ipairs { "upload.html", "share.html", "signin.html", "error.html", "appeal.html" } do
    local text = read(name)
    if not text then error("lua/gifd/web/" .. name .. " is not there", 0) end
    pages[name] = template.compile(text, name)
  end
end

-- Only addresses of the web, and of this server by path, get into a page.
local function address(url)
  if url:match("^https?://") or url:match("^/[^/\\]") or url == "/" then return url end
  error("page: not an address: " .. url, 0)
end

local function here(ctx, url)
  if url:sub(1, #ctx.base_url + 1) == ctx.base_url .. "/" then url = url:sub(#ctx.base_url + 1) end
  return address(url)
end

local function size(bytes)
  if bytes < 1000 then return bytes .. " bytes" end
  if bytes < 1e6 then return ("%.0f KB"):format(bytes / 1e3) end
  return ("%.1f MB"):format(bytes / 1e6)
end

local function limit(bytes)
  if bytes % 2 ^ 20 == 0 then return ("%d MiB"):format(bytes / 2 ^ 20) end
  return size(bytes)
end

local months = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December" }

local function day(rfc3339)
  local y, m, d = rfc3339:match("^(%d%d%d%d)-(%d%d)-(%d%d)")
  return y and ("%d %s %s"):format(tonumber(d), months[tonumber(m)] or m, y) or rfc3339
end

local function base(ctx, title)
  return { site = ctx.site, asset = ctx.asset_url, page_title = title }
end

function M.upload(ctx)
  local v = base(ctx, ctx.site)
  v.signed_in, v.account = ctx.signed_in, ctx.account or false
  v.max_bytes = ctx.max_bytes or 0
  v.most = ctx.max_bytes and limit(ctx.max_bytes) or false
  return template.fill(pages["upload.html"], v)
end

local notices = {
  pending = { "Waiting for a check", "Only you can see it; it goes live by itself once it has been checked." },
  flagged = { "Held for review", "Only you can see it until somebody has looked at it." },
  rejected = { "Not published", "It was found not to fit the rules of this site. Only you can see it." },
  quarantined = { "Not published", "It has been taken aside and nobody else can see it." },
  expired = { "Expired", "The time that was set for it is over." },
  used_up = { "Used up", "It was visited as often as it may be. Only you can see it." },
}

-- Before that is asked for, who may see these all the same sees them blurred and still.
local veiled = { pending = true, flagged = true, rejected = true, quarantined = true }

local strictest_first = { "quarantined", "rejected", "flagged", "pending", "expired", "used_up" }

-- What keeps strangers from this page, and why; false when nothing does
local function notice(ctx)
  local share, asset = ctx.share, ctx.asset
  for _, state in ipairs(strictest_first) do
    local reasons, found = {}, false
    for _, about in ipairs { share, asset } do
      if about.state == state then
        found = true
        for _, reason in ipairs(about.reasons or {}) do reasons[#reasons + 1] = reason end
      end
    end
    if found then return { state = state, head = notices[state][1], text = notices[state][2], reasons = reasons,
      appeal = ctx.appeal and address(ctx.appeal) or false } end
  end
  if share.visibility ~= "private" and not ctx.visits then return false end
  if share.visibility ~= "private" then
    local left = ("%d of %d visits are left; yours count for nothing."):format(ctx.visits.left, ctx.visits.of)
    return { state = "limited", head = "Limited", text = left, reasons = {}, appeal = false }
  end
  local who = ctx.link and "Only those who have this link can see it, until " .. day(ctx.link_until) .. "."
    or "Only you can see it."
  return { state = "private", head = "Private", text = who, reasons = {}, appeal = false }
end

-- The address of media for this page alone: what is seen there counts for the share.
local function shown_here(ctx, url)
  local own = here(ctx, url)
  return own:find("[?&]s=") and own or ("%s%ss=%s"):format(own, own:find("?", 1, true) and "&" or "?", ctx.share.code)
end

-- A film can be paused where a picture only stops, so it is shown unless it is larger by more than this.
local WORTH = 16384

-- The films there are, the smallest first: { src, type }; none when the picture is smaller than all of them.
local function films(ctx)
  local a, list, out = ctx.asset, {}, {}
  for _, name in ipairs { "mp4", "webm" } do list[#list + 1] = ctx.renditions[name] end
  table.sort(list, function(one, other) return one.bytes < other.bytes end)
  local film = a.type:match("^video/") ~= nil
  if not film and list[1] and list[1].bytes > a.bytes + WORTH then return {} end
  for i, r in ipairs(list) do out[i] = { src = shown_here(ctx, r.url), type = r.type } end
  if film and not (ctx.renditions.mp4 and a.type == "video/mp4") then
    out[#out + 1] = { src = shown_here(ctx, a.url), type = a.type }
  end
  return out, list[1]
end

-- What is shown: a looping video where there is one, else a picture; and what stands still in its place.
local function stage(ctx, v)
  local a, poster = ctx.asset, ctx.renditions.poster
  if v.veiled then
    local still = poster or a.frames == 1 and not a.type:match("^video/") and a
    v.moves, v.video, v.wash, v.play = false, false, false, false
    v.picture, v.still = still and here(ctx, still.url) or false, false
    v.width, v.height = still and still.width or a.width, still and still.height or a.height
    return
  end
  local moves = a.frames > 1
  local film = a.type:match("^video/") ~= nil
  v.moves = moves or film
  v.still = poster and { url = here(ctx, poster.url), width = poster.width, height = poster.height } or false
  v.picture = not film and shown_here(ctx, a.url) or false
  v.video = false
  v.width, v.height = a.width, a.height
  v.wash = not a.has_alpha and type(a.placeholder) == "string"
    and a.placeholder:match("^data:image/webp;base64,[%w+/=]+$") or false
  local sources, first = films(ctx)
  if sources[1] and v.moves then
    v.video = { sources = sources }
    if first then v.width, v.height = first.width, first.height end
    v.play = sources[1].src
  else
    v.play = v.picture
  end
end

local kinds = { ["image/gif"] = "GIF", ["image/webp"] = "WebP", ["image/png"] = "PNG", ["image/jpeg"] = "JPEG",
  ["video/mp4"] = "MP4", ["video/webm"] = "WebM" }

local endings = { GIF = "gif", WebP = "webp", PNG = "png", JPEG = "jpg", MP4 = "mp4", WebM = "webm", file = "bin" }

local function markdown_text(text) return (text:gsub("[%[%]\\`*_<>!]", "\\%0")) end

-- Everything that can be copied: { label, what, text }
local function copies(ctx, title)
  local e, url = template.escape, unfurl.page_url(ctx)
  local picture, poster = unfurl.pictures(ctx)
  local movie = unfurl.movie(ctx)
  local shown = picture or poster
  local out = {}
  local function add(label, what, text) out[#out + 1] = { label = label, what = what, text = text } end
  if shown then
    add("Markdown", "Markdown", ("[![%s](%s)](%s)"):format(markdown_text(title), shown.url, url))
  end
  if movie then
    local form = '<a href="%s"><video src="%s" width="%d" height="%d" title="%s" autoplay loop muted playsinline>'
      .. "</video></a>"
    add("HTML", "HTML", form:format(e(url), e(movie.url), movie.width, movie.height, e(title)))
  elseif shown then
    local form = '<a href="%s"><img src="%s" width="%d" height="%d" alt="%s"></a>'
    add("HTML", "HTML", form:format(e(url), e(shown.url), shown.width, shown.height, e(title)))
  end
  if picture then add(kinds[picture.type] or "Image", "address of the picture", picture.url) end
  if movie then add("MP4", "address of the MP4", movie.url) end
  return out
end

local function facts(asset)
  local out = { ("%d × %d"):format(asset.width, asset.height) }
  if asset.duration_ms > 0 and asset.frames > 1 then out[2] = ("%.1f s"):format(asset.duration_ms / 1000) end
  out[#out + 1] = (kinds[asset.type] or asset.type) .. "\194\160" .. size(asset.bytes)
  return table.concat(out, " · ")
end

function M.share(ctx)
  local share = ctx.share
  local title, url = unfurl.title(ctx), address(unfurl.page_url(ctx))
  local v = base(ctx, title .. " · " .. ctx.site)
  v.title, v.url, v.link, v.calm = title, url, address(ctx.link or url), ctx.calm or false
  v.named = unfurl.line(share.title) ~= ""
  v.description, v.tags = share.description or "", share.tags
  v.created_at, v.day = share.created_at, day(share.created_at)
  v.notice = notice(ctx)
  v.veiled = not ctx.bare and v.notice and veiled[v.notice.state] or false
  v.hidden = share.visibility ~= "public" or v.notice ~= false
  v.meta = v.notice and {} or unfurl.tags(ctx)
  v.oembed = not v.notice and not ctx.limited
    and ctx.base_url .. "/oembed?url=" .. gifd.text.uri(url) .. "&format=json" or false
  v.linked = not v.hidden and not ctx.limited and unfurl.linked(ctx) or false
  v.activity = not v.notice and not ctx.limited and unfurl.activity(ctx) or false
  v.original, v.kind = here(ctx, ctx.asset.url), kinds[ctx.asset.type] or "file"
  v.file_name = share.code .. "." .. endings[v.kind]
  v.asset_id, v.code = ctx.share.asset_id or "", share.code
  v.facts, v.copies = facts(ctx.asset), (ctx.link or ctx.limited) and {} or copies(ctx, title)
  stage(ctx, v)
  return template.fill(pages["share.html"], v)
end

function M.signin(ctx)
  local v = base(ctx, "Sign in · " .. ctx.site)
  v.fault = ctx.fault or false
  return template.fill(pages["signin.html"], v)
end

local said = {
  [401] = { "Sign in first", "This page is for people who have signed in." },
  [403] = { "Not allowed", "You are signed in, but this is not yours to do." },
  [404] = { "Nothing here", "The link may be mistyped, or what it led to is gone or not public." },
  [410] = { "This link has expired", "It was shared for a limited time, and that time is over." },
  [429] = { "Too fast", "Wait a moment, then try again." },
  [503] = { "Not ready yet", "It is still being made, or the server is busy. Try again in a moment." },
}

function M.error(ctx)
  local words = said[ctx.status]
    or ctx.status >= 500 and { "Something went wrong", "The fault is on this side, and noted. Try again later." }
    or { "That did not work", "The server could not understand what was asked for." }
  local head = ctx.title or words[1]
  local v = base(ctx, head .. " · " .. ctx.site)
  v.status, v.head, v.text = ctx.status, head, ctx.detail or words[2]
  v.request_id, v.appeal = ctx.request_id or false, ctx.appeal and address(ctx.appeal) or false
  v.signin, v.again = ctx.status == 401, ctx.status == 429 or ctx.status >= 500
  return template.fill(pages["error.html"], v)
end

local answers = {
  open = { "Your appeal was sent", "Somebody will look at it again." },
  upheld = { "It was looked at again", "The decision stands." },
  overturned = { "It was looked at again", "You were right: it may be seen." },
}

function M.appeal(ctx)
  local said_of = answers[ctx.state]
  local head = said_of and said_of[1] or "Ask for another look"
  local v = base(ctx, head .. " · " .. ctx.site)
  v.head, v.text = head, said_of and said_of[2]
    or ("A person will look at %s again and read what you write. This can be done once."):format(ctx.code)
  v.open, v.fault, v.most = not said_of, ctx.fault or false, ctx.most
  return template.fill(pages["appeal.html"], v)
end

return M
