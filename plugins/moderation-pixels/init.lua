--- moderation-pixels: a judge of assets that asks a program of the operator's, with pictures, after the upload was
-- answered. Question and answer are in README.md. Whatever is not an answer is a failure, never an opinion.
local ANSWER_BYTES = 64 * 1024

--- The question as JSON, or nil, err
local function question(ctx, asset)
  local side = ctx.config.side
  local list, err = asset.frames { count = ctx.config.frames, width = side, height = side, format = "jpeg",
    quality = 85 }
  if not list then return nil, err end
  if not list[1] then return nil, gifd.err("bad_media", { message = "there is no picture to look at" }) end
  for i, picture in ipairs(list) do
    list[i] = gifd.json.encode { at = picture.at, type = picture.type, width = picture.width,
      height = picture.height, data = gifd.crypto.base64(picture.bytes) }
    gifd.time.sleep(0.001) -- a megabyte each, and others wait
  end
  local facts = asset.facts
  return ('{"version":1,"asset":%s,"pictures":[%s]}'):format(gifd.json.encode { id = asset.id, type = facts.type,
    bytes = facts.bytes, width = facts.width, height = facts.height, frames = facts.frames,
    duration_ms = facts.duration_ms }, table.concat(list, ","))
end

local function headers_of(config, body)
  local headers = { ["Content-Type"] = "application/json", Accept = "application/json" }
  if config.secret and config.auth == "bearer" then headers.Authorization = "Bearer " .. config.secret
  elseif config.secret then
    local at = ("%d"):format(gifd.time.now())
    headers["X-Gifd-Signature"] = ("t=%s,v1=%s"):format(at,
      gifd.crypto.hex(gifd.crypto.hmac(config.secret, at .. "." .. body)))
  end
  return headers
end

local function malformed(what)
  return nil, gifd.err("protocol", { retryable = false, message = "the answer " .. what })
end

local decisions = { approved = true, flagged = true, rejected = true }

local function is_word(value) return type(value) == "string" and #value >= 1 and #value <= 64 end

--- The list as it is, empty when there is none, or nil when one of it is no reason.
local function reasons_of(list)
  if list == nil or list == gifd.null then return {} end
  if type(list) ~= "table" or #list > 50 or next(list) ~= nil and not gifd.json.is_array(list) then return nil end
  for _, reason in ipairs(list) do
    if type(reason) ~= "string" or gifd.text.length(reason) > 500 then return nil end
  end
  return list
end

--- What it says as a ballot, or nil, err
local function ballot_of(text)
  local said = gifd.text.valid_utf8(text) and gifd.json.decode(text) or nil
  if type(said) ~= "table" then return malformed "is no JSON" end
  if not decisions[said.decision] then return malformed "has no decision" end
  local category, sure = said.category, said.confidence
  if category == gifd.null then category = nil end
  if sure == gifd.null then sure = nil end
  if category ~= nil and not is_word(category) then return malformed "has a category that is none" end
  if sure ~= nil and (type(sure) ~= "number" or sure < 0 or sure > 1) then
    return malformed "has a confidence that is none"
  end
  local reasons = reasons_of(said.reasons)
  if not reasons then return malformed "has reasons that are none" end
  return { decision = said.decision, category = category, confidence = sure, reasons = reasons,
    data = { version = is_word(said.version) and said.version or nil } }
end

local function judge(ctx, subject)
  local config = ctx.config
  if subject.kind ~= "asset" or not config.url then return nil end
  local body, err = question(ctx, subject)
  if not body then return nil, err end
  local reply
  reply, err = gifd.fetch { url = config.url, body = body, headers = headers_of(config, body), timeout = config.timeout,
    retries = config.retries, redirects = 0, max_bytes = ANSWER_BYTES }
  if not reply then
    local passes = err.retryable or err.code == "closed" or err.code == "protocol" or err.code == "not_found"
    return nil, gifd.err(err.code, { retryable = passes, message = err.message })
  end
  if reply.status ~= 200 then
    local passes = reply.status == 408 or reply.status == 429 or reply.status >= 500
    return nil, gifd.err(passes and "busy" or "protocol", { retryable = passes,
      message = ("it answered with status %d"):format(reply.status) })
  end
  return ballot_of(reply.body)
end

return { hooks = { judge = { run = judge, slow = true } } }
