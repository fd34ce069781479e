-- tls: what the open Internet may do to a listener with TLS. Prints a line for each part; what failed is in it.
--
--   GIFD=build/gifd luajit spec/soak/tls.lua load [SECONDS 60] [ACT]  h2load, while certificates are swapped, listeners
--                                                                     change by a reload and the program is replaced;
--                                                                     ACT: only "swap", "reload" or "replace"
--   GIFD=build/gifd luajit spec/soak/tls.lua floods [SECONDS 5] [KIND] each kind of HTTP/2 flood for so long, on four
--                                                                     connections; probes on others, memory
--   GIFD=build/gifd luajit spec/soak/tls.lua testssl                  what testssl finds above INFO; minutes
--
-- SOAK_LOG=FILE keeps the log of the server of `load`.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local certificate = require "certificate"
local cjson = require "cjson"
local floods = require "floods"
local h2 = require "h2"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local CONNECTIONS, SLOWEST, GROWTH = 4, 0.5, 64 * 1024
local part, seconds = arg[1] or "load", tonumber(arg[2])
local folder = assert(posix.mkdtemp("/tmp/gifd-tls-soak-XXXXXX"))
local program = folder .. "/gifd"
os.execute(("cp '%s' '%s-media' '%s'"):format(server.binary, server.binary, folder))
local authority = certificate.authority(folder)

local function issue() return select(3, authority:issue("a", "localhost")) end

local function config(more)
  return ([[
return { listen = { "127.0.0.1:0", { address = "127.0.0.1:0", hsts = "365d",
  tls = { { cert = "F/a.crt", key = "F/a.key" }, { cert = "F/rsa.crt", key = "F/rsa.key" } } } %s } }]])
    :format(more or ""):gsub("F/", folder .. "/")
end

local function begin()
  server.put(folder .. "/a.crt.ocsp", authority:response("a", issue()))
  certificate.make(folder, "rsa", "localhost", 90, "rsa")
  local s = server.start { binary = program, workers = 2, as_configured = true, config = config() }
  return s, server.read_file(s.dir .. "/out"):match "ready (https://%S+)"
end

local function finish(s)
  s:stop()
  os.execute("rm -rf '" .. folder .. "'")
end

local function count(s, event)
  local n = 0
  for _ in s:errors():gmatch(event) do n = n + 1 end
  return n
end

--- KiB of the largest worker or runner
local function resident(s)
  local worst = 0
  for _, pid in ipairs(s:children "gifd%-[wr][ou][rn][kn]er") do
    local text = server.read_file(("/proc/%d/status"):format(pid)) or ""
    worst = math.max(worst, tonumber(text:match "VmRSS:%s*(%d+)" or 0))
  end
  return worst
end

--- Seconds that workers have run, and that they were ready to and had no core: what is slow then is the machine
local function worked(s)
  local ran, waited = 0, 0
  for _, pid in ipairs(s:children "gifd%-worker") do
    local a, b = (server.read_file(("/proc/%d/schedstat"):format(pid)) or "0 0"):match "(%d+) (%d+)"
    ran, waited = ran + a / 1e9, waited + b / 1e9
  end
  return ran, waited
end

local parts = {}

local function swap(s)
  local before = count(s, "tls%.swapped")
  server.put(folder .. "/a.crt.ocsp", authority:response("a", issue()))
  server.wait_until("a swap", function() return count(s, "tls%.swapped") > before end, 60)
end

local more = false
local function reload(s)
  more = not more
  server.put(s.config, config(more and ', "127.0.0.1:0"' or ""))
  -- refused while workers of three earlier ones finish: then it is asked again
  server.wait_until("a reload", function() return (s:ask "reload") == 0 end, 120)
end

local function replace(s)
  local before = count(s, "replace%.done")
  server.put(program, server.read_file(server.binary), "755")
  posix.kill(s.pid, posix.SIGUSR2)
  server.wait_until("a replacement", function() return count(s, "replace%.done") > before end, 120)
end

