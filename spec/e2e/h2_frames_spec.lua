-- Every malformed frame ends in the error that RFC 9113 names; and what is unusual, but right, is served.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local h2 = require "h2"
local server = require "server"

local NO_ERROR, PROTOCOL, FLOW_CONTROL, STREAM_CLOSED, FRAME_SIZE, COMPRESSION = 0, 1, 3, 5, 6, 9
local DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
local END_STREAM, END_HEADERS, PADDED, PRIORITIZED = 1, 4, 8, 32
local BOTH = END_STREAM + END_HEADERS
local frame, field, u32 = h2.frame, h2.field, h2.u32

local get = h2.get "/healthz"
local function whole(stream, head) return frame(HEADERS, BOTH, stream or 1, head or get) end
local function begun(more) return frame(HEADERS, END_HEADERS, 1, h2.head("POST", "/nowhere", more)) end
local function setting(id, value) return "\0" .. string.char(id) .. u32(value) end

--- A request's head of these fields, each { name, value }
local function fields(list)
  local out = {}
  for i, each in ipairs(list) do out[i] = field(each[1], each[2]) end
  return table.concat(out)
end
local method, scheme, path, authority = { ":method", "GET" }, { ":scheme", "http" }, { ":path", "/healthz" },
  { ":authority", "localhost" }
local function with(name, value) return whole(1, get .. field(name, value)) end

