-- jobs: the runner is killed again and again while jobs are done: each ends once, none twice, none is lost. Also what
-- the media children do: some of the jobs render. Prints what it found; exit 1 when that is not so.
--
--   GIFD=build/gifd luajit spec/soak/jobs.lua [KILLS 50] [JOBS 20000] [RENDERS 50]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local kills, count, renders = tonumber(arg[1] or 50), tonumber(arg[2] or 20000), tonumber(arg[3] or 50)

local s = server.start { plugins = { "bench/plugins" }, config = 'return { plugins = { idler = true } }' }
local admin = s:token "admin"

local function sql(text)
  local f = assert(io.popen(("sqlite3 '%s/catalogue.db' \"PRAGMA busy_timeout = 5000; %s\""):format(s.data, text)))
  local out = f:read "*a"
  f:close()
  return out:match("^5000\n(.*)$")
end

--- Each end of a job is noted by the database itself, so that two of one would be seen.
sql [[CREATE TABLE ends (job INTEGER, state TEXT);
  CREATE TRIGGER count_ends AFTER UPDATE OF state ON jobs WHEN NEW.state IN ('completed', 'failed', 'cancelled')
  BEGIN INSERT INTO ends VALUES (NEW.id, NEW.state); END]]

local asset = s:upload(pictures.gif { frames = 3 }, admin).json.asset.id
for i = 1, renders do
  local reply = s:request { "POST", "/api/v1/jobs", token = admin, json = { type = "render", asset_id = asset,
    recipe = { format = "webp", quality = i % 100 + 1 } } }
  assert(reply.status == 202, reply.body)
end

local function queue(n)
  local code, _, err = server.command("lua", "bench/jobs_fill.lua", "--data", s.data, "nothing", "0", "null",
    tostring(n))
  assert(code == 0, err)
end

local killed = 0
for _ = 1, kills do
  queue(math.floor(count / kills))
  socket.sleep(math.random() * 0.2)
  for _, pid in ipairs(s:children "gifd%-runner") do
    posix.kill(pid, posix.SIGKILL)
    killed = killed + 1
  end
end
server.wait_until("all of them", function()
  socket.sleep(0.2)
  local m = s:request({ "GET", "/api/v1/jobs/metrics", token = admin }).json
  return m and m.active + m.delayed + m.waiting.normal == 0
end, 300)

local ended, jobs = sql("SELECT count(*), count(DISTINCT job) FROM ends"):match("^(%d+)|(%d+)")
local open = tonumber(sql("SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'failed')"):match "%d+")
local failed = tonumber(sql("SELECT count(*) FROM jobs WHERE state = 'failed'"):match "%d+")
local again = tonumber(sql("SELECT count(*) FROM jobs WHERE attempts > 1"):match "%d+")
local made = tonumber(sql("SELECT count(*) FROM renditions"):match "%d+")
local different = tonumber(sql("SELECT count(DISTINCT digest) FROM renditions"):match "%d+")
print(("%d kills; %s jobs ended %s times; %d open, %d failed, %d run more than once; %d renditions of %d files")
  :format(killed, jobs, ended, open, failed, again, made, different))
local fine = ended == jobs and open == 0
s:stop()
os.exit(fine and 0 or 1)
