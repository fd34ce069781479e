--- openai: one question to the API and its answer, by the documented rules of when to ask again.
--
--   budget --> circuit --> POST --> 2xx and JSON of UTF-8 --> the value
--                 ^          '----> worth another try --> wait --> again, config.retries times
--                 '-- FAILURES in a row: nobody is asked for REST seconds, then one; the log has one line for all
--
-- Of a failure the status, its code and its request's id are told; never what was sent, nor their message, which may
-- repeat it.
local answers = require "answers"

local FAILURES, REST = 5, 30
local ANSWER_BYTES = 1024 * 1024
local WAIT_MOST = 60 -- a longer wait is left to the next attempt of the judge

local M = {}

local failures, rests_until = 0, 0

local function fault(code, retryable, fmt, ...)
  return gifd.err(code, { retryable = retryable, message = "OpenAI: " .. fmt:format(...) })
end

local function enter()
  if failures < FAILURES then return true end
  local now = gifd.time.now()
  if now < rests_until then return nil, fault("busy", true, "not asked for now, after %d failures", failures) end
  rests_until = now + REST -- this one shall try, the others wait for how it goes
  return true
end

--- Whether the other side works is what counts here, not whether it liked the question.
local function note(ctx, works, err)
  if works then
    if failures >= FAILURES then ctx.log.info("circuit.closed", {}) end
    failures = 0
    return
  end
  failures = failures + 1
  if failures == FAILURES then ctx.log.error("circuit.open", { code = err.code, error = err.message }) end
  if failures >= FAILURES then rests_until = gifd.time.now() + REST end
end

local months = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
  Dec = 12 }

--- Seconds that Retry-After asks for: a number, or the time until a date (RFC 9110 section 10.2.3).
local function after(text)
  if tonumber(text) then return tonumber(text) end
  local day, month, year, clock = text:match("^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$")
  if not months[month] then return nil end
  local at = gifd.time.parse(("%s-%02d-%sT%sZ"):format(year, months[month], day, clock))
  return at and at - gifd.time.now()
end

--- How long to wait before another try, as they say, else growing and random.
local function pause(headers, attempt)
  local ms = tonumber(headers["retry-after-ms"] or "")
  local said = ms and ms / 1000 or headers["retry-after"] and after(headers["retry-after"])
  if said and said >= 0 and said == said then return said end
  return math.min(8, 0.5 * 2 ^ attempt) * (1 - 0.25 * math.random())
end

local never = { too_large = true, denied = true, invalid = true, address_refused = true, tls = true }

--- Their word for what went wrong, if it is one.
local function word(value)
  return type(value) == "string" and #value <= 64 and value:match("^[%w_.-]+$") or nil
end

local function refusal(reply)
  local body = gifd.json.decode(reply.body)
  local told = type(body) == "table" and type(body.error) == "table" and body.error or {}
  return word(told.code) or word(told.type) or "no code", word(reply.headers["x-request-id"]) or "none"
end

local codes = { [401] = "unauthorized", [403] = "denied", [404] = "not_found", [408] = "timeout", [413] = "too_large",
  [429] = "rate_limited" }

--- Of a reply that is no 2xx -> err, whether the other side works
local function refused(reply)
  local status, code, id = reply.status, refusal(reply)
  local again = status == 408 or status == 409 or status == 429 or status >= 500
  local should = reply.headers["x-should-retry"]
  if should == "true" then again = true elseif should == "false" then again = false end
  if code == "insufficient_quota" then again = false end
  if status >= 300 and status < 400 then return fault("protocol", false, "led elsewhere (%d), not followed", status) end
  return fault(codes[status] or status >= 500 and "busy" or "invalid", again, "status %d, %s, request %s", status, code,
    id), status == 400 or status == 413 or status == 422
end

--- One request -> value | nil, err, whether the other side works, headers
local function once(ctx, path, body)
  local config = ctx.config
  local reply, err = gifd.fetch { url = config.base_url:gsub("/+$", "") .. path, body = body, redirects = 0,
    timeout = config.timeout, max_bytes = ANSWER_BYTES, headers = { Authorization = "Bearer " .. config.key,
      ["Content-Type"] = "application/json", Accept = "application/json",
      ["OpenAI-Organization"] = config.organization, ["OpenAI-Project"] = config.project } }
  if not reply then return nil, fault(err.code, not never[err.code], "%s", tostring(err.message)), false, {} end
  if reply.status < 200 or reply.status > 299 then
    local why, works = refused(reply)
    return nil, why, works, reply.headers
  end
  local value = gifd.text.valid_utf8(reply.body) and gifd.json.decode(reply.body) or nil
  if type(value) ~= "table" then return nil, fault("protocol", false, "its answer is no JSON"), true, {} end
  return value
end

--- path below base_url, body: a table -> value, or nil, err
function M.ask(ctx, path, body)
  local text, attempt = gifd.json.encode(body), 0
  while true do
    local may, why = enter()
    if may then may, why = answers.spend(ctx) end
    if not may then return nil, why end
    local value, err, works, headers = once(ctx, path, text)
    note(ctx, value ~= nil or works, err)
    if value then return value end
    if not err.retryable or attempt == ctx.config.retries then return nil, err end
    local seconds = pause(headers, attempt)
    if seconds > WAIT_MOST then return nil, err end
    gifd.time.sleep(seconds)
    attempt = attempt + 1
  end
end

return M
