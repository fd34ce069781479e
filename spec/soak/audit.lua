-- audit: everything is killed again and again while several processes write entries: the chain holds each time, no
-- change is without its entry, and no entry without its change. Prints what it found; exit 1 when that is not so.
--
--   GIFD=build/gifd luajit spec/soak/audit.lua [KILLS 100]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local kills = tonumber(arg[1] or 100)
local s = server.start { workers = 2 }
local token = s:token "trusted"

local function sql(text)
  local f = assert(io.popen(("sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""):format(s.data, text)))
  local out = f:read "*a"
  f:close()
  return tonumber(out)
end

--- A child that uploads until the server is gone.
local function uploader(seed)
  local pid = assert(posix.fork())
  if pid == 0 then
    math.randomseed(seed)
    while type(s:upload(pictures.gif { frames = 2 }, token, "title=x").status) == "number" do end
    posix._exit(0)
  end
  return pid
end

local wrong = 0
for round = 1, kills do
  local pids = { uploader(round * 3), uploader(round * 3 + 1), uploader(round * 3 + 2) }
  socket.sleep(0.05 + math.random() * 0.4)
  if round % 4 == 0 then
    for _, pid in ipairs(s:children "gifd%-worker") do posix.kill(pid, posix.SIGKILL) end
    socket.sleep(0.1)
  end
  s:kill()
  for _, pid in ipairs(pids) do posix.wait(pid) end
  local code, out, err = server.command("audit", "verify", "--data", s.data)
  if code ~= 0 then
    wrong = wrong + 1
    print(round, out, err)
  end
  s:begin()
end
local assets, shares = sql "SELECT count(*) FROM assets", sql "SELECT count(*) FROM shares"
local told_assets = sql "SELECT count(DISTINCT subject) FROM audit WHERE action = 'asset.create'"
local told_shares = sql "SELECT count(*) FROM audit WHERE action = 'share.create'"
local rows = sql "SELECT count(*) FROM audit"
print(("%d kills, %d rows: %d chains did not hold; %d assets with %d entries, %d shares with %d"):format(kills, rows,
  wrong, assets, told_assets, shares, told_shares))
s:stop()
os.exit(wrong == 0 and assets == told_assets and shares == told_shares and 0 or 1)
