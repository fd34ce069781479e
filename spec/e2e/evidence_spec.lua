-- People and machines: visits as browsers, preview programs, crawlers and tools make them, replayed against the real
-- program: what is counted, why, and how well they are told apart, beside npm's isbot on the same User-Agents.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local evidence = require "gifd.flow.evidence"
local kinds = require "gifd.model.event_kinds"
local pictures = require "pictures"
local rules = require "gifd.flow.evidence_rules"
local server = require "server"

-- A line each: who (person, preview, bot; tool: what scripts fetch with, app: what apps do), and the User-Agent.
local function read(path)
  local out = {}
  for line in io.lines(path) do out[#out + 1] = { line:match("^(%a+) (.*)$") } end
  return out
end
local agents = read "spec/support/agents.txt" -- the rules were written with these in mind
local earlier = read "spec/support/agents_earlier.txt" -- collected afterwards, and looked at when rules were widened
local unseen = read "spec/support/agents_unseen.txt" -- collected after that: no rule was changed for them

local people = read "spec/support/agents_people.txt" -- webviews, consoles, televisions, telephones, old browsers

local verdicts = { person = "unknown", preview = "preview", bot = "bot", tool = "unknown", app = "unknown" }

--- Of programs among people (tools and apps aside): how many that were found are some, and of those that are some,
-- how many were found
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
    compared("earlier", earlier)
    local precision, recall = compared("unseen", unseen)
    assert.equal(1, precision)
    assert.is_true(recall >= 0.85)
    for _, agent in ipairs(people) do
      local verdict, _, reason = evidence.judge("GET", { ["user-agent"] = agent[2] })
      assert.equal("unknown", kinds.verdicts[verdict], kinds.reason_name(reason) .. ": " .. agent[2])
    end
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
    assert.same({ "preview", "other", "HEAD" }, judge("HEAD", { ["user-agent"] = "curl/8.5.0" }))
    assert.same({ "unknown", "other", "an app's client" }, judge("GET", { ["user-agent"] = "okhttp/4.12.0" }))
    assert.same({ "unknown", "web", "no user agent" }, judge("GET", {}))
    assert.same({ "bot", "other", "spider" }, judge("GET", { ["user-agent"] = "a spider" }))
  end)

  describe("of the real program", function()
    local s, admin
    setup(function()
      s = server.start { workers = 2, config = server.unsettled }
      admin = s:token "admin"
    end)
    teardown(function() s:stop() end)

    local function new(query) return s:upload(pictures.gif(), admin, query).json end
    local function told(code)
      return s:request({ "GET", "/api/v1/shares/" .. code .. "/metrics?reasons=1", token = admin }).json
    end
    local function reasons(code, name)
      local out = {}
      for _, by in ipairs(told(code).by_reason) do
        if by[name] > 0 then out[by.verdict .. ": " .. by.reason] = by[name] end
      end
      return out
    end
    --- Twice each, so that one is made by Lua and one is kept and given by C
    local function ask(method, path, headers)
      for _ = 1, 2 do assert.equal(200, s:request({ method, path, headers = headers }).status) end
    end
    local function sql(text)
      local pipe = io.popen(("sqlite3 -cmd '.timeout 5000' %s/catalogue.db \"%s\""):format(s.data, text))
      local out = pipe:read "*l"
      pipe:close()
      return out
    end
    local function rows_written(code, n)
      server.wait_until("rows", function()
        return sql("SELECT sum(n) FROM hit_rows WHERE part = (SELECT id FROM shares WHERE code = '" .. code .. "')")
          == tostring(n)
      end)
    end

    it("are counted as they are judged, with the reason of each", function()
      local share = new().share
      local want, total = { unknown = 0, preview = 0, bot = 0 }, 0
      for _, agent in ipairs(agents) do
        ask("GET", "/s/" .. share.code, { ["user-agent"] = agent[2] })
        want[verdicts[agent[1]]] = want[verdicts[agent[1]]] + 2
        total = total + 2
      end
      local found
      server.wait_until("all of them", function()
        found = told(share.code)
        local sum = 0
        for _, by in pairs(found.by_verdict) do sum = sum + by.clicks end
        return sum == total
      end)
      for verdict, n in pairs(want) do assert.equal(n, found.by_verdict[verdict].clicks, verdict) end
      assert.equal(want.unknown, found.clicks)
      local by = reasons(share.code, "clicks")
      assert.equal(2, by["preview: Discordbot"])
      assert.equal(6, by["bot: spider"])
    end)

    it("have a reason whatever it is: of the client, of HEAD, of what is fetched ahead", function()
      local share = new().share
      local page, browser = "/s/" .. share.code, agents[1][2]
      ask("GET", page, { ["user-agent"] = browser })
      ask("GET", page, { ["user-agent"] = browser, ["Sec-Purpose"] = "prefetch" })
      ask("GET", page, { ["user-agent"] = "curl/8.5.0" })
      ask("GET", page, { ["user-agent"] = "okhttp/4.12.0" })
      ask("GET", page, { ["user-agent"] = "" })
      ask("GET", page, { ["user-agent"] = browser:gsub("Chrome", "HeadlessChrome") })
      ask("HEAD", page, { ["user-agent"] = browser })
      ask("GET", page .. ".gif", { ["user-agent"] = "python-requests/2.32.3" })
      local want = { ["unknown: nothing"] = 2, ["preview: fetched ahead"] = 2, ["unknown: library"] = 2,
        ["unknown: an app's client"] = 2, ["unknown: no user agent"] = 2, ["unknown: headless browser"] = 2,
        ["preview: HEAD"] = 2 }
      assert.same(want, reasons(share.code, "clicks")) -- at once, and when it is in rows
      assert.same({ ["unknown: library"] = 2 }, reasons(share.code, "views"))
      rows_written(share.code, 16)
      assert.same(want, reasons(share.code, "clicks"))
      assert.equal(10, s:request({ "GET", "/api/v1/shares/" .. share.code, token = admin }).json.clicks)
    end)

    it("of media are views of the share whose page they came from", function()
      local made, other = new(), new()
      local path, browser = "/a/" .. made.asset.id .. ".gif", agents[1][2]
      local function page(code)
        return { ["user-agent"] = browser, Referer = s.url .. "/s/" .. code .. "?via=slack" }
      end
      ask("GET", path, page(made.share.code))
      ask("GET", path .. "?s=" .. made.share.code, page(made.share.code)) -- once, not twice
      ask("GET", path, page(other.share.code)) -- the page of another asset
      ask("GET", path, { ["user-agent"] = browser, Referer = "https://elsewhere.example/s/" .. made.share.code })
      server.wait_until("views of the share", function() return told(made.share.code).views == 4 end)
      assert.equal(8, s:request({ "GET", "/api/v1/assets/" .. made.asset.id, token = admin }).json.views)
      assert.equal(0, told(other.share.code).views)
      assert.equal("0", sql("SELECT count(*) FROM askers WHERE text LIKE '%/s/%'")) -- no path is kept
    end)

    it("use up no visit of a limited link when they are a program's", function()
      local share = new("max_visits=1").share
      local page, browser = "/s/" .. share.code, agents[1][2]
      ask("GET", page, { ["user-agent"] = browser, ["Sec-Purpose"] = "prefetch;prerender" })
      ask("HEAD", page, { ["user-agent"] = browser })
      ask("GET", page, { ["user-agent"] = "Unfurler/1.0" })
      assert.equal(200, s:request({ "GET", page, headers = { ["user-agent"] = browser } }).status)
      assert.equal(410, s:request({ "GET", page, headers = { ["user-agent"] = browser } }).status)
      assert.same({ ["unknown: nothing"] = 1, ["preview: fetched ahead"] = 2, ["preview: HEAD"] = 2,
        ["preview: previews"] = 2 }, reasons(share.code, "clicks"))
    end)

    it("are judged again by rules that have changed since, by what their askers said", function()
      local share = new().share
      local page = "/s/" .. share.code
      local seer = "Mozilla/5.0 (Nameless; Thing) Seer/1.0"
      for _, agent in ipairs { "Discordbot/2.0", "a crawler", seer, agents[1][2] } do
        ask("GET", page, { ["user-agent"] = agent })
      end
      rows_written(share.code, 8)
      assert.equal(4, told(share.code).clicks)
      -- as if a rule had once taken Discord's program for a bot, and as if one of now had the name of Seer
      local id = sql "SELECT id FROM askers WHERE text LIKE '%Seer%'"
      sql "UPDATE hit_rows SET kind = (kind & ~61440) | 12288 WHERE (kind >> 16) & 65535 = 16"
      sql "UPDATE askers SET text = replace(text, 'Seer', 'SeerBot') WHERE text LIKE '%Seer%'"
      assert.equal(0, (s:ask("stats", "verify", "--mend")))
      assert.is_truthy(tonumber(id))
      local before = told(share.code).by_verdict
      assert.same({ 4, 4 }, { before.bot.clicks, before.unknown.clicks })
      local _, said = s:ask("stats", "reclassify", "--since", "2100-01-01T00:00:00Z", "--json")
      assert.equal(0, said.events)
      _, said = s:ask("stats", "reclassify", "--dry-run", "--json")
      assert.is_true(said.events >= 4)
      assert.same(before, told(share.code).by_verdict)
      local exit, _, err = s:ask("stats", "reclassify")
      assert.equal(0, exit, err)
      local now = told(share.code)
      assert.same({ 2, 4, 2 },
        { now.by_verdict.preview.clicks, now.by_verdict.bot.clicks, now.by_verdict.unknown.clicks })
      assert.equal(2, now.clicks)
      assert.equal(2, s:request({ "GET", "/api/v1/shares/" .. share.code, token = admin }).json.clicks)
      assert.equal(0, (s:ask("stats", "verify")))
      _, said = s:ask("stats", "reclassify", "--json")
      assert.equal(0, said.events)
    end)
  end)
end)
