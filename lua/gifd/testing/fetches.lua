--- testing/fetches: gifd.fetch of a plugin under test: a script of what it will ask and what it will hear, or a tape.
--
--   { { url = "https://...", method = "POST", body = "...", reply = { status = 201, json = { id = 7 } } },
--     { url = "https://...", err = "timeout" } }
--
-- Requests come in this order, each once. Of a request only what the script says is compared: method, url, headers,
-- body (text, a pattern in `body_matches`, or `json`). What it does not say, or was not asked, fails the test by name.
-- A tape is such a script in a file: recorded from real servers with --record, played without.
local assertions = require "gifd.testing.assertions"

local M = {}

--- Fields of headers that no tape keeps.
local secret = { authorization = true, cookie = true, ["x-api-key"] = true, ["set-cookie"] = true }

local function named(request) return ("%s %s"):format(request.method or "GET", tostring(request.url)) end

local function method_of(options) return options.method or (options.body and "POST" or "GET") end

local function difference(want, got)
  if want.method and want.method ~= got.method then return ("method %s, not %s"):format(want.method, got.method) end
  for name, value in pairs(want.headers or {}) do
    local own = got.headers[name:lower()]
    if own ~= value then return ("header %s: %s, not %s"):format(name, tostring(value), tostring(own)) end
  end
  if want.body and want.body ~= got.body then
    return ("body %s, not %s"):format(assertions.shown(want.body), assertions.shown(got.body))
  end
  if want.body_matches and not tostring(got.body):find(want.body_matches) then
    return ("body like %q, not %s"):format(want.body_matches, assertions.shown(got.body))
  end
  if want.json ~= nil then
    local value = gifd.json.decode(got.body or "")
    if not pcall(assertions.assert.same, want.json, value) then
      return ("JSON %s, not %s"):format(assertions.shown(want.json), assertions.shown(value))
    end
  end
end

local function reply_of(url, given)
  local headers = {}
  for name, value in pairs(given.headers or {}) do headers[name:lower()] = value end
  local body = given.body
  if given.json ~= nil then
    body = gifd.json.encode(given.json)
    headers["content-type"] = headers["content-type"] or "application/json"
  end
  body = body or ""
  return { status = given.status or 200, headers = headers, body = body, bytes = #body, url = given.url or url,
    http = "1.1", redirects = 0, attempts = 1 }
end

local function request_of(options)
  local headers = {}
  for name, value in pairs(options.headers or {}) do headers[name:lower()] = value end
  return { url = options.url, method = method_of(options), headers = headers, body = options.body }
end

local function play(self, options)
  local request = request_of(options)
  self.made[#self.made + 1] = request
  self.at = self.at + 1
  local want = self.script[self.at]
  local fault
  if not want then fault = "unexpected fetch: " .. named(request)
  elseif want.url ~= request.url then fault = ("expected fetch %s, got %s"):format(named(want), named(request))
  else
    local why = difference(want, request)
    fault = why and ("fetch %s: expected %s"):format(named(request), why)
  end
  if fault then
    self.fault = self.fault or fault
    error(fault, 0)
  end
  if want.err then
    return nil, gifd.err(type(want.err) == "table" and want.err.code or want.err, type(want.err) == "table" and want.err
      or { message = "as the test says" })
  end
  local reply = reply_of(request.url, want.reply or {})
  if options.into == "blob" and reply.status < 300 then
    reply.draft, reply.body = gifd.try(gifd.workbench.draft(reply.body)), nil
  end
  return reply
end

local function without_secrets(headers)
  local out = {}
  for name, value in pairs(headers) do if not secret[name] then out[name] = value end end
  return next(out) and out or nil
end

local function record(self, options, hosts)
  local request = request_of(options)
  local reply, err = self.real(options, hosts)
  self.made[#self.made + 1] = request
  self.tape[#self.tape + 1] = { url = request.url, method = request.method, body = request.body,
    err = err and { code = err.code, message = err.message } or nil,
    reply = reply and { status = reply.status, headers = without_secrets(reply.headers), body = reply.body } or nil }
  return reply, err
end

local Fetches = {}
Fetches.__index = Fetches

--- Called for each fetch of the plugin.
function Fetches:fetch(options, hosts)
  if type(options) ~= "table" or type(options.url) ~= "string" then
    return self.real(options, hosts) -- it says what is wrong with them
  end
  local host = options.url:match("^https?://([^/?#]+)")
  local allowed = false
  for _, one in ipairs(hosts) do
    local suffix = one:match("^%*(%..*)$")
    allowed = allowed or one == host or suffix and host and host:sub(-#suffix) == suffix or false
  end
  if not allowed then
    return nil, gifd.err("denied", { message = ('%s is not in uses: say "fetch:%s" there'):format(tostring(host),
      tostring(host)) })
  end
  if self.tape then return record(self, options, hosts) end
  return play(self, options)
end

--- At the end of a test: throws what went wrong; writes the tape.
function Fetches:finish()
  if self.tape then
    local text = gifd.json.encode(gifd.json.array(self.tape))
    gifd.try(gifd.console.save(gifd.try(gifd.workbench.draft(text)), self.path))
  elseif self.fault then error(self.fault, 0)
  elseif self.script[self.at + 1] then error("expected fetch never came: " .. named(self.script[self.at + 1]), 0) end
end

--- given: a script, or { tape = PATH }; recording: tapes are recorded; real: gifd.fetch itself
function M.new(given, recording, real)
  local self = setmetatable({ script = given or {}, at = 0, made = {}, real = real }, Fetches)
  if not self.script.tape then return self end
  self.path = self.script.tape
  if recording then
    self.tape, self.script = {}, {}
    return self
  end
  local text = gifd.workbench.read(self.path)
  if not text then error(self.path .. ": there is no such tape: record it with --record", 0) end
  self.script = gifd.try(gifd.json.decode(text))
  return self
end

return M
