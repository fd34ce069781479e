-- storm: wrk asks without a pause while the server is reloaded, replaced, and its workers are killed. Prints how many
-- requests failed by each. Takes two minutes of both cores, so it is not among the specs.
--
--   GIFD=build/gifd luajit spec/soak/storm.lua [RELOADS 200] [REPLACEMENTS 1] [KILLS 50] [CONNECTIONS 64]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local reloads, replacements, kills = tonumber(arg[1] or 200), tonumber(arg[2] or 1), tonumber(arg[3] or 50)
local connections = tonumber(arg[4] or 64)
local GAP = 0.1

local dir = assert(posix.mkdtemp("/tmp/gifd-storm-XXXXXX"))
local program = dir .. "/gifd"
os.execute(("cp '%s' '%s-media' '%s'"):format(server.binary, server.binary, dir))

local function config(i) return ('return { site = { name = "storm %d" } }'):format(i) end

local s = server.start { binary = program, config = config(0), workers = 2 }
local made = s:upload(pictures.gif { frames = 3 }, s:token "admin").json

local function count(event)
  local n = 0
  for _ in s:errors():gmatch(event) do n = n + 1 end
  return n
end

local serial = 0
local function reload()
  serial = serial + 1
  server.put(s.config, config(serial))
  local code, answer = s:ask "reload"
  assert(code == 0 and answer.changed, "a reload was refused")
end

--- KiB that workers and the runner have resident and nobody else has
local function resident()
  local sum = 0
  for _, pid in ipairs(s:children "gifd%-[wr][ou][rn][kn]er") do
    local text = server.read_file(("/proc/%d/smaps_rollup"):format(pid)) or ""
    for kib in text:gmatch "Private_%a+:%s+(%d+)" do sum = sum + tonumber(kib) end
  end
  return sum
end

local function replace()
  local before = count "replace%.done"
  server.put(program, server.read_file(server.binary), "755")
  posix.kill(s.pid, posix.SIGUSR2)
  server.wait_until("replacement", function() return count "replace%.done" > before end, 60)
end

local function kill_worker()
  local workers
  server.wait_until("both workers", function()
    workers = s:children "gifd%-worker"
    return #workers == 2
  end)
  posix.kill(workers[math.random(2)], posix.SIGKILL)
end

local function storm(name, path, times, blow)
  local out = dir .. "/wrk"
  local wrk = io.popen(("exec wrk -t1 -c%d -d600s --timeout 5s --latency %s%s >%s 2>&1 & echo $!")
    :format(connections, s.url, path, out))
  local pid = tonumber(wrk:read "*l")
  wrk:close()
  socket.sleep(0.5)
  local early, began = 0, socket.gettime()
  for i = 1, times do
    blow()
    socket.sleep(GAP)
    if i == math.ceil(times / 5) then early = resident() end
  end
  local took = socket.gettime() - began
  socket.sleep(0.5)
  posix.kill(pid, posix.SIGINT)
  server.wait_until("wrk", function() return not posix.kill(pid, 0) end)
  local text = server.read_file(out)
  local errors = { text:match "Socket errors: connect (%d+), read (%d+), write (%d+), timeout (%d+)" }
  local failed = tonumber(text:match "Non%-2xx or 3xx responses: (%d+)" or 0)
  for _, n in ipairs(errors) do failed = failed + tonumber(n) end
  print(("%-22s %-8s %9s requests  %5d failed  p99 %-8s %5.1f s  %d KiB after a fifth, %d KiB at the end"):format(
    ("%d x %s"):format(times, name), path:match "^/%w+", text:match "(%d+) requests in", failed,
    text:match "99%%%s+(%S+)", took, early, resident()))
  io.stdout:flush()
end

local page, media = "/s/" .. made.share.code, "/a/" .. made.asset.id
storm("nothing", page, 20, function() end)
storm("reload", page, reloads / 2, reload)
storm("reload", media, reloads / 2, reload)
storm("replacement", page, replacements, replace)
storm("replacement", media, replacements, replace)
storm("kill of a worker", page, kills, kill_worker)
s:stop()
os.execute("rm -rf '" .. dir .. "'")
