--- h2: an HTTP/2 client of bare frames, for specs that no well-behaved client could serve.
--
--   local c = h2.connect(port)            -- preface and empty SETTINGS are sent
--   c:send(h2.frame(h2.HEADERS, h2.END_HEADERS + h2.END_STREAM, 1, h2.get("/healthz")))
--   local frame = c:await(h2.GOAWAY)      -- { type, flags, stream, payload }; nil when it was closed before
local socket = require "socket"

local M = { DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8,
            CONTINUATION = 9, END_STREAM = 1, ACK = 1, END_HEADERS = 4 }
local Client = {}
Client.__index = Client

function M.u32(n)
  return string.char(math.floor(n / 2 ^ 24) % 256, math.floor(n / 2 ^ 16) % 256, math.floor(n / 256) % 256, n % 256)
end

function M.frame(kind, flags, stream, payload, length)
  payload = payload or ""
  return M.u32(length or #payload):sub(2) .. string.char(kind, flags) .. M.u32(stream) .. payload
end

--- A field that enters no table, without Huffman's code; both parts shorter than 127 bytes
function M.field(name, value) return "\0" .. string.char(#name) .. name .. string.char(#value) .. value end

function M.head(method, path, more)
  local out = { M.field(":method", method), M.field(":scheme", "http"), M.field(":path", path),
                M.field(":authority", "localhost") }
  for _, each in ipairs(more or {}) do out[#out + 1] = M.field(each[1], each[2]) end
  return table.concat(out)
end

function M.get(path, more) return M.head("GET", path, more) end

--- first: what comes behind the preface, in place of empty SETTINGS
function M.connect(port, first)
  local c = assert(socket.connect("127.0.0.1", port))
  c:settimeout(15)
  c:send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" .. (first or M.frame(M.SETTINGS, 0, 0)))
  return setmetatable({ socket = c }, Client)
end

--- False when the other side has closed.
function Client:send(bytes) return self.socket:send(bytes) ~= nil end

function Client:next()
  local head = self.socket:receive(9)
  if not head then return nil end
  local a, b, c, kind, flags, s1, s2, s3, s4 = head:byte(1, 9)
  local length = a * 65536 + b * 256 + c
  local payload = length == 0 and "" or self.socket:receive(length)
  return payload and { type = kind, flags = flags, stream = ((s1 % 128 * 256 + s2) * 256 + s3) * 256 + s4,
                       payload = payload }
end

--- The next frame of this kind, and of this stream if one is named.
function Client:await(kind, stream)
  while true do
    local f = self:next()
    if not f or (f.type == kind and (not stream or f.stream == stream)) then return f end
  end
end

--- The error code of a GOAWAY or RST_STREAM
function M.code(f) return f and f.payload:byte(f.type == M.GOAWAY and 8 or 4) end

function Client:close() self.socket:close() end

return M
