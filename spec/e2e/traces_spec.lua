-- What preview programs ask for, beside what browsers do, replayed against the real program: who is taken for whom once
-- it has settled, and that totals and clicks follow.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"
local traces = require "traces"

describe("traces of visits", function()
  local s, admin
  setup(function()
    s = server.start { workers = 2, config = 'return { events = { settle = "500ms" } }' }
    admin = s:token "admin"
  end)
  teardown(function() s:stop() end)

  local function replay(trace, made)
    local pages = 0
    for i = 1, trace[3] do
      for _, r in ipairs(trace[4]) do
        local method, what, agent = r[1], r[2], r[3]:gsub("%%d", i)
        local page = what == "page"
        local headers = { ["user-agent"] = agent }
        for name, value in pairs(r[4] or {}) do headers[name] = value end
        if not page then headers.Referer = made.share.short_url end
        local path = page and "/s/" .. made.share.code or "/a/" .. made.asset.id .. what .. "?s=" .. made.share.code
        local status = s:request({ method, path, headers = headers }).status
        assert.is_true(status == 200 or status == 206, path .. " " .. status)
        if page then pages = pages + 1 end
      end
    end
    return pages
  end

  it("end with programs told from people", function()
    local made, pages = {}, {}
    local asset = s:upload(pictures.gif { frames = 3 }, admin, nil, { Prefer = "wait=20" }).json.asset
    for i, trace in ipairs(traces) do
      local share = s:request({ "POST", "/api/v1/shares", token = admin, json = { asset_id = asset.id } }).json
      made[i] = { asset = asset, share = share }
      pages[i] = replay(trace, made[i])
    end
    local function told(i)
      return s:request({ "GET", "/api/v1/shares/" .. made[i].share.code .. "/metrics?reasons=1", token = admin }).json
    end
    local function machines(i)
      local by = told(i).by_verdict
      return (by.preview and by.preview.clicks or 0) + (by.bot and by.bot.clicks or 0)
    end
    server.wait_until("what looks like people at first", function()
      for i, trace in ipairs(traces) do
        if machines(i) ~= (trace[2] == "preview" and pages[i] or 0) then return false end
      end
      return true
    end)
    local right, wrong, missed = 0, 0, 0
    for i, trace in ipairs(traces) do
      local found = machines(i)
      if trace[2] == "preview" then right, missed = right + found, missed + pages[i] - found
      else wrong = wrong + found end
      local share = s:request({ "GET", "/api/v1/shares/" .. made[i].share.code, token = admin }).json
      assert.equal(pages[i] - found, share.clicks, trace[1])
      assert.equal(share.clicks, told(i).clicks)
    end
    io.write(("\ntraces, %d: precision %.3f, recall %.3f\n"):format(#traces, right / (right + wrong),
      right / (right + missed)))
    assert.equal(0, (s:ask("stats", "verify")))
    local _, again = s:ask("stats", "reclassify", "--json") -- what happened stays what it was
    assert.equal(0, again.events)
  end)
end)
