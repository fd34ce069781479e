--- ai-safety: OpenAI judges the words of a share and sampled pictures of an asset, after the upload was answered.
--
--   share   title, tags, description --> moderation.text
--   asset   frames (JPEG, longest side 1024) --> moderation.picture, one a request; vision.describe, all in one
--                                  each answer kept by content and model (answers.lua) --> categories --> ballot
--
-- Whatever fails is a failure, which the host holds or flags: no way leads from a failure to "approved".
local answers = require "answers"
local categories = require "categories"
local moderation = require "moderation"
local vision = require "vision"

local SIDE, QUALITY = 1024, 85
local SIDE_LOW = 512 -- of detail "low"

--- The answer to a question, from before if it was asked about the same; ask() -> answer, or nil, err
local function answered(ctx, what, ask)
  local key = gifd.crypto.sha256(what)
  local answer = answers.find(ctx, key)
  if answer then return answer, true end
  local err
  answer, err = ask()
  if not answer then return nil, err end
  answers.keep(ctx, key, answer)
  return answer, false
end

local function ballot_of(found, prefix, data)
  local reasons = {}
  for i, violation in ipairs(found.violations) do reasons[i] = prefix .. ": " .. violation end
  data.is_safe, data.confidence = found.decision == "approved", found.confidence
  data.violations = gifd.json.array(data.is_safe and {} or reasons)
  return { decision = found.decision, category = found.category, confidence = found.confidence,
    reasons = { unpack(reasons, 1, 50) }, data = data }
end

local function words(ctx, share)
  local parts = {}
  for _, part in ipairs { share.title, table.concat(share.tags, ", "), share.description } do
    if part:find("%S") then parts[#parts + 1] = part end
  end
  local text = table.concat(parts, "\n")
  if text == "" then
    return ballot_of({ decision = "approved", category = "safe", confidence = 1, violations = {} }, "text",
      { text_length = 0 })
  end
  local answer, cached = answered(ctx, "text\0" .. ctx.config.model .. "\0" .. text, function()
    return moderation.text(ctx, text)
  end)
  if not answer then return nil, cached end
  return ballot_of(categories.judged(answer), "text", { text_length = gifd.text.length(text),
    model = answer.model, scores = answer.scores, cached = cached })
end

--- Pictures whose longest side is at most `side`, as data URLs, or nil, err
local function pictures_of(ctx, asset, side)
  local list, err = asset.frames { count = ctx.config.frames, width = side, height = side, format = "jpeg",
    quality = QUALITY }
  if not list then return nil, err end
  if not list[1] then return nil, gifd.err("bad_media", { message = "there is no picture to look at" }) end
  for i, picture in ipairs(list) do
    list[i] = ("data:%s;base64,%s"):format(picture.type, gifd.crypto.base64(picture.bytes))
    gifd.time.sleep(0.001) -- a megabyte each, and others wait
  end
  return list
end

--- Each picture in turn -> { results = { { flagged, categories, scores }, ... }, frames, model }, or nil, err
local function look(ctx, asset)
  local urls, err = pictures_of(ctx, asset, SIDE)
  if not urls then return nil, err end
  local out = { results = {}, frames = #urls }
  for i, url in ipairs(urls) do
    local answer, why = moderation.picture(ctx, url)
    if not answer then return nil, why end
    out.results[i], out.model = answer, answer.model
  end
  return out
end

local function highest(results)
  local out = {}
  for _, one in ipairs(results) do
    for name, score in pairs(one.scores) do out[name] = math.max(out[name] or 0, score) end
  end
  return out
end

local function pixels(ctx, asset)
  local config, judged = ctx.config, {}
  local how = ("%s\0%d"):format(asset.blob, config.frames)
  local seen, cached = answered(ctx, "picture\0" .. config.model .. "\0" .. how, function()
    return look(ctx, asset)
  end)
  if not seen then return nil, cached end
  for i, answer in ipairs(seen.results) do judged[i] = categories.judged(answer) end
  local data = { frames = seen.frames, model = seen.model, scores = highest(seen.results), cached = cached }
  if config.vision_model and categories.together(judged).decision ~= "rejected" then
    local said, err = answered(ctx, "vision\0" .. config.vision_model .. "\0" .. how, function()
      local urls, why = pictures_of(ctx, asset, SIDE_LOW)
      if not urls then return nil, why end
      return vision.describe(ctx, urls)
    end)
    if not said then return nil, err end
    judged[#judged + 1] = vision.judged(said)
    data.description, data.vision_model = said.description, said.model
  end
  return ballot_of(categories.together(judged), "visual", data)
end

local function judge(ctx, subject)
  if subject.kind == "share" then return words(ctx, subject) end
  return pixels(ctx, subject)
end

return { hooks = { judge = { run = judge, slow = true, timeout = "10m" } } }