-- { section of RFC 9113, what is wrong, frames, code }: the connection ends with a GOAWAY of it
local connection = {
  { "3.4", "text in place of frames", "GET / HTTP/2.0\r\n\r\n", FRAME_SIZE },
  { "3.4", "something else than SETTINGS first", frame(PING, 0, 0, "12345678"), PROTOCOL, bare = true },
  { "4.2", "a frame beyond SETTINGS_MAX_FRAME_SIZE", frame(DATA, 0, 1, ("x"):rep(16385)), FRAME_SIZE },
  { "4.2", "HEADERS beyond it", frame(HEADERS, BOTH, 1, ("x"):rep(16385)), FRAME_SIZE },
  { "4.3", "a field block that does not decode", whole(1, "\255\255\255\255\255\255"), COMPRESSION },
  { "4.3", "an index of no entry", whole(1, "\254"), COMPRESSION },
  { "4.3", "a literal that is cut", whole(1, get .. "\0\127x"), COMPRESSION },
  { "4.3", "Huffman code with wrong padding", whole(1, get .. "\0\1x\129\0"), COMPRESSION },
  { "4.3", "a table larger than allowed", whole(1, "\63\225\255\3" .. get), COMPRESSION },
  { "4.3", "a table that changes in the middle of a block", whole(1, get .. "\63\1"), COMPRESSION },
  { "4.3", "a broken block in trailers", begun() .. whole(1, "\254"), COMPRESSION },
  { "5.1", "DATA on an idle stream", frame(DATA, END_STREAM, 1, "x"), PROTOCOL },
  { "5.1", "RST_STREAM on an idle stream", frame(RST, 0, 1, u32(8)), PROTOCOL },
  { "5.1", "WINDOW_UPDATE on an idle stream", frame(WINDOW, 0, 1, u32(1)), PROTOCOL },
  { "5.1", "CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, get), PROTOCOL },
  { "5.1.1", "an even stream", whole(2), PROTOCOL },
  { "5.1.1", "a stream below an earlier one", whole(5) .. whole(3), PROTOCOL },
  { "5.4.1", "DATA of stream 0", frame(DATA, 0, 0, "x"), PROTOCOL },
  { "6.1", "DATA padded beyond its length", begun() .. frame(DATA, PADDED, 1, "\5xx"), PROTOCOL },
  { "6.1", "DATA padded, without a length", begun() .. frame(DATA, PADDED, 1, ""), FRAME_SIZE, also = PROTOCOL },
  { "6.2", "HEADERS of stream 0", whole(0), PROTOCOL },
  { "6.2", "HEADERS padded beyond its length", frame(HEADERS, BOTH + PADDED, 1, "\255" .. get), PROTOCOL },
  { "6.2", "HEADERS too short for its priority", frame(HEADERS, BOTH + PRIORITIZED, 1, "\0\0\0"), FRAME_SIZE,
    also = PROTOCOL },
  { "6.2", "another frame between HEADERS and CONTINUATION",
    frame(HEADERS, END_STREAM, 1, get) .. frame(PING, 0, 0, "12345678"), PROTOCOL },
  { "6.2", "CONTINUATION of another stream",
    frame(HEADERS, END_STREAM, 1, get) .. frame(CONTINUATION, END_HEADERS, 3, ""), PROTOCOL },
  { "6.2", "another HEADERS before the first is whole", frame(HEADERS, END_STREAM, 1, get) .. whole(3), PROTOCOL },
  { "6.2", "an unknown frame in between", frame(HEADERS, END_STREAM, 1, get) .. frame(99, 0, 1, "x"), PROTOCOL },
  { "6.3", "PRIORITY of stream 0", frame(PRIORITY, 0, 0, u32(1) .. "\1"), PROTOCOL },
  { "6.4", "RST_STREAM of stream 0", frame(RST, 0, 0, u32(8)), PROTOCOL },
  { "6.4", "RST_STREAM of 3 bytes", begun() .. frame(RST, 0, 1, "123"), FRAME_SIZE },
  { "6.5", "SETTINGS of a stream", frame(SETTINGS, 0, 1, setting(3, 1)), PROTOCOL },
  { "6.5", "SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, "12345"), FRAME_SIZE },
  { "6.5", "SETTINGS that acknowledge and say something", frame(SETTINGS, 1, 0, setting(3, 1)), FRAME_SIZE },
  { "6.5.2", "ENABLE_PUSH 2", frame(SETTINGS, 0, 0, setting(2, 2)), PROTOCOL },
  { "6.5.2", "INITIAL_WINDOW_SIZE 2^31", frame(SETTINGS, 0, 0, setting(4, 2 ^ 31)), FLOW_CONTROL },
  { "6.5.2", "MAX_FRAME_SIZE 16383", frame(SETTINGS, 0, 0, setting(5, 16383)), PROTOCOL },
  { "6.5.2", "MAX_FRAME_SIZE 2^24", frame(SETTINGS, 0, 0, setting(5, 2 ^ 24)), PROTOCOL },
  { "6.6", "PUSH_PROMISE of a client", begun() .. frame(PUSH, END_HEADERS, 1, u32(2) .. get), PROTOCOL },
  { "6.7", "PING of a stream", frame(PING, 0, 1, "12345678"), PROTOCOL },
  { "6.7", "PING of 7 bytes", frame(PING, 0, 0, "1234567"), FRAME_SIZE },
  { "6.7", "PING of 9 bytes", frame(PING, 0, 0, "123456789"), FRAME_SIZE },
  { "6.8", "GOAWAY of a stream", frame(GOAWAY, 0, 1, u32(0) .. u32(0)), PROTOCOL },
  { "6.8", "GOAWAY of 7 bytes", frame(GOAWAY, 0, 0, "1234567"), FRAME_SIZE },
  { "6.9", "WINDOW_UPDATE of 0 for the connection", frame(WINDOW, 0, 0, u32(0)), PROTOCOL },
  { "6.9", "WINDOW_UPDATE of 3 bytes", frame(WINDOW, 0, 0, "123"), FRAME_SIZE },
  { "6.9.1", "a window of the connection beyond 2^31-1", frame(WINDOW, 0, 0, u32(2 ^ 31 - 1)), FLOW_CONTROL },
  { "6.10", "CONTINUATION of stream 0", frame(CONTINUATION, END_HEADERS, 0, get), PROTOCOL },
  { "6.10", "CONTINUATION after a whole head", begun() .. frame(CONTINUATION, END_HEADERS, 1, get), PROTOCOL },
  { "RFC 9218 7.1", "PRIORITY_UPDATE of a stream", frame(16, 0, 1, u32(1) .. "u=1"), PROTOCOL },
  { "RFC 9218 7.1", "PRIORITY_UPDATE for stream 0", frame(16, 0, 0, u32(0) .. "u=1"), PROTOCOL },
  { "RFC 9218 7.1", "PRIORITY_UPDATE of 3 bytes", frame(16, 0, 0, "123"), FRAME_SIZE },
}

-- the same: the stream ends with a RST_STREAM of it (a GOAWAY of the same code may stand for it: 5.4.2), others go on
local stream = {
  { "5.1", "DATA after END_STREAM", whole() .. frame(DATA, 0, 1, "x"), STREAM_CLOSED },
  { "5.1", "HEADERS after END_STREAM", whole() .. whole(), STREAM_CLOSED },
  { "5.3.1", "a stream that depends on itself", frame(HEADERS, BOTH + PRIORITIZED, 1, u32(1) .. "\1" .. get), PROTOCOL,
    deprecated = true },
  { "6.3", "PRIORITY of 4 bytes", begun() .. frame(PRIORITY, 0, 1, "1234"), FRAME_SIZE },
  { "6.9", "WINDOW_UPDATE of 0", begun() .. frame(WINDOW, 0, 1, u32(0)), PROTOCOL },
  { "6.9.1", "a window beyond 2^31-1", begun() .. frame(WINDOW, 0, 1, u32(2 ^ 31 - 1)), FLOW_CONTROL },
  { "8.1", "trailers without END_STREAM", begun() .. frame(HEADERS, END_HEADERS, 1, field("x", "y")), PROTOCOL },
  { "8.1.1", "less DATA than content-length",
    begun({ { "content-length", "3" } }) .. frame(DATA, END_STREAM, 1, "x"), PROTOCOL },
  { "8.1.1", "more DATA than content-length",
    begun({ { "content-length", "1" } }) .. frame(DATA, END_STREAM, 1, "xyz"), PROTOCOL },
  { "8.1.1", "a content-length without DATA", with("content-length", "5"), PROTOCOL },
  { "8.1.1", "two content-lengths", begun({ { "content-length", "1" }, { "content-length", "2" } })
    .. frame(DATA, END_STREAM, 1, "x"), PROTOCOL },
  { "8.1.1", "a content-length that is none", begun({ { "content-length", "x" } })
    .. frame(DATA, END_STREAM, 1, "x"), PROTOCOL },
  { "8.2.1", "a name with capitals", with("X-Name", "x"), PROTOCOL },
  { "8.2.1", "a name with a space", with("x name", "x"), PROTOCOL },
  { "8.2.1", "a name with a colon", with("x:y", "x"), PROTOCOL },
  { "8.2.1", "an empty name", with("", "x"), PROTOCOL },
  { "8.2.1", "a value with a line break", with("x", "a\r\nb: c"), PROTOCOL },
  { "8.2.1", "a value with a NUL", with("x", "a\0b"), PROTOCOL },
  { "8.2.1", "a value that begins with a space", with("x", " a"), PROTOCOL },
  { "8.2.2", "connection", with("connection", "close"), PROTOCOL },
  { "8.2.2", "keep-alive", with("keep-alive", "timeout=5"), PROTOCOL },
  { "8.2.2", "proxy-connection", with("proxy-connection", "close"), PROTOCOL },
  { "8.2.2", "transfer-encoding", with("transfer-encoding", "chunked"), PROTOCOL },
  { "8.2.2", "upgrade", with("upgrade", "h2c"), PROTOCOL },
  { "8.2.2", "te other than trailers", with("te", "gzip"), PROTOCOL },
  { "8.3", "a pseudo-field behind a field",
    whole(1, fields { method, scheme, authority, { "x", "y" }, path }), PROTOCOL },
  { "8.3", "an unknown pseudo-field", whole(1, fields { method, scheme, path, authority, { ":x", "y" } }), PROTOCOL },
  { "8.3", "a response's pseudo-field", whole(1, fields { method, scheme, path, authority, { ":status", "200" } }),
    PROTOCOL },
  { "8.3", "a pseudo-field in trailers", begun() .. whole(1, field(":path", "/")), PROTOCOL },
  { "8.3.1", "no :method", whole(1, fields { scheme, path, authority }), PROTOCOL },
  { "8.3.1", "no :scheme", whole(1, fields { method, path, authority }), PROTOCOL },
  { "8.3.1", "no :path", whole(1, fields { method, scheme, authority }), PROTOCOL },
  { "8.3.1", "an empty :path", whole(1, fields { method, scheme, { ":path", "" }, authority }), PROTOCOL },
  { "8.3.1", "a :path without a slash", whole(1, fields { method, scheme, { ":path", "x" }, authority }), PROTOCOL },
  { "8.3.1", "two :method", whole(1, fields { method, method, scheme, path, authority }), PROTOCOL },
  { "8.3.1", "two :scheme", whole(1, fields { method, scheme, scheme, path, authority }), PROTOCOL },
  { "8.3.1", "two :path", whole(1, fields { method, scheme, path, path, authority }), PROTOCOL },
  { "8.3.1", "a host that is not the :authority", with("host", "other.example"), PROTOCOL },
  { "8.5", "CONNECT with a :path", whole(1, fields { { ":method", "CONNECT" }, path, authority }), PROTOCOL },
}

-- what is allowed, however odd: the request on stream 1 is answered
local right = {
  { "4.1", "an unknown frame", frame(99, 255, 0, "x") .. whole() },
  { "5.1", "PRIORITY on an idle stream", frame(PRIORITY, 0, 3, u32(0) .. "\1") .. whole() },
  { "5.1", "WINDOW_UPDATE and RST_STREAM after the end",
    whole() .. frame(WINDOW, 0, 1, u32(9)) .. frame(RST, 0, 1, u32(8)) .. whole(3), answered = 3 },
  { "5.1", "DATA after RST_STREAM, by passing over it",
    begun() .. frame(RST, 0, 1, u32(8)) .. frame(DATA, 0, 1, "x") .. whole(3), answered = 3 },
  { "6.1", "padding", begun() .. frame(DATA, PADDED + END_STREAM, 1, "\3x\0\0\0") },
  { "6.2", "padding, priority and CONTINUATION", frame(HEADERS, END_STREAM + PADDED + PRIORITIZED, 1,
    "\2" .. u32(0) .. "\15" .. get:sub(1, 3) .. "\0\0") .. frame(CONTINUATION, 0, 1, "")
    .. frame(CONTINUATION, END_HEADERS, 1, get:sub(4)) },
  { "6.5.2", "an unknown setting", frame(SETTINGS, 0, 0, setting(99, 1)) .. whole() },
  { "6.7", "an answer to a PING that nobody sent", frame(PING, 1, 0, "12345678") .. whole() },
  { "8.2.2", "te: trailers", with("te", "trailers") },
  { "8.2.3", "cookies in crumbs", whole(1, get .. field("cookie", "a=b") .. field("cookie", "c=d")) },
  { "8.3.1", "a host in place of :authority", whole(1, fields { method, scheme, path, { "host", "localhost" } }) },
  { "8.1", "trailers", begun() .. frame(DATA, 0, 1, "x") .. whole(1, field("x", "y")) },
}

describe("HTTP/2", function()
  local s, port

  setup(function()
    s = server.start {}
    port = tonumber(s.url:match "(%d+)$")
  end)
  teardown(function() s:stop() end)

  local function name(case) return ("%s: %s"):format(case[1], case[2]) end

  for _, case in ipairs(connection) do
    it("ends the connection for " .. name(case), function()
      local c = h2.connect(port, case.bare and "" or nil)
      c:send(case[3])
      local code = h2.code(c:await(GOAWAY))
      assert.is_true(code and (code == case[4] or code == case.also), tostring(code))
      assert.is_nil(c:next())
      c:close()
    end)
  end

  for _, case in ipairs(stream) do
    it("ends the stream for " .. name(case), function()
      local c = h2.connect(port)
      c:send(case[3])
      local f
      repeat f = c:next() until not f or f.type == RST or f.type == GOAWAY
      assert.equal(case[4], h2.code(f))
      if f.type == RST then
        c:send(whole(7))
        assert.is_truthy(c:await(HEADERS, 7))
      end
      c:close()
    end)
  end

  for _, case in ipairs(right) do
    it("serves " .. name(case), function()
      local c = h2.connect(port)
      c:send(case[3])
      assert.is_truthy(c:await(HEADERS, case.answered or 1))
      c:send(frame(GOAWAY, 0, 0, u32(0) .. u32(NO_ERROR)))
      c:close()
    end)
  end
end)
