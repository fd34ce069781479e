--- http/unfurl_report: what each program that previews links would show of a share, and which of its rules are broken.
-- Pure: ctx is that of page.share with user_agent left out.
--
--   one report   { platform, label, title, description, url, image, second_image, video (files or null), card,
--                  moves, warnings = { { rule, text }, ... } }
local unfurl = require "gifd.http.unfurl"
local unfurlers = require "gifd.http.unfurlers"

local M = {}

local function size(bytes)
  if bytes >= 1e6 then return ("%.1f MB"):format(bytes / 1e6) end
  return ("%.0f KB"):format(bytes / 1e3)
end

local function file(f)
  if not f then return gifd.null end
  return { url = f.url, type = f.type, width = f.width, height = f.height, bytes = f.bytes, name = f.name }
end

--- Hosts that nobody else reaches.
local function at_home(url)
  local host = url:match("^%a+://%[?([^/%]]+)") or ""
  host = host:gsub(":%d+$", "")
  if host == "localhost" or host == "::1" then return true end
  for _, pattern in ipairs { "^127%.", "^10%.", "^192%.168%.", "^172%.1[6-9]%.", "^172%.2%d%.", "^172%.3[01]%." } do
    if host:match(pattern) then return true end
  end
  return false
end

local function characters(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

local function seen(ctx, warn)
  local share, asset = ctx.share, ctx.asset
  for _, about in ipairs { { "share", share.state }, { "picture", asset.state } } do
    local state = about[2]
    if state == "pending" or state == "flagged" or state == "rejected" or state == "quarantined" then
      warn("verdict", ("the %s is %s: strangers get no page"):format(about[1], state))
    end
  end
  if share.state == "expired" then warn("expired", "the share has expired") end
  if share.visibility == "private" then warn("private", "the share is private: strangers get no page") end
  if ctx.limited then warn("limited", "visits are counted: previews get words and one still picture") end
end

local function pictures(ctx, row, offer, warn)
  local image = offer.image
  if not image then
    return warn("image", ("no picture of at most %s has been made yet"):format(size(row.bytes)))
  end
  local least = row.least
  if least and (image.width < least[1] or image.height < least[2]) then
    warn("image_small", ("pictures below %d × %d are not shown large: this is %d × %d"):format(least[1], least[2],
      image.width, image.height))
  end
  if image.width > 4 * image.height or image.height > 4 * image.width then
    warn("image_shape", "pictures longer than 4:1 are cut")
  end
  if ctx.asset.frames < 2 or not row.moves then return end
  if row.moves == "gif" and (image.type ~= "image/gif" or image.name == "poster.jpg") then
    warn("still", ("no GIF of at most %s has been made yet, so it stands still"):format(size(row.bytes)))
  elseif row.moves == "video" and not offer.video then
    warn("still", "there is no MP4 within its limit yet, so it stands still")
  end
end

--- One program's view.
function M.one(ctx, row)
  local offer, warnings = unfurl.offer(ctx, row), {}
  local function warn(rule, text) warnings[#warnings + 1] = { rule = rule, text = text } end
  local title, url = unfurl.title(ctx), unfurl.page_url(ctx)
  seen(ctx, warn)
  if at_home(url) then warn("address", "nobody outside this machine or network reaches " .. ctx.base_url) end
  if row.https and not url:match("^https:") then warn("https", row.label .. " shows nothing from http addresses") end
  if row.title and characters(title) > row.title then
    warn("title", ("it shows %d characters of the title's %d"):format(row.title, characters(title)))
  end
  if unfurl.line(ctx.share.title) == "" then warn("untitled", 'there is no title: "' .. title .. '" is shown') end
  if ctx.asset.frames > 1 and not row.moves then warn("platform", row.label .. " shows one frame of everything") end
  pictures(ctx, row, offer, warn)
  local moves = ctx.asset.frames > 1 and (row.moves == "gif" and offer.image ~= nil and offer.image.type == "image/gif"
    or row.moves == "video" and offer.video ~= nil) or false
  return { platform = row.name, label = row.label, agent = row.agent, title = unfurl.line(title, row.title),
    description = unfurl.description(ctx), url = url, image = file(offer.image), second_image = file(offer.second),
    video = file(offer.video), card = offer.image and "summary_large_image" or "summary", moves = moves,
    warnings = gifd.json.array(warnings) }
end

--- names: array of platforms, or nil for all -> array of reports, or nil, the name that is none
function M.all(ctx, names)
  local out = {}
  if not names then
    for i, row in ipairs(unfurlers.rows) do out[i] = M.one(ctx, row) end
    out[#out + 1] = M.one(ctx, unfurlers.default)
    return out
  end
  for i, name in ipairs(names) do
    local row = unfurlers.by_name[name]
    if not row then return nil, name end
    out[i] = M.one(ctx, row)
  end
  return out
end

--- "discord,slack" -> array, or nil where nothing is said
function M.names(text)
  if not text or text == "" then return nil end
  local out = {}
  for name in text:gmatch("[^,%s]+") do out[#out + 1] = name:lower() end
  return out
end

--- "discord, slack, ..."
function M.known()
  local out = {}
  for i, row in ipairs(unfurlers.rows) do out[i] = row.name end
  out[#out + 1] = unfurlers.default.name
  return table.concat(out, ", ")
end

return M
