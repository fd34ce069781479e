-- media: an import of many files while children of the media process, the media process and the runner are killed. In
-- the end every job has ended once (a file whose child died three times is parked, rightly: nobody can tell why it
-- died), and every asset has each rendition once and whole. Not among the specs: it takes
-- minutes.
--
--   GIFD=build/gifd luajit spec/soak/media.lua [FILES 500] [CHILDREN 1000] [ZYGOTES 20] [RUNNERS 50]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local files, children = tonumber(arg[1] or 500), tonumber(arg[2] or 1000)
local zygotes, runners = tonumber(arg[3] or 20), tonumber(arg[4] or 50)
local PATIENCE = 600

local s = server.start { workers = 2, config = 'return { jobs = { attempts = 100 }, log = { level = "warn" } }' }
local token = s:token "admin"
local killed = { child = 0, zygote = 0, runner = 0 }

local function kill(kind, pid)
  if pid and posix.kill(pid, posix.SIGKILL) == 0 then killed[kind] = killed[kind] + 1 end
end

local function decoders(zygote)
  local out = {}
  for pid in (server.read_file(("/proc/%d/task/%d/children"):format(zygote, zygote)) or ""):gmatch "%d+" do
    out[#out + 1] = tonumber(pid)
  end
  return out
end

local function sql(text)
  local command = "sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""
  local pipe = assert(io.popen(command:format(s.data, text)))
  local out = pipe:read "*a"
  pipe:close()
  return (out:gsub("%s+$", ""))
end

-- One process imports, this one kills.
local importer = posix.fork()
if importer == 0 then
  local refused = 0
  for _ = 1, files do
    local bytes, taken = pictures.gif { frames = 40, width = 120, height = 90 }, false
    for _ = 1, 20 do
      local status = s:upload(bytes, token).status
      taken = status == 201 or status == 200
      if taken then break end
      if status == 422 or status == 415 then refused = refused + 1 end
      socket.sleep(0.1)
    end
    if not taken then print "an upload was never taken" end
  end
  if refused > 0 then print(("%d uploads were refused once, and taken when they came again"):format(refused)) end
  os.exit(0)
end

local importing = true
local function unfinished()
  return tonumber(sql "SELECT COUNT(*) FROM jobs WHERE name = 'ladder' AND state IN ('pending', 'running')")
end

local begin, turn = socket.gettime(), 0
while socket.gettime() - begin < PATIENCE do
  turn = turn + 1
  local zygote = s:children("gifd%-media")[1]
  if zygote and killed.child < children then
    for _, pid in ipairs(decoders(zygote)) do kill("child", pid) end
  end
  local done = math.min(1, killed.child / math.max(1, children))
  if killed.zygote < zygotes * done then kill("zygote", zygote) end
  if killed.runner < runners * done then kill("runner", s:children("gifd%-runner")[1]) end
  if importing and posix.wait(importer, posix.WNOHANG) == importer then importing = false end
  if not importing and turn % 50 == 0 and unfinished() == 0 then break end
  socket.sleep(0.01)
end

print(("%d files in %.0f s; killed: %d children, %d zygotes, %d runners"):format(files, socket.gettime() - begin,
  killed.child, killed.zygote, killed.runner))
print("jobs by state: " .. sql("SELECT state, COUNT(*) FROM jobs WHERE name = 'ladder' GROUP BY 1"):gsub("%s+", " "))
print("renditions: " .. sql("SELECT name, type, COUNT(*) FROM renditions GROUP BY 1, 2"):gsub("%s+", " "))
print("assets by media: " .. sql("SELECT media, COUNT(*) FROM assets GROUP BY 1"):gsub("%s+", " "))
local wrong = {
  { "jobs that have not ended", [[SELECT COUNT(*) FROM jobs WHERE name = 'ladder'
     AND state NOT IN ('completed', 'failed', 'parked')]] },
  { "assets without exactly one job", [[SELECT COUNT(*) FROM assets a
     WHERE (SELECT COUNT(*) FROM jobs WHERE unique_key = 'ladder:' || a.id) <> 1]] },
  { "renditions there twice", [[SELECT COUNT(*) FROM
     (SELECT 1 FROM renditions GROUP BY asset_id, name, type HAVING COUNT(*) > 1)]] },
  { "sets of renditions beside the first", [[SELECT COUNT(DISTINCT names) - 1 FROM
     (SELECT (SELECT group_concat(r) FROM (SELECT name || type AS r FROM renditions WHERE asset_id = a.id ORDER BY 1))
      AS names FROM assets a WHERE media = 'ready')]] },
}
local faults = 0
for _, check in ipairs(wrong) do
  local n = tonumber(sql((check[2]:gsub("%s+", " "))))
  if n ~= 0 then print(check[1] .. ": " .. tostring(n)) end
  faults = faults + (n or 1)
end
local half = 0
for digest, bytes in sql("SELECT digest, bytes FROM renditions"):gmatch "(%x+)|(%d+)" do
  local path = ("%s/blobs/%s/%s/%s"):format(s.data, digest:sub(1, 2), digest:sub(3, 4), digest)
  local size = posix.stat(path, "size")
  if size ~= tonumber(bytes) then half = half + 1 end
end
print(("renditions that are not whole: %d"):format(half))
s:stop()
os.exit(faults + half == 0 and 0 or 1)