function parts.load()
  local s, url = begin()
  local made = s:upload(pictures.gif { frames = 3 }, s:token "admin").json
  local out, done, acts = folder .. "/h2load", { swap = 0, reload = 0, replace = 0 }, {}
  for name, act in pairs { swap = swap, reload = reload, replace = replace } do
    if not arg[3] or arg[3] == name then acts[name] = act end
  end
  local load = io.popen(("exec h2load -t1 -c16 -m8 -D %d %s/s/%s > %s 2>&1"):format(seconds or 60, url,
    made.share.code, out))
  local ends = socket.gettime() + (seconds or 60) - 2
  while socket.gettime() < ends do
    for name, act in pairs(acts) do
      if socket.gettime() < ends then
        act(s)
        done[name] = done[name] + 1
      end
    end
  end
  load:read "*a"
  load:close()
  local text = server.read_file(out)
  print(("load    %d swaps, %d reloads, %d replacements: %s"):format(done.swap, done.reload, done.replace,
    text:match "requests: ([^\n]+)" or text))
  if os.getenv "SOAK_LOG" then server.put(os.getenv "SOAK_LOG", s:errors()) end
  print("        " .. (text:match "status codes: ([^\n]+)" or "") .. "; largest process " .. resident(s) .. " KiB")
  finish(s)
end

--- In a process of its own: the flood on one connection after another, until the time is over.
local function flooder(port, each, ends)
  local pid = assert(posix.fork())
  if pid ~= 0 then return pid end
  pcall(function()
    while socket.gettime() < ends do
      local c, i, open = h2.connect(port), 0, true
      while open and i < 3000 and socket.gettime() < ends do
        local frames = {}
        for k = 1, 100 do frames[k] = each(i + k) end
        i, open = i + 100, c:send(table.concat(frames))
      end
      c:close()
    end
  end)
  require("posix.unistd")._exit(0)
end

--- A request on a connection of its own -> seconds
local function probe(s)
  local began = socket.gettime()
  local reply = s:request { "GET", "/healthz" }
  assert(reply.status == 200, "a probe was answered with " .. tostring(reply.status))
  return socket.gettime() - began
end

function parts.floods()
  local s = begin()
  local port = tonumber(s.url:match "(%d+)$")
  local names = {}
  for name in pairs(floods.kinds) do
    if not arg[3] or arg[3] == name then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local before, ended, ends = resident(s), count(s, "http%.h2_ended"), socket.gettime() + (seconds or 5)
    local ran, waited = worked(s)
    local pids, probes, slow, worst, most = {}, 0, 0, 0, before
    for i = 1, CONNECTIONS do pids[i] = flooder(port, floods.kinds[name], ends) end
    while socket.gettime() < ends do
      local took = probe(s)
      probes, worst = probes + 1, math.max(worst, took)
      if probes % 20 == 1 then most = math.max(most, resident(s)) end
      if took > SLOWEST then slow = slow + 1 end
    end
    for _, pid in ipairs(pids) do posix.wait(pid) end
    local ran_then, waited_then = worked(s)
    local wrong = slow > 0 and (" FAILED: %d took too long"):format(slow) or ""
    if most - before > GROWTH then wrong = wrong .. " FAILED: too much memory" end
    print(("%-20s %5d probes, slowest %4d ms; %5d KiB more; %4d ended; workers ran %.1f s, wanted a core %.1f s%s")
      :format(name, probes, worst * 1000, most - before, count(s, "http%.h2_ended") - ended, ran_then - ran,
        waited_then - waited, wrong))
    io.stdout:flush()
  end
  finish(s)
end

--- What only a name of the public Internet can satisfy: an authority that browsers know, its OCSP and CRL addresses,
-- its transparency logs, CAA records; and what is said of the tool's own OpenSSL.
local public = { "^engine_problem", "^cert_chain_of_trust", "^cert_crlDistributionPoints", "^cert_ocspURL",
  "^cert_revocation", "^cert_certificatePolicies", "^certificate_transparency", "^DNS_CAArecord", "^cert_caIssuers" }

function parts.testssl()
  local s, url = begin()
  local out = folder .. "/findings.json"
  os.execute(("testssl --quiet --warnings off --color 0 --ip 127.0.0.1 --jsonfile %s localhost:%s >/dev/null 2>&1 "
    .. "</dev/null"):format(out, url:match "(%d+)$"))
  local findings, left = cjson.decode(server.read_file(out)), 0
  for _, f in ipairs(findings) do
    if f.severity ~= "INFO" and f.severity ~= "OK" and f.severity ~= "DEBUG" then
      local known
      for _, pattern in ipairs(public) do known = known or f.id:find(pattern) end
      left = left + (known and 0 or 1)
      print(("testssl %-8s %s: %s%s"):format(f.severity, f.id, f.finding, known and " (public names)" or " FAILED"))
    end
  end
  print(("testssl %d findings, %d above INFO that no public name would mend"):format(#findings, left))
  finish(s)
end

assert(parts[part], "load, floods or testssl")()
