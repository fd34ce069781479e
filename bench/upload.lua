-- bench/upload: what judges add to the answer of an upload of 1 MB: without one, with those of words, spam and hashes,
-- and while a picture is banned by what it looks like, which an answer waits for. Uploads take turns.
--
--   GIFD=build/gifd luajit bench/upload.lua FILE.gif [ROUNDS 40]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"
local socket = require "socket"

local file, rounds = arg[1], tonumber(arg[2] or 40)
local bytes = assert(io.open(assert(file, "which FILE.gif?"), "rb")):read "*a"
local packed = bytes:byte(11)
local palette = packed >= 128 and 3 * 2 ^ (packed % 8 + 1) or 0
local judges = [[return { unseen = "approved",
  plugins = { ["moderation-words"] = {}, ["moderation-spam"] = {}, ["moderation-hash"] = {} } }]]
local kinds = {
  { name = "no judge", config = [[return { unseen = "approved" }]] },
  { name = "words, spam, hashes", config = judges },
  { name = "and a banned picture", config = judges, ban = ("f8f8f0ce"):rep(8) },
}

--- The file with a comment of its own, so that its bytes are new.
local function fresh(i)
  local comment, head = ("%016d"):format(i), 13 + palette
  return bytes:sub(1, head) .. "\33\254\16" .. comment .. "\0" .. bytes:sub(head + 1)
end

local function idle(kind)
  server.wait_until("work to end", function()
    local m = kind.server:request({ "GET", "/api/v1/jobs/metrics", token = kind.token }).json
    local waiting = 0
    for _, n in pairs(m.waiting) do waiting = waiting + n end
    return m.active == 0 and waiting == 0
  end, 120)
end

for _, kind in ipairs(kinds) do
  kind.server, kind.took = server.start { config = kind.config }, {}
  kind.token = kind.server:token("admin", "ann")
  if kind.ban then
    assert(kind.server:request({ "POST", "/api/v1/moderation/hashes", token = kind.token,
      json = { list = "ban", pdq = kind.ban } }).status == 201)
  end
end
for i = 1, rounds do
  for _, kind in ipairs(kinds) do
    local body = fresh(i)
    local from = socket.gettime()
    local made = kind.server:upload(body, kind.token, "title=an+earth+that+turns+" .. i)
    kind.took[i] = (socket.gettime() - from) * 1000
    assert(made.status == 201, made.body)
    idle(kind)
  end
end
for _, kind in ipairs(kinds) do
  table.sort(kind.took)
  print(("%-22s median %7.1f ms   p90 %7.1f ms   least %7.1f ms"):format(kind.name,
    kind.took[math.ceil(rounds / 2)], kind.took[math.ceil(rounds * 0.9)], kind.took[1]))
  kind.server:stop()
end
