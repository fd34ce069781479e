-- What waits for reviewers, who is at it, what they decide together, numbers of it, and what owners say against it.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local scenes = require "scenes"
local server = require "server"
local socket = require "socket"

local s, owner, ann, bob, admin, number = nil, nil, nil, nil, nil, 0

local function get(path, token) return s:request { "GET", path, token = token or ann } end
local function post(path, json, token) return s:request { "POST", path, token = token or ann, json = json or {} } end

--- An upload -> asset id, code; its words and its picture are flagged or rejected by what the title says.
local function upload(title, token, seed)
  number = number + 1
  local made = s:upload(pictures.gif { frames = 2, width = 30 + number, height = 20 + (seed or 0) }, token or owner,
    "title=" .. title)
  assert.equal(201, made.status, made.body)
  return made.json.asset.id, made.json.share.code
end

local function path(kind, id, verb)
  return ("/api/v1/moderation/%s/%s%s"):format(kind, id, verb and "/" .. verb or "")
end
local function review(kind, id, fields, token) return post(path(kind, id, "reviews"), fields, token) end
local function claim(kind, id, token) return post(path(kind, id, "claim"), nil, token) end

local function queue(query, token) return get("/api/v1/moderation/queue" .. (query or ""), token).json end

--- All items, page by page.
local function all(query, size)
  local out, cursor = {}, nil
  repeat
    local reply = queue(("?limit=%d%s%s"):format(size or 50, query or "", cursor and "&cursor=" .. cursor or ""))
    for _, item in ipairs(reply.items) do out[#out + 1] = item end
    cursor = reply.next ~= cjson.null and reply.next or nil
  until not cursor
  return out
end

local function place(id)
  for i, item in ipairs(all()) do if item.id == id then return item, i end end
end

local function start(config)
  s = server.start { workers = 2, config = config or [[return { unseen = "approved",
    moderation = { lease = "3s" }, plugins = { ["moderation-words"] = { rules =
    "[spam flagged 0.5]\ncasino\n[hate_speech flagged 0.9]\nvermin\n[nsfw flagged 0.7]\nnaked\n"
      .. "[nsfw rejected 0.95]\nlewd" } } }]] }
  owner, ann, bob = s:token("upload", "owner"), s:token("moderate", "ann"), s:token("moderate", "bob")
  admin = s:token "admin"
end

describe("the queue of reviewers", function()
  setup(function() start() end)
  teardown(function() s:stop() end)

  it("has what waits, the worst first, then the oldest; in pages, by kind, category and state", function()
    local codes = {}
    for i, title in ipairs { "a+casino", "a+vermin", "so+naked", "b+casino", "b+vermin", "a+cat" } do
      local _, code = upload(title)
      codes[i] = code
    end
    local order = {}
    for i, item in ipairs(all()) do order[i] = item.id end
    assert.same({ codes[2], codes[5], codes[3], codes[1], codes[4] }, order)
    for size = 1, 4 do
      local paged = {}
      for i, item in ipairs(all("", size)) do paged[i] = item.id end
      assert.same(order, paged)
    end
    assert.equal(2, #all "&category=hate_speech")
    assert.equal(5, #all "&kind=share&state=flagged")
    assert.equal(0, #all "&kind=asset")
    assert.equal(0, #all "&state=quarantined")
    local first = queue("?limit=1").items[1]
    assert.same({ "share", "flagged", "hate_speech", cjson.null }, { first.kind, first.state, first.category,
      first.claim })
    assert.is_true(first.risk > queue("?category=spam").items[1].risk)
    for _, bad in ipairs { "?kind=picture", "?category=rude", "?state=approved", "?cursor=x", "?limit=0", "?sort=1" } do
      local reply = get("/api/v1/moderation/queue" .. bad)
      assert.equal(422, reply.status, bad)
      assert.equal("/" .. bad:match("%?(%w+)"), reply.json.errors[1].pointer)
    end
  end)

  it("is left by what was decided, and come back to by what was undone", function()
    local _, code = upload "one+casino"
    assert.is_table(place(code))
    assert.equal(200, review("share", code, { decision = "approved" }).status)
    assert.is_nil(place(code))
    assert.equal(200, post(path("share", code, "undo")).status)
    assert.equal("flagged", place(code).state)
    assert.equal(200, review("share", code, { decision = "quarantined" }).status)
    assert.is_nil(place(code))
    assert.equal(code, queue("?state=quarantined").items[1].id)
    assert.equal(200, review("share", code, { decision = "rejected", reason = "ads" }).status)
    assert.equal(0, #queue("?state=quarantined").items)
  end)

  it("forgets what its owner changed or removed", function()
    local _, code = upload "two+casino"
    s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "two cats" } }
    assert.is_nil(place(code))
    s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "two casinos casino" } }
    assert.is_table(place(code))
    s:request { "DELETE", "/api/v1/shares/" .. code, token = owner }
    assert.is_nil(place(code))
    assert.equal(404, claim("share", code).status)
  end)

  it("gives a thing to one person at a time, for the lease", function()
    local _, code = upload "three+casino"
    local mine = claim("share", code)
    assert.equal(200, mine.status, mine.body)
    assert.equal("ann", mine.json.claim.by)
    assert.equal("ann", place(code).claim.by)
    assert.equal(409, claim("share", code, bob).status)
    assert.equal(409, review("share", code, { decision = "approved" }, bob).status)
    assert.equal(409, s:request({ "DELETE", path("share", code, "claim"), token = bob }).status)
    assert.equal(mine.json.claim.id, claim("share", code).json.claim.id)
    assert.equal(204, s:request({ "DELETE", path("share", code, "claim"), token = ann }).status)
    assert.equal(200, claim("share", code, bob).status)
    server.wait_until("the lease to end", function() return claim("share", code).status == 200 end)
    assert.equal(409, review("share", code, { decision = "approved" }, bob).status)
    assert.equal(200, review("share", code, { decision = "approved" }).status)
    assert.equal(409, claim("share", code).status)
  end)

  it("takes each token for somebody, also of one account", function()
    local _, code = upload "again+casino"
    assert.equal(200, claim("share", code).status)
    assert.equal(409, claim("share", code, s:token("moderate", "ann")).status)
    assert.equal(200, review("share", code, { decision = "rejected", reason = "ads" }).status)
  end)

  it("refuses a stale claim", function()
    local _, code = upload "four+casino"
    local id = claim("share", code).json.claim.id
    assert.equal(409, review("share", code, { decision = "approved", claim = "0123456789abcdef" }).status)
    server.wait_until("the lease to end", function() return place(code).claim == cjson.null end)
    assert.equal(409, review("share", code, { decision = "approved", claim = id }).status)
    id = claim("share", code).json.claim.id
    assert.equal(200, review("share", code, { decision = "approved", claim = id }).status)
    assert.equal(409, review("share", code, { decision = "approved", claim = id }).status)
  end)

  it("of many who reach for a thing at once gives it to one", function()
    local _, code = upload "five+casino"
    local people, asked, got = {}, {}, 0
    for i = 1, 6 do people[i] = s:token("moderate", "person" .. i) end
    local host, port = s.url:match("^http://([^:]+):(%d+)$")
    for i, token in ipairs(people) do
      local c = assert(socket.connect(host, tonumber(port)))
      c:settimeout(5)
      c:send(("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n"):format(
        path("share", code, "claim"), token))
      asked[i] = c
    end
    for _, c in ipairs(asked) do
      local status = tonumber(c:receive("*l"):match("^HTTP/1.1 (%d+)"))
      assert.is_true(status == 200 or status == 409, status)
      got = got + (status == 200 and 1 or 0)
      c:close()
    end
    assert.equal(1, got)
  end)

  it("refuses a second review, unless what stands was seen", function()
    local _, code = upload "six+casino"
    local first = review("share", code, { decision = "rejected", reason = "ads" })
    assert.equal(409, review("share", code, { decision = "approved" }, bob).status)
    assert.equal(409, review("share", code, { decision = "rejected", reason = "ads" }, bob).status)
    assert.equal(200, review("share", code, { decision = "approved", based_on = first.json.scan_id }, bob).status)
    assert.equal(409, review("share", code, { decision = "approved", based_on = first.json.scan_id }, bob).status)
  end)

  it("puts first what was handed on, for somebody else", function()
    local _, code = upload "seven+casino"
    upload "eight+vermin"
    local reply = review("share", code, { decision = "escalated", notes = "I know them" })
    assert.same({ 200, "flagged", true }, { reply.status, reply.json.decision, reply.json.escalated })
    local item, at = place(code)
    assert.same({ 1, "escalated", "account:ann" }, { at, item.state, item.escalated_by })
    assert.equal(409, claim("share", code).status)
    assert.equal(409, review("share", code, { decision = "approved" }).status)
    assert.equal(200, claim("share", code, bob).status)
    assert.equal(200, review("share", code, { decision = "rejected", reason = "ads" }, bob).status)
  end)

  it("shows a thing with all that was said and decided", function()
    local id, code = upload "nine+casino"
    review("share", code, { decision = "rejected", reason = "ads", notes = "see 12" })
    local all_of = get(path("share", code)).json
    assert.equal("nine casino", all_of.share.title)
    assert.equal(id, all_of.asset.id)
    assert.same({ "rejected", "account:ann", "ads", "see 12" }, { all_of.decisions[1].decision,
      all_of.decisions[1].actor, all_of.decisions[1].policy, all_of.decisions[1].notes })
    assert.equal("judges", all_of.decisions[2].actor)
    assert.equal("moderation-words", all_of.moderation.metadata.ballots[1].judge)
    assert.same({ cjson.null, {} }, { all_of.queue, all_of.appeals })
    assert.equal(id, get(path("asset", id)).json.asset.id)
  end)

  it("answers what is not there, or not possible, plainly", function()
    local id, code = upload "ten+casino"
    for _, verb in ipairs { "claim", "reviews", "undo" } do
      for _, where in ipairs { { "share", "nosuchcode" }, { "asset", ("0"):rep(16) }, { "picture", id } } do
        assert.equal(404, post(path(where[1], where[2], verb), { decision = "approved" }).status, verb)
      end
    end
    for field, bad in pairs { decision = "maybe", reason = 7, category = "rude", legal = "yes", cluster = true,
      ban = true, claims = "x" } do
      local fields = { decision = "approved" }
      fields[field] = bad
      local reply = review("share", code, fields)
      assert.equal(422, reply.status, field)
      assert.equal("/" .. field, reply.json.errors[1].pointer)
    end
    assert.equal(409, claim("asset", id).status) -- approved
    assert.equal(400, s:request({ "POST", path("share", code, "reviews"), token = ann, body = "{" }).status)
  end)

  it("decides for all that is nearly the same picture", function()
    local base = {}
    for i, width in ipairs { 240, 232, 224 } do
      local made = s:upload(scenes.gif { seed = 5, width = width, height = width * 3 / 4, frames = 2 }, owner,
        "title=same", { Prefer = "wait=20" })
      base[i] = made.json.asset.id
    end
    server.wait_until("their hashes", function()
      local members = get(path("asset", base[1])).json.cluster
      return type(members) == "table" and #members >= 2
    end, 20)
    assert.equal(200, review("asset", base[2], { decision = "approved",
      based_on = get(path("asset", base[2])).json.moderation.scan_id }, bob).status)
    local reply = review("asset", base[1], { decision = "rejected", reason = "dup", category = "nsfw",
      cluster = true })
    assert.equal(200, reply.status, reply.body)
    local by_id = {}
    for _, m in ipairs(reply.json.cluster) do by_id[m.id] = m end
    assert.equal("rejected", by_id[base[3]].decision)
    assert.matches("account:bob has decided", by_id[base[2]].skipped)
    assert.equal(410, s:request({ "GET", "/a/" .. base[3] }).status)
    assert.equal(200, s:request({ "GET", "/a/" .. base[2] }).status)
    local code, undone, why = s:ask("moderate", "undo", base[1], "--cluster")
    assert.equal(0, code, why)
    assert.same({ "approved", base[3], "approved", 1 }, { undone.decision, undone.cluster[1].id,
      undone.cluster[1].decision, #undone.cluster })
    assert.equal(200, s:request({ "GET", "/a/" .. base[3] }).status)
    assert.equal("approved", get(path("asset", base[2])).json.moderation.decision)
    for _, m in ipairs(review("asset", base[1], { decision = "rejected", cluster = true }).json.cluster) do
      by_id[m.id] = m
    end
    assert.equal(200, review("asset", base[3], { decision = "quarantined",
      based_on = by_id[base[3]].scan_id }, bob).status)
    local back = post(path("asset", base[1], "undo"), { cluster = true }).json
    assert.equal("somebody has decided this meanwhile", back.cluster[1].skipped)
    assert.equal(422, post(path("share", select(2, upload "e+casino"), "undo"), { cluster = true }).status)
  end)
end)

describe("statistics", function()
  setup(function() start() end)
  teardown(function() s:stop() end)

  local function stats() return get("/api/v1/moderation/statistics").json end
  local function judge(name)
    for _, j in ipairs(stats().judges) do if j.judge == name then return j end end
  end

  it("add up, and follow every change", function()
    local codes = {}
    for i, title in ipairs { "a+cat", "a+casino", "a+lewd", "b+cat", "b+casino", "c+cat", "d+cat" } do
      local _, code = upload(title)
      codes[i] = code
    end
    local n = stats()
    assert.same({ 14, 11, 1, 2, 0 }, { n.total_scans, n.approved, n.rejected, n.flagged, n.pending })
    local function total(rates)
      return math.floor((rates.approved + rates.rejected + rates.flagged + rates.pending) * 100 + 0.5) / 100
    end
    assert.equal(100, total(n.rates))
    assert.equal(100, total(n.by_kind.share.rates))
    assert.equal(7, n.by_kind.asset.approved)
    review("share", codes[2], { decision = "approved" })
    review("share", codes[3], { decision = "quarantined" })
    s:request { "DELETE", "/api/v1/shares/" .. codes[7], token = owner }
    n = stats()
    assert.same({ 13, 11, 0, 2, 1 }, { n.total_scans, n.approved, n.rejected, n.flagged, n.quarantined })
  end)

  it("say how often people agree with each judge, and take back what was undone", function()
    local _, good = upload "z+lewd"
    local _, wrong = upload "y+lewd"
    local before = judge "moderation-words"
    review("share", wrong, { decision = "approved" })
    local standing = get(path("share", good)).json.moderation.scan_id
    review("share", good, { decision = "rejected", reason = "lewd", based_on = standing })
    local after = judge "moderation-words"
    assert.same({ before.compared + 2, before.agreed + 1 }, { after.compared, after.agreed })
    assert.is_number(after.agreement)
    post(path("share", wrong, "undo"))
    after = judge "moderation-words"
    assert.same({ before.compared + 1, before.agreed + 1 }, { after.compared, after.agreed })
  end)
end)

describe("the stream of the queue", function()
  setup(function() start() end)
  teardown(function() s:stop() end)

  it("tells of what comes, is claimed and is decided, also by the command line", function()
    local host, port = s.url:match("^http://(.*):(%d+)$")
    local c = assert(socket.connect(host, tonumber(port)))
    c:settimeout(15)
    c:send("GET /api/v1/moderation/queue/events HTTP/1.0\r\nAuthorization: Bearer " .. ann .. "\r\n\r\n")
    assert.matches("200", c:receive "*l")
    local function awaited(event, code)
      local name
      while true do
        local line = assert(c:receive "*l")
        name = line:match("^event: (.*)$") or name
        local data = line:match("^data: (.*)$")
        data = data and cjson.decode(data)
        if data and name == event and (not code or data.id == code) then return data end
      end
    end
    assert.is_number(awaited("statistics").total_scans)
    local _, code = upload "a+casino"
    local told = awaited("decision", code)
    assert.same({ "share", "pending", "flagged", "spam" }, { told.kind, told.was, told.decision, told.category })
    claim("share", code)
    assert.equal("ann", awaited("claim", code).claim.by)
    review("share", code, { decision = "rejected", reason = "ads" })
    told = awaited("decision", code)
    assert.same({ "rejected", "account:ann" }, { told.decision, told.by })
    assert.equal(0, (s:ask("moderate", "undo", code)))
    told = awaited("decision", code)
    assert.same({ "rejected", "flagged", "system" }, { told.was, told.decision, told.by })
    c:close()
  end)
end)

describe("an appeal", function()
  setup(function() start() end)
  teardown(function() s:stop() end)

  local function link(code, token)
    local reply = s:request { "GET", "/s/" .. code, token = token }
    local href = reply.body:match('href="(/appeals/[^"]+)"')
    return href and href:gsub("&amp;", "&"), reply.status
  end
  local function send(href, text, headers)
    return s:request { "POST", href, body = "text=" .. text,
      headers = headers or { ["Content-Type"] = "application/x-www-form-urlencoded" } }
  end
  local function appeals(state) return get("/api/v1/moderation/appeals?state=" .. (state or "open")).json.items end

  it("is made once, by the signed link of the page that says no, and is upheld", function()
    local id, code = upload "fine"
    review("asset", id, { decision = "rejected", reason = "adult", category = "nsfw" })
    local href, status = link(code)
    assert.equal(410, status)
    assert.matches("signature=", href)
    local page = s:request { "GET", href }
    assert.equal(200, page.status)
    assert.matches("<textarea", page.body)
    assert.equal("no-store", page.headers["cache-control"])
    assert.not_matches("adult", page.body)
    assert.equal(422, send(href, "+").status)
    assert.equal(422, send(href, ("x"):rep(4001)).status)
    assert.equal(201, send(href, "It+is+my+cat+%26+a+dog%C3%A9").status)
    assert.equal(409, send(href, "again").status)
    assert.matches("was sent", s:request({ "GET", href }).body)
    local open = appeals()
    assert.same({ 1, "It is my cat & a dogé", code, "asset" }, { #open, open[1].text, open[1].code, open[1].kind })
    local item = queue("?state=appealed").items[1]
    assert.equal(id, item.id)
    assert.equal("It is my cat & a dogé", get(path("asset", id)).json.appeals[1].text)
    local closed = post("/api/v1/moderation/appeals/" .. open[1].id, { decision = "upheld", notes = "no" })
    assert.same({ 200, "upheld", "account:ann" }, { closed.status, closed.json.state, closed.json.closed_by })
    assert.equal(409, post("/api/v1/moderation/appeals/" .. open[1].id, { decision = "overturned" }).status)
    assert.same({}, queue("?state=appealed").items)
    assert.equal(410, select(2, link(code)))
    assert.matches("decision stands", s:request({ "GET", href }).body)
  end)

  it("that is overturned shows the thing again, with entries in the audit log", function()
    local _, code = upload "a+lewd"
    local href = link(code, owner)
    assert.equal(201, s:request({ "POST", href, json = { text = "it is a word of art" } }).status)
    local p = appeals()[1]
    assert.equal("share", p.kind)
    assert.equal(200, post("/api/v1/moderation/appeals/" .. p.id, { decision = "overturned" }).status)
    assert.equal(200, s:request({ "GET", "/s/" .. code }).status)
    assert.equal(p.id, appeals("overturned")[1].id)
    local seen = {}
    for _, entry in ipairs(get("/api/v1/audit?limit=20", admin).json.items) do seen[entry.type] = entry.actor end
    assert.equal("anybody", seen["appeal.create"])
    assert.equal("account:ann", seen["appeal.overturn"])
    assert.equal("account:ann", seen["share.decision"])
  end)

  it("is closed by whatever a person decides meanwhile", function()
    local _, code = upload "b+lewd"
    send(link(code), "why")
    assert.equal(200, review("share", code, { decision = "rejected", reason = "again" }).status)
    assert.equal(code, appeals("upheld")[#appeals("upheld")].code)
    local _, other = upload "c+lewd"
    send(link(other), "why")
    assert.equal(200, review("share", other, { decision = "approved" }).status)
    assert.same({}, appeals())
  end)

  it("waits on while judges say the same again", function()
    local _, code = upload "e+lewd"
    send(link(code), "why")
    s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "f lewd" } }
    local item = queue("?state=appealed").items[1]
    assert.same({ code, 1 }, { item.id, #appeals() })
    s:request { "PATCH", "/api/v1/shares/" .. code, token = owner, json = { title = "f cat" } }
    assert.same({ {}, {} }, { queue("?state=appealed").items, appeals() })
  end)

  it("needs its link or its owner, and something that was refused", function()
    local _, code = upload "d+lewd"
    local href = link(code)
    assert.equal(404, s:request({ "GET", "/appeals/" .. code }).status)
    assert.equal(404, s:request({ "POST", "/appeals/" .. code, json = { text = "x" } }).status)
    assert.equal(404, s:request({ "POST", "/appeals/" .. code, json = { text = "x" },
      token = s:token("upload", "other") }).status)
    assert.equal(403, s:request({ "POST", (href:gsub(code, "another0")), json = { text = "x" } }).status)
    assert.equal(403, s:request({ "POST", (href:gsub("signature=.", "signature=_")), json = { text = "x" } }).status)
    assert.equal(201, s:request({ "POST", "/appeals/" .. code, json = { text = "x" }, token = owner }).status)
    local _, fine = upload "fine"
    assert.is_nil(link(fine, owner))
    assert.equal(409, s:request({ "POST", "/appeals/" .. fine, json = { text = "x" }, token = owner }).status)
    local _, flagged = upload "a+casino"
    assert.is_nil(link(flagged))
    assert.equal(404, post("/api/v1/moderation/appeals/999", { decision = "upheld" }).status)
    assert.equal(422, post("/api/v1/moderation/appeals/" .. appeals()[1].id, { decision = "maybe" }).status)
    assert.equal(403, s:request({ "GET", "/api/v1/moderation/appeals", token = owner }).status)
  end)
end)

describe("gifd moderate", function()
  setup(function() start() end)
  teardown(function() s:stop() end)

  local function lines(...)
    local words = { "moderate", ... }
    for _, word in ipairs { "--data", s.data, "--json" } do words[#words + 1] = word end
    local code, out, err = server.command(unpack(words))
    local found = {}
    for line in out:gmatch("[^\n]+") do found[#found + 1] = cjson.decode(line) end
    return code, found, err
  end

  it("lists, shows and decides beside a running server, which serves so within 100 ms", function()
    local id, code = upload "a+casino"
    upload "a+vermin"
    local exit, items = lines "queue"
    assert.same({ 0, 2, "hate_speech", code }, { exit, #items, items[1].category, items[2].id })
    exit, items = lines("queue", "--category", "spam", "--limit", "1")
    assert.same({ 0, 1, code }, { exit, #items, items[1].id })
    exit, items = lines("show", code)
    assert.same({ 0, "flagged", "a casino", "moderation-words" }, { exit, items[1].moderation.decision,
      items[1].share.title, items[1].moderation.metadata.ballots[1].judge })
    exit, items = lines("approve", code)
    assert.same({ 0, "approved", code }, { exit, items[1].decision, items[1].id })
    assert.equal(200, get("/s/" .. code).status)
    assert.equal(6, (lines("approve", code)))
    for _ = 1, 3 do assert.equal(200, s:request({ "GET", "/a/" .. id }).status) end
    local reject, _, why = lines("reject", "asset", id, "--reason", "ads", "--category", "spam", "--based-on",
      get(path("asset", id)).json.moderation.scan_id)
    assert.equal(0, reject, why)
    local began = socket.gettime()
    for _ = 1, 12 do
      assert.equal(410, s:request({ "GET", "/a/" .. id }).status)
      assert.equal(410, s:request({ "GET", "/s/" .. code }).status)
    end
    assert.is_true(socket.gettime() - began < 5)
    assert.equal(0, (lines("undo", "asset/" .. id)))
    assert.equal(200, s:request({ "GET", "/a/" .. id }).status)
    assert.equal(0, (lines("quarantine", "share", code, "--based-on",
      get(path("share", code)).json.moderation.scan_id)))
    assert.equal(404, s:request({ "GET", "/s/" .. code, token = owner }).status)
    assert.equal(0, (lines("escalate", code)))
    assert.equal("escalated", select(2, lines "queue")[1].state)
    local entry = get("/api/v1/audit?limit=1", admin).json.items[1]
    assert.same({ "share.decision", "system" }, { entry.type, entry.actor })
    assert.equal(0, (server.command("moderate", "show", code, "--data", s.data)))
  end)

  it("counts as the API does", function()
    local exit, found = lines "stats"
    assert.equal(0, exit)
    assert.same(get("/api/v1/moderation/statistics").json, found[1])
  end)

  it("says what is wrong", function()
    local _, code = upload "b+casino"
    assert.equal(4, (lines("show", "nosuchcode")))
    assert.equal(4, (lines("approve", "picture", code)))
    assert.equal(2, (lines "approve"))
    assert.equal(2, (lines("approve", code, "--category", "rude")))
    assert.equal(2, (lines("approve", code, "--cluster")))
    assert.equal(2, (lines("queue", "--state", "lost")))
    assert.equal(2, (lines "judge"))
  end)

  it("works without a server", function()
    local _, code = upload "c+casino"
    s:kill()
    assert.equal(0, (lines("approve", code)))
    s:begin()
    assert.equal(200, s:request({ "GET", "/s/" .. code }).status)
  end)
end)
