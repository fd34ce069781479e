-- openai: a stand-in for OpenAI's API on 127.0.0.1, for specs: it takes what is documented, and refuses all else as the
-- real one does. stand.lua says how it is spoken to.
--
--   local s = openai.start()            -- s.base_url, s.key; s:count "picture", "words", "vision", "refused"
--   s:set "unsafe"                      -- what it does from now on:
--
-- "" words with "forbidden" are sexual, pictures are harmless; unsafe: pictures, too; unsure; limited (429 with
-- headers, each second request); quota; down; should (503 with x-should-retry: false); key (401); hang; huge (50 MB);
-- utf8; half; to URL (307); types, empty, none, blind (answers that are not what was asked for); and of /responses:
-- seen, fenced, prose, refusal, cut, contrary, extra
local cjson = require "cjson"
local mime = require "mime"
local socket = require "socket"
local stand = require "stand"

local M = { key = "sk-stand-in-0123456789" }

local SIDE, BODY, PICTURES = 1024, 20 * 1024 * 1024, 16

local names = { "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
  "self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic" }
local of_pictures = { ["self-harm"] = true, ["self-harm/intent"] = true, ["self-harm/instructions"] = true,
  sexual = true, violence = true, ["violence/graphic"] = true }

local empty = "-empty-" -- stands for an array that lua-cjson cannot write

local function encode(value) return (cjson.encode(value):gsub('"%-empty%-"', "[]")) end

local json = "Content-Type: application/json\r\nx-request-id: req_stand\r\n"

local function failure(status, code, message, fields)
  return status, json .. (fields or ""), cjson.encode { error = { message = message, type = code, code = code,
    param = cjson.null } }
end

--- Width and height of a JPEG, from its frame header (ITU-T T.81, B.2.2).
local function size_of(bytes)
  if bytes:sub(1, 3) ~= "\255\216\255" then return nil end
  local at = 3
  while at + 8 < #bytes do
    local mark, kind, high, low = bytes:byte(at, at + 3)
    if mark ~= 255 then return nil end
    if kind >= 0xc0 and kind <= 0xc3 then
      local a, b, c, d = bytes:byte(at + 5, at + 8)
      return c * 256 + d, a * 256 + b
    end
    at = at + 2 + high * 256 + low
  end
end

local function is_picture(url)
  local text = type(url) == "string" and url:match "^data:image/jpeg;base64,([%w+/]+=?=?)$"
  if not text or #text % 4 ~= 0 then return false end
  local width, height = size_of((mime.unb64(text)))
  return width ~= nil and width <= SIDE and height <= SIDE
end

local function only(value, keys)
  for key in pairs(value) do if not keys[key] then return false end end
  return true
end

--- What /moderations is asked -> "text" or "image" and the texts, or nothing when it is not as documented.
local function asked(body)
  if type(body.model) ~= "string" or not only(body, { model = true, input = true }) then return nil end
  local input = body.input
  if type(input) == "string" then return "text", { input } end
  if type(input) ~= "table" or not input[1] then return nil end
  if type(input[1]) == "string" then return "text", input end
  if #input ~= 1 or input[1].type ~= "image_url" or not only(input[1], { type = true, image_url = true }) then
    return nil
  end
  if type(input[1].image_url) ~= "table" or not is_picture(input[1].image_url.url) then return nil end
  return "image", { "" }
end

local function result(kind, high)
  local out = { flagged = false, categories = {}, category_scores = {}, category_applied_input_types = {} }
  for _, name in ipairs(names) do
    local applies = kind == "text" or of_pictures[name]
    local score = applies and (high[name] or 0.0003) or 0
    out.category_scores[name], out.categories[name] = score, score > 0.5
    out.flagged = out.flagged or score > 0.5
    out.category_applied_input_types[name] = applies and { kind } or empty
  end
  return out
end

local function moderations(mode, body)
  local kind, texts = asked(body)
  if not kind then return nil end
  local results = {}
  for i, text in ipairs(texts) do
    local high = {}
    if kind == "image" and mode == "unsafe" or text:find("forbidden", 1, true) then high.sexual = 0.97 end
    if kind == "image" and mode == "unsure" or text:find("doubtful", 1, true) then high.violence = 0.4 end
    results[i] = result(kind, high)
    if mode == "types" then results[i].flagged = "no"
    elseif mode == "empty" then results[i].category_scores = {}
    elseif mode == "blind" then results[i].category_applied_input_types.sexual = empty end
  end
  if mode == "none" then results = empty end
  return kind == "image" and "picture" or "words", { id = "modr-1", model = "omni-moderation-2024-09-26",
    results = results }
