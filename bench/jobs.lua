-- jobs: how many jobs that do nothing the runner does in a second, from row to row; and how long an interactive one
-- waits while thousands of low ones do.
--
--   GIFD=build/gifd luajit bench/jobs.lua [JOBS 30000] [LOW 10000] [INTERACTIVE 100]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local server = require "server"
local socket = require "socket"

local count, low, interactive = tonumber(arg[1] or 30000), tonumber(arg[2] or 10000), tonumber(arg[3] or 100)

local s = server.start { plugins = { "bench/plugins" }, config = 'return { plugins = { idler = true } }' }
local admin = s:token "admin"

local function fill(name, priority, payload, n)
  local code, out, err = server.command("lua", "bench/jobs_fill.lua", "--data", s.data, name, tostring(priority),
    payload, tostring(n))
  assert(code == 0, err)
  return tonumber(out)
end

local function metrics() return s:request({ "GET", "/api/v1/jobs/metrics", token = admin }).json end

local function rows(sql)
  local f = assert(io.popen(("sqlite3 -readonly '%s/catalogue.db' \"%s\""):format(s.data, sql)))
  local out = f:read "*a"
  f:close()
  return out
end

--- Of those of a name: how many a second, from the first lease to the last end.
local function rate(name)
  local text = rows(([[SELECT count(*), max(ended_at) - min(started_at) FROM jobs
    WHERE name = 'job %s' AND state = 'completed']]):format(name))
  local n, us = text:match("^(%d+)|(%d+)")
  return tonumber(n), tonumber(n) / tonumber(us) * 1e6
end

local took = fill("nothing", 0, "null", count)
server.wait_until("all of them", function()
  socket.sleep(0.2)
  local m = metrics()
  return m.active == 0 and m.waiting.normal == 0
end, 120)
local n, per_second = rate "nothing"
print(("%d jobs: queued %.0f/s while running, done %.0f/s"):format(n, count / took, per_second))

fill("pause", -1, "0.005", low)
for _ = 1, interactive do
  fill("nothing", 1, "1", 1)
end
server.wait_until("the interactive ones", function() return metrics().waiting.high == 0 end)
socket.sleep(0.5)
local waits = {}
for us in rows("SELECT started_at - run_after FROM jobs WHERE priority = 1 ORDER BY 1"):gmatch("%d+") do
  waits[#waits + 1] = tonumber(us) / 1000
end
print(("an interactive job beside %d low ones: median %.1f ms, p95 %.1f ms, longest %.1f ms; %d low ones left"):format(
  low, waits[math.ceil(#waits / 2)], waits[math.ceil(#waits * 0.95)], waits[#waits], metrics().waiting.low))
s:stop()
