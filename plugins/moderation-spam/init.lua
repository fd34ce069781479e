--- moderation-spam: a judge of shares by what stands in them and what else their account shared lately. It keeps
-- nothing: the catalogue knows.
local function links_in(text)
  local folded = gifd.text.fold(text)
  local _, schemes = folded:gsub("https?://", "")
  local _, bare = folded:gsub("%f[%w]www%.%w", "")
  local _, both = folded:gsub("https?://www%.%w", "")
  return schemes + bare - both
end

local function add(reasons, fmt, ...) reasons[#reasons + 1] = fmt:format(...) end

local function words(config, subject, reasons)
  local links = links_in(subject.title)
  for _, tag in ipairs(subject.tags) do links = links + links_in(tag) end
  if links > config.links then add(reasons, "title and tags have %d links", links) end
  if #subject.tags > config.tags then add(reasons, "there are %d tags", #subject.tags) end
  return links + links_in(subject.description)
end

local function habits(config, subject, author, links, reasons)
  local now, title = gifd.time.now(), gifd.text.fold(gifd.text.trim(subject.title))
  local count, same = 1, 1
  for _, share in ipairs(author.recent) do
    if share.created_at > now - config.window then
      count = count + 1
      local alike = title ~= "" and gifd.text.fold(gifd.text.trim(share.title)) == title
      if alike or share.asset_id == author.asset_id then same = same + 1 end
    end
  end
  local new = author.created_at > now - config.new_account
  local most = new and math.min(config.rate, config.new_rate) or config.rate
  if count > most then add(reasons, "%d shares of this account within %d seconds", count, config.window) end
  if same > config.duplicates then add(reasons, "the same was shared %d times", same) end
  if new and links > config.new_links then add(reasons, "a new account shares %d links", links) end
end

local function judge(ctx, subject)
  if subject.kind ~= "share" then return nil end
  local config, reasons = ctx.config, {}
  local links = words(config, subject, reasons)
  if subject.author then
    local author, err = subject.author()
    if author == nil then return nil, err end
    if author then habits(config, subject, author, links, reasons) end
  end
  if not reasons[1] then return nil end
  return { decision = config.decision, category = "spam", confidence = 0.9, reasons = reasons }
end

return { hooks = { judge = judge } }
