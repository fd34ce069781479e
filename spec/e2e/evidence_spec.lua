-- People and machines: visits as browsers, preview programs, crawlers and tools make them, replayed against the real
-- program: what is counted, why, and how well they are told apart, beside npm's isbot on the same User-Agents.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local evidence = require "gifd.flow.evidence"
local kinds = require "gifd.model.event_kinds"
local pictures = require "pictures"
local rules = require "gifd.flow.evidence_rules"
local server = require "server"

-- A line each: who (person, preview, bot, tool), and the User-Agent.
local function read(path)
  local out = {}
  for line in io.lines(path) do out[#out + 1] = { line:match("^(%a+) (.*)$") } end
  return out
end
local agents = read "spec/support/agents.txt" -- the rules were written with these in mind
local unseen = read "spec/support/agents_unseen.txt" -- collected afterwards: no rule was changed for them

-- What they count as: of tools nobody knows whether a person is behind them.
local verdicts = { person = "unknown", preview = "preview", bot = "bot", tool = "unknown" }

--- Of programs among people (tools aside): how many that were found are some, how many that are some were found
local function rates(list, found)
  local right, wrong, missed = 0, 0, 0
  for i, agent in ipairs(list) do
    local machine = agent[1] == "preview" or agent[1] == "bot"
    if machine and found[i] then right = right + 1 elseif machine then missed = missed + 1
    elseif found[i] and agent[1] == "person" then wrong = wrong + 1 end
  end
  return right / (right + wrong), right / (right + missed)
end

local function isbot(of)
  local list = {}
  for i, agent in ipairs(of) do list[i] = agent[2] end
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(cjson.encode(list))
  file:close()
  local pipe = io.popen(("cd spec/browser && node --input-type=module -e 'import { isbot } from \"isbot\"; "
    .. "import { readFileSync } from \"node:fs\"; console.log(JSON.stringify(JSON.parse(readFileSync(\"%s\"))"
    .. ".map((a) => isbot(a))))' 2>/dev/null"):format(name))
  local out = pipe:read "*a"
  pipe:close()
  os.remove(name)
  return out ~= "" and cjson.decode(out) or nil
end

describe("evidence", function()
  it("has classes as many as a key of the tally holds, and reasons with numbers of their own", function()
    assert.is_true(#rules.programs <= 31)
    local seen = {}
    for _, rule in ipairs(rules.programs) do
      assert.is_true(#rule[5] >= 1 and #rule[5] <= 8)
      assert.is_true(rule[3] == "preview" or rule[3] == "bot") -- clicks and views of rows are class 0's
      assert.is_nil(seen[rule[1]])
      seen[rule[1]] = true
      assert.equal(rule[2], kinds.reason_name(rule[1]))
    end
  end)

  it("knows the programs that it was written for", function()
    for _, agent in ipairs(agents) do
      local verdict = evidence.judge("GET", { ["user-agent"] = agent[2] })
      assert.equal(verdicts[agent[1]], kinds.verdicts[verdict], agent[2])
    end
  end)

  --- Prints and gives back precision and recall, ours and isbot's.
  local function compared(name, list)
    local found = {}
    for i, agent in ipairs(list) do
      local verdict = evidence.judge("GET", { ["user-agent"] = agent[2] })
      found[i] = verdict == kinds.PREVIEW or verdict == kinds.verdict_numbers.bot
    end
    local precision, recall = rates(list, found)
    io.write(("\n%s, %d agents: precision %.3f, recall %.3f"):format(name, #list, precision, recall))
    local theirs = isbot(list)
    if theirs then io.write(("; isbot %.3f, %.3f"):format(rates(list, theirs))) end
    io.write "\n"
    return precision, recall
  end

  it("takes no browser for a program, and most programs that it was not written for as such", function()
    compared("known", agents)
    local precision, recall = compared("unseen", unseen)
    assert.equal(1, precision)
    assert.is_true(recall >= 0.6)
  end)

  it("takes HEAD and what is fetched ahead for no person, and names tools without holding them for bots", function()
    local browser = agents[1][2]
    local function judge(method, headers)
      local verdict, platform, reason = evidence.judge(method, headers)
      return { kinds.verdicts[verdict], platform, kinds.reason_name(reason) }
    end
    assert.same({ "unknown", "web", "nothing" }, judge("GET", { ["user-agent"] = browser }))
    assert.same({ "preview", "other", "HEAD" }, judge("HEAD", { ["user-agent"] = browser }))
    local ahead = { ["user-agent"] = browser, ["sec-purpose"] = "prefetch;prerender" }
    assert.same({ "preview", "other", "fetched ahead" }, judge("GET", ahead))
    assert.same({ "unknown", "other", "library" }, judge("GET", { ["user-agent"] = "curl/8.5.0" }))
    assert.same({ "unknown", "other", "no user agent" }, judge("GET", {}))
    assert.same({ "bot", "other", "spider" }, judge("GET", { ["user-agent"] = "a spider" }))
  end)

  it("counts visits of the real program as it judges them, with the reason of each", function()
    local s = server.start { workers = 2 }
    finally(function() s:stop() end)
    local admin = s:token "admin"
    local share = s:upload(pictures.gif(), admin).json.share
    local want, total = { unknown = 0, preview = 0, bot = 0 }, 0
    for _, agent in ipairs(agents) do
      for _ = 1, 2 do -- made by Lua, or kept and given by C
        assert.equal(200, s:request({ "GET", "/s/" .. share.code, headers = { ["user-agent"] = agent[2] } }).status)
        want[verdicts[agent[1]]] = want[verdicts[agent[1]]] + 1
        total = total + 1
      end
    end
    local told
    server.wait_until("all of them", function()
      told = s:request({ "GET", "/api/v1/shares/" .. share.code .. "/metrics?reasons=1", token = admin }).json
      local sum = 0
      for _, by in pairs(told.by_verdict) do sum = sum + by.clicks end
      return sum == total
    end)
    for verdict, n in pairs(want) do assert.equal(n, told.by_verdict[verdict].clicks, verdict) end
    assert.equal(want.unknown, told.clicks)
    local reasons = {}
    for _, by in ipairs(told.by_reason) do reasons[by.reason] = by.clicks end
    assert.equal(2, reasons.Discordbot)
    assert.equal(6, reasons.spider)
  end)

  it("judges again what was counted by rules that have changed since", function()
    local s = server.start()
    finally(function() s:stop() end)
    local admin = s:token "admin"
    local share = s:upload(pictures.gif(), admin).json.share
    local function clicks()
      return s:request({ "GET", "/api/v1/shares/" .. share.code .. "/metrics", token = admin }).json.by_verdict
    end
    for _, agent in ipairs { "Discordbot/2.0", "Discordbot/2.0", "a crawler", "Mozilla/5.0" } do
      s:request { "GET", "/s/" .. share.code, headers = { ["user-agent"] = agent } }
    end
    server.wait_until("rows of the visits", function()
      local pipe = io.popen(("sqlite3 -readonly -cmd '.timeout 5000' %s/catalogue.db 'SELECT sum(n) FROM hit_rows'")
        :format(s.data))
      local n = tonumber(pipe:read "*l" or "")
      pipe:close()
      return n == 4
    end)
    -- as if a rule had once said that Discord's program is a bot
    os.execute(("sqlite3 -cmd '.timeout 5000' %s/catalogue.db 'UPDATE hit_rows SET kind = (kind & ~61440) | 12288 "
      .. "WHERE (kind >> 16) & 65535 = 16'"):format(s.data))
    assert.equal(0, (s:ask("stats", "verify", "--mend")))
    assert.equal(3, clicks().bot.clicks)
    local _, said = s:ask("stats", "reclassify", "--dry-run", "--json")
    assert.equal(2, said.events)
    assert.equal(3, clicks().bot.clicks)
    local exit, _, err = s:ask("stats", "reclassify")
    assert.equal(0, exit, err)
    local by = clicks()
    assert.same({ 2, 1, 1 }, { by.preview.clicks, by.bot.clicks, by.unknown.clicks })
    assert.equal(1, s:request({ "GET", "/api/v1/shares/" .. share.code, token = admin }).json.clicks)
    assert.equal(0, (s:ask("stats", "verify")))
    _, said = s:ask("stats", "reclassify", "--json")
    assert.equal(0, said.events)
  end)
end)
