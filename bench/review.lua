-- bench/review: the queue of reviewers and statistics over a million verdicts, through the real program.
--
--   GIFD=build/gifd luajit bench/review.lua [ROWS 1000000]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"
local socket = require "socket"

local count, TIMES = tonumber(arg[1] or 1000000), 60
local s = server.start { config = "return { unseen = 'approved' }" }
local reviewer = s:token("moderate", "ann")

local sql = ([[
PRAGMA synchronous = OFF;
BEGIN;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n;
INSERT INTO assets (rowid_, id, digest, type, bytes, width, height, frames, duration_ms, loop, has_alpha, has_audio,
  truncated, media, verdict, trusted, created_at, updated_at)
  SELECT 1000 + i, printf('%%016x', i), printf('%%064x', i), 'image/gif', 1000, 10, 10, 2, 100, 0, 0, 0, 0, 'ready',
    CASE WHEN i %% 10 < 5 THEN 'flagged' WHEN i %% 10 < 9 THEN 'approved' ELSE 'rejected' END, 0, i, i FROM n;
INSERT INTO verdicts (kind, subject, revision, judge, version, decision, category, created_at)
  SELECT 'asset', printf('%%016x', i), 1, 'judge' || (i %% 5), '1',
    CASE WHEN i %% 10 < 5 THEN 'flagged' WHEN i %% 10 < 9 THEN 'approved' ELSE 'rejected' END, 'unknown', i FROM n;
INSERT INTO review_queue (kind, subject, state, category, rank, since)
  SELECT 'asset', printf('%%016x', i), CASE i %% 3 WHEN 0 THEN 'pending' ELSE 'flagged' END,
    CASE i %% 7 WHEN 0 THEN 'nsfw' WHEN 1 THEN 'spam' WHEN 2 THEN 'hate_speech' ELSE 'unknown' END, 30 + i %% 50, i
  FROM n;
COMMIT;
]]):format(count)
local began = socket.gettime()
local f = io.popen(("sqlite3 '%s/catalogue.db'"):format(s.data), "w")
f:write(sql)
f:close()
print(("%d rows in %.0f s"):format(count, socket.gettime() - began))

local worst = 0

local function measure(path)
  local took = {}
  for i = 1, TIMES do
    local at = socket.gettime()
    local reply = s:request { "GET", path, token = reviewer }
    took[i] = (socket.gettime() - at) * 1000
    assert(reply.status == 200, reply.body)
  end
  table.sort(took)
  local high = took[math.ceil(TIMES * 0.95)]
  worst = math.max(worst, high)
  print(("%-66s median %5.2f  95 %% %5.2f  most %5.2f ms"):format(path, took[TIMES / 2], high, took[TIMES]))
end

local queue = "/api/v1/moderation/queue"
measure "/healthz"
measure(queue)
measure(queue .. "?cursor=" .. s:request({ "GET", queue, token = reviewer }).json.next)
measure(queue .. "?cursor=60.1.1")
for _, query in ipairs { "category=nsfw", "category=illegal", "kind=share", "state=pending&limit=200",
  "state=quarantined" } do
  measure(queue .. "?" .. query)
end
measure "/api/v1/moderation/statistics"
s:stop()
os.exit(worst < 20 and 0 or 1)
