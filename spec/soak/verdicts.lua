-- verdicts: everything is killed again and again between upload and verdict, and between a decision and its effect:
-- nothing that nobody approved is served, no decision that was answered is lost, served is what was decided, and counts
-- and the queue of reviewers are right.
-- Prints what it found; exit 1 when that is not so.
--
--   GIFD=build/gifd luajit spec/soak/verdicts.lua [KILLS 100]
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local kills = tonumber(arg[1] or 100)
local s = server.start { workers = 2, plugins = { "spec/support/plugins" },
  config = "return { plugins = { oracle = { slow = 0.03 } } }" }
local owner, reviewer = s:token "upload", s:token "moderate"
local notes = s.dir .. "/notes"
local wrong = 0

local function complain(fmt, ...)
  wrong = wrong + 1
  print(fmt:format(...))
end

local function rows(text)
  local f = assert(io.popen(("sqlite3 -readonly -cmd '.timeout 5000' '%s/catalogue.db' \"%s\""):format(s.data, text)))
  local out = {}
  for line in f:lines() do out[#out + 1] = { line:match("^([^|]*)|?([^|]*)|?([^|]*)$") } end
  f:close()
  return out
end

local function child(seed, turn)
  local pid = assert(posix.fork())
  if pid == 0 then
    math.randomseed(seed)
    while turn() do end
    posix._exit(0)
  end
  return pid
end

local function get(path) return s:request({ "GET", path }).status end

local function note(text)
  local f = assert(io.open(notes, "ab"))
  f:write(text, "\n")
  f:close()
end

local function upload()
  local title = math.random(2) == 1 and "bad" or "good"
  local bytes = pictures.gif { frames = 1, width = 16 + math.random(400), height = 16 + math.random(400) }
  return type(s:upload(bytes, owner, "title=" .. title).status) == "number"
end

local decided = {} -- assets that reviewers decide about
for i = 1, 4 do
  decided[i] = s:upload(pictures.gif { frames = 2, width = 500 + i, height = 20 }, owner, "title=good").json.asset.id
end

local function decide()
  local id = decided[math.random(#decided)]
  local decision = math.random(2) == 1 and "rejected" or "approved"
  local seen = s:request({ "GET", "/api/v1/assets/" .. id, token = reviewer }).json
  note(("try %s %s"):format(id, decision))
  local status = s:request({ "POST", "/api/v1/moderation/asset/" .. id .. "/reviews", token = reviewer,
    json = { decision = decision, based_on = seen and seen.moderation.scan_id } }).status
  if status == 200 then note(("ack %s %s"):format(id, decision)) end
  return type(status) == "number"
end

local function look() return type(get("/a/" .. decided[math.random(#decided)])) == "number" end

--- What may stand: the last answered decision, or the one that was under way.
local function check_decisions(round)
  local may = {}
  for line in io.lines(notes) do
    local what, id, decision = line:match("^(%l+) (%x+) (%l+)$")
    may[id] = what == "ack" and { [decision] = true } or may[id] or { approved = true }
    may[id][decision] = true
  end
  for _, row in ipairs(rows "SELECT id, verdict FROM assets WHERE scan_id IS NOT NULL") do
    local allowed, verdict = may[row[1]], row[2]
    if allowed and not allowed[verdict] then complain("round %d: %s is %s", round, row[1], verdict) end
    if allowed then
      local status, wanted = get("/a/" .. row[1]), verdict == "approved" and 200 or 410
      if status ~= wanted then complain("round %d: %s is %s and served as %d", round, row[1], verdict, status) end
    end
  end
end

--- Whatever is served was approved, judged or not.
local function check_served(round)
  for _, row in ipairs(rows "SELECT code, title FROM shares ORDER BY id DESC LIMIT 12") do
    local status = get("/s/" .. row[1])
    if status == 200 then
      local now = rows(("SELECT s.verdict, a.verdict, s.scan_id FROM shares s JOIN assets a ON a.id = s.asset_id "
        .. "WHERE s.code = '%s'"):format(row[1]))[1]
      if now[1] ~= "approved" or row[2] == "bad" or now[3] == "" then
        complain("round %d: %s (%s) is served, and %s", round, row[1], row[2], now[1])
      end
    end
  end
end

--- Counts are those of the rows, and the queue has what waits for people.
local function check_counts(round)
  for _, row in ipairs(rows([[SELECT kind, verdict, n FROM verdict_counts c WHERE n <> CASE kind
      WHEN 'asset' THEN (SELECT count(*) FROM assets WHERE verdict = c.verdict)
      ELSE (SELECT count(*) FROM shares WHERE verdict = c.verdict) END
    UNION ALL SELECT 'queue', a.id, a.verdict FROM assets a WHERE (a.verdict IN ('flagged', 'quarantined')) <>
      EXISTS (SELECT 1 FROM review_queue WHERE kind = 'asset' AND subject = a.id AND state <> 'pending')]])) do
    complain("round %d: counted are %s %s %s", round, row[1], row[2], row[3])
  end
end

note("try 0 approved")
for round = 1, kills do
  local seed = round * 7
  local pids = { child(seed, upload), child(seed + 1, upload), child(seed + 2, decide), child(seed + 3, look) }
  socket.sleep(0.05 + math.random() * 0.3)
  if round % 4 == 0 then
    for _, pid in ipairs(s:children "gifd%-worker") do posix.kill(pid, posix.SIGKILL) end
    socket.sleep(0.1)
  end
  s:kill()
  for _, pid in ipairs(pids) do posix.wait(pid) end
  s:begin()
  check_served(round)
  check_decisions(round)
  check_counts(round)
end

local ok = pcall(server.wait_until, "every verdict", function()
  return #rows "SELECT id FROM shares WHERE verdict = 'pending'" == 0
    and #rows "SELECT id FROM assets WHERE verdict = 'pending'" == 0
end, 20)
if not ok then complain "something was never judged" end
local count = 0
for _, row in ipairs(rows "SELECT s.code, s.title, a.verdict FROM shares s JOIN assets a ON a.id = s.asset_id") do
  local wanted = (row[2] == "bad" or row[3] == "rejected") and 410 or 200
  count = count + 1
  local status = get("/s/" .. row[1])
  if status ~= wanted then complain("%s (%s, asset %s) is served as %d", row[1], row[2], row[3], status) end
end
local decisions = rows "SELECT count(*) FROM decisions WHERE actor <> 'judges'"[1][1]
print(("%d kills, %d shares, %s decisions of people: %d wrong"):format(kills, count, decisions, wrong))
s:stop()
os.exit(wrong == 0 and 0 or 1)