end

local function is_question(body)
  local message = type(body.input) == "table" and body.input[1]
  local format = type(body.text) == "table" and body.text.format
  if type(body.model) ~= "string" or not message or body.input[2] or message.role ~= "user" then return false end
  if type(format) ~= "table" or format.type ~= "json_schema" or format.strict ~= true or not format.name
    or format.schema.additionalProperties ~= false then return false end
  local pictures = 0
  for _, part in ipairs(message.content) do
    if part.type == "input_image" then
      pictures = pictures + 1
      if not is_picture(part.image_url) then return false end
    elseif part.type ~= "input_text" or type(part.text) ~= "string" then return false end
  end
  return pictures > 0 and pictures <= PICTURES and body.store == false
end

local function responses(mode, body)
  if not is_question(body) then return nil end
  local said = { is_safe = true, category = "safe", violations = empty, confidence = 0.99,
    description = "A small square changes its colour." }
  if mode == "seen" then
    said.is_safe, said.category, said.violations, said.confidence = false, "nsfw", { "nudity" }, 0.9
  elseif mode == "contrary" then said.violations = { "nudity" }
  elseif mode == "extra" then said.safe = true end
  local text = encode(said)
  if mode == "fenced" then text = "```json\n" .. text .. "\n```" elseif mode == "prose" then text = "UNSAFE: nudity" end
  local part = { type = "output_text", text = text, annotations = empty }
  if mode == "refusal" then part = { type = "refusal", refusal = "I cannot look at this, it seems safe" } end
  return "vision", { id = "resp_1", model = "gpt-4o-mini-2024-07-18",
    status = mode == "cut" and "incomplete" or "completed",
    output = { { type = "message", role = "assistant", content = { part } } } }
end

local limits = "x-ratelimit-limit-requests: 500\r\nx-ratelimit-remaining-requests: 0\r\n"
  .. "x-ratelimit-reset-requests: 120ms\r\n"

--- What is wrong before anybody has looked at the question: a reply, "sent", or nothing.
local troubles = {
  limited = function(request)
    if (request.count "POST /v1/moderations" + request.count "POST /v1/responses") % 2 == 0 then return nil end
    return failure(429, "rate_limit_exceeded", "Rate limit reached", limits .. "retry-after-ms: 50\r\n")
  end,
  quota = function() return failure(429, "insufficient_quota", "You exceeded your current quota", limits) end,
  down = function() return failure(503, "server_error", "The server is overloaded", "retry-after-ms: 20\r\n") end,
  should = function() return failure(503, "server_error", "No", "x-should-retry: false\r\n") end,
  key = function() return failure(401, "invalid_api_key", "Incorrect API key provided: sk-stand-in") end,
  hang = function()
    socket.sleep(30)
    return "sent"
  end,
  huge = function(request)
    request.send ("HTTP/1.1 200 OK\r\n" .. json .. 'Content-Length: 50000000\r\n\r\n{"results":"')
    for _ = 1, 50 do if not request.send(("x"):rep(1e6)) then break end end
    return "sent"
  end,
  utf8 = function() return 200, json, '{"model":"\255\254","results":[]}' end,
  half = function(request)
    request.send("HTTP/1.1 200 OK\r\n" .. json .. 'Content-Length: 2000\r\n\r\n{"results":[{"flagged":false')
    return "sent"
  end,
}

local pages = { ["/v1/moderations"] = moderations, ["/v1/responses"] = responses }

local function reply(request)
  local mode, page = request.mode(), pages[request.target]
  local url = mode:match "^to (.*)$"
  if url then return 307, "Location: " .. url .. "\r\n", "" end
  if troubles[mode] then
    local status, fields, text = troubles[mode](request)
    if status == "sent" then return nil end
    if status then return status, fields, text end
  end
  if request.headers.authorization ~= "Bearer " .. M.key then
    request.said "refused"
    return failure(401, "invalid_api_key", "Incorrect API key provided")
  end
  local ok, body = pcall(cjson.decode, request.body)
  local name, answer
  if page and request.method == "POST" and #request.body <= BODY and ok and type(body) == "table"
    and request.headers["content-type"] == "application/json" then name, answer = page(mode, body) end
  if not name then
    request.said "refused"
    return failure(400, "invalid_request_error", "Not as documented: " .. request.body:sub(1, 100))
  end
  request.said(name)
  return 200, json .. limits, encode(answer)
end

function M.start()
  local s = stand.start(reply)
  s.base_url, s.key = s.url .. "/v1", M.key
  return s
end

return M
