--- floods: what a client sends that means harm, frame by frame: kinds[name](i) -> the bytes of its i-th turn on a
-- connection of support/h2.lua. Made for the specs of HTTP/2 and the soak of TLS.
local h2 = require "h2"

local END_ALL = h2.END_HEADERS + h2.END_STREAM
local M = { kinds = {} }
local kinds = M.kinds

--- The head of the i-th request
function M.open(i, flags, head) return h2.frame(h2.HEADERS, flags or END_ALL, 2 * i - 1, head or h2.get "/healthz") end

function kinds.rapid_reset(i) return M.open(i) .. h2.frame(h2.RST_STREAM, 0, 2 * i - 1, h2.u32(8)) end

local refused = h2.get("/healthz", { { "connection", "close" } })
function kinds.made_you_reset(i) return M.open(i, h2.END_HEADERS, refused) end

--- The same when the request is right, and what follows is wrong
function kinds.made_you_reset_late(i)
  return M.open(i) .. h2.frame(h2.WINDOW_UPDATE, 0, 2 * i - 1, h2.u32(2 ^ 31 - 1))
end

function kinds.settings() return h2.frame(h2.SETTINGS, 0, 0, "\0\4\0\0\255\255") end
function kinds.ping() return h2.frame(h2.PING, 0, 0, "12345678") end
function kinds.priority(i) return h2.frame(h2.PRIORITY, 0, 2 * i + 1, h2.u32(0) .. "\1") end
function kinds.window() return h2.frame(h2.WINDOW_UPDATE, 0, 0, h2.u32(1)) end
function kinds.empty(i) return (i == 1 and M.open(1, h2.END_HEADERS) or "") .. h2.frame(h2.DATA, 0, 1) end

function kinds.continuation(i)
  if i == 1 then return M.open(1, 0) end
  return h2.frame(h2.CONTINUATION, 0, 1, h2.field("x-" .. i, "v"))
end

--- One entry of 4,000 bytes in the table, then a byte for each time it is meant.
local long = "\64\6x-long\127" .. string.char(0xa1, 0x1e) .. ("v"):rep(4000)
local again = ("\190"):rep(4000)
function kinds.header_table(i) return M.open(i, nil, h2.get "/healthz" .. (i == 1 and long or "") .. again) end

return M
