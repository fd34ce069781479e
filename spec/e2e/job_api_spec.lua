-- The job service over the real program: its API, its streams of events, its command, what waits for what, poison.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local s, admin, ann, bob, asset

local function post(payload, more)
  local body = more or {}
  body.payload = payload
  local reply = s:request { "POST", "/p/worker/jobs", json = body }
  assert.equal(202, reply.status, reply.body)
  return reply.json.id
end

local function get(id, token) return s:request { "GET", "/api/v1/jobs/" .. id, token = token or admin } end

local function reached(id, state)
  local job
  local found, why = pcall(server.wait_until, state, function()
    job = get(id).json
    return job.state == state
  end)
  assert(found, tostring(why) .. " " .. cjson.encode(job))
  return job
end

local function render(token, recipe, more)
  local body = { type = "render", asset_id = asset, recipe = recipe }
  for key, value in pairs(more or {}) do body[key] = value end
  return s:request { "POST", "/api/v1/jobs", token = token, json = body }
end

--- A stream of events -> read(): the next event { event, job }, or nil at its end; raw socket
local function listen(id, token)
  local host, port = s.url:match("^http://(.*):(%d+)$")
  local c = assert(socket.connect(host, tonumber(port)))
  c:settimeout(10)
  c:send(("GET /api/v1/jobs/%s/events HTTP/1.0\r\nAuthorization: Bearer %s\r\n\r\n"):format(id, token or admin))
  local status = assert(c:receive "*l"):match("^HTTP/1.1 (%d+)")
  repeat local line = assert(c:receive "*l") until line == ""
  local function read()
    local event, data
    while true do
      local line = c:receive "*l"
      if not line then return nil end
      if line == "" and data then return { event = event, job = cjson.decode(data) } end
      event, data = line:match("^event: (.*)$") or event, line:match("^data: (.*)$") or data
    end
  end
  return read, c, tonumber(status)
end

local function command(...)
  local words = { "jobs", ... }
  words[#words + 1] = "--data"
  words[#words + 1] = s.data
  return server.command(unpack(words))
end

setup(function()
  s = server.start { plugins = { "spec/support/plugins" },
    config = 'return { plugins = { worker = true }, http = { streams_per_address = 4 }, jobs = { plugins = 2 } }' }
  admin, ann, bob = s:token("admin"), s:token("upload", "ann"), s:token("upload", "bob")
  asset = s:upload(pictures.gif { frames = 3 }, ann).json.asset.id
end)
teardown(function() s:stop() end)

describe("POST /api/v1/jobs", function()
  it("renders an asset by a recipe, and the result is served", function()
    local reply = render(ann, { format = "webp", width = 1 })
    assert.equal(202, reply.status)
    assert.equal("pending", reply.json.state)
    reached(reply.json.id, "completed")
    local result = get(reply.json.id, ann).json.result
    local media = s:request { "GET", result.url:gsub("^http://[^/]+", ""), token = ann }
    assert.same({ 200, "image/webp", result.bytes }, { media.status, media.headers["content-type"], #media.body })
  end)

  it("serves the source's own bytes where what was made in its format and size is larger", function()
    local bytes = pictures.noise(64)
    local noise = s:upload(bytes, ann).json.asset.id
    local function made(recipe)
      local reply = s:request { "POST", "/api/v1/jobs", token = ann,
        json = { type = "render", asset_id = noise, recipe = recipe } }
      local result = reached(reply.json.id, "completed").result
      return s:request { "GET", result.url:gsub("^http://[^/]+", ""), token = ann }.body == bytes, result
    end
    local own, result = made { format = "gif", colors = 256 }
    assert.same({ true, #bytes }, { own, result.bytes })
    assert.is_false((made { format = "gif", width = 60 }))
  end)

  it("makes the same recipe once", function()
    local one = reached(render(ann, { format = "png" }).json.id, "completed").result
    local two = reached(render(ann, { format = "png" }).json.id, "completed").result
    assert.equal(one.url, two.url)
  end)

  it("refuses unknown, wrong and contradictory fields by name", function()
    local function pointer(recipe, more)
      local reply = render(ann, recipe, more)
      assert.equal(422, reply.status, reply.body)
      return reply.json.errors[1].pointer
    end
    assert.equal("/recipe/wdth", pointer { format = "gif", wdth = 2 })
    assert.equal("/recipe/width", pointer { format = "gif", width = -2 })
    assert.equal("/recipe/fps", pointer { format = "jpeg", fps = 2 })
    assert.equal("/recipe/bitrate", pointer { format = "mp4", quality = 20, bitrate = 10000 })
    assert.equal("/recipe", pointer {})
    assert.equal("/priority", pointer({ format = "gif" }, { priority = "soon" }))
  end)

  it("is for assets of one's own", function()
    assert.equal(422, render(bob, { format = "png" }).status)
    assert.equal(202, render(admin, { format = "png" }).status)
    assert.equal(403, render(ann, { format = "png" }, { priority = "critical" }).status)
    assert.equal(401, render(nil, { format = "png" }).status)
  end)
end)

describe("jobs of others", function()
  it("are not there, and admins see all", function()
    local id = render(ann, { format = "png" }).json.id
    assert.equal(200, get(id, ann).status)
    assert.equal(404, get(id, bob).status)
    assert.equal(404, s:request({ "DELETE", "/api/v1/jobs/" .. id, token = bob }).status)
    assert.equal(0, #s:request({ "GET", "/api/v1/jobs", token = bob }).json.items)
    local mine = s:request({ "GET", "/api/v1/jobs?type=render&limit=2", token = ann }).json
    assert.equal(2, #mine.items)
    local rest = s:request({ "GET", "/api/v1/jobs?limit=2&cursor=" .. mine.next, token = ann }).json
    assert.is_true(tonumber(rest.items[1].id) < tonumber(mine.items[2].id))
    assert.equal("ladder", s:request({ "GET", "/api/v1/jobs?type=ladder", token = admin }).json.items[1].type)
    assert.equal(403, s:request({ "GET", "/api/v1/jobs/metrics", token = ann }).status)
  end)
end)

describe("priorities", function()
  it("come before age, and age within one", function()
    local stop = {}
    for i = 1, 2 do stop[i] = post({ seconds = 3 }) end -- nobody is free
    for i = 1, 2 do reached(stop[i], "running") end
    local low, high = post({}, { priority = "low" }), post({}, { priority = "high" })
    local second, critical = post({}, { priority = "high" }), post({}, { priority = "critical" })
    local order = {}
    for i, id in ipairs { critical, high, second, low } do
      order[i] = reached(id, "completed").started_at
    end
    local sorted = { unpack(order) }
    table.sort(sorted)
    assert.same(sorted, order)
  end)
end)

describe("a job that waits for others", function()
  it("is run after them", function()
    local first = post({ seconds = 0.5 })
    local second = post({}, { after = { first } })
    assert.equal(1, get(second).json.waits)
    local done = reached(second, "completed")
    assert.is_true(done.started_at >= get(first).json.ended_at)
  end)

  it("fails when one of them does, and so do those behind it", function()
    local first = post({ fail = "never" }, { delay = 0.5 })
    local second = post({}, { after = { first } })
    local third = post({}, { after = { second } })
    assert.equal(("job %s has failed"):format(second), reached(third, "failed").error)
    assert.equal(("job %s has failed"):format(first), get(second).json.error)
    assert.matches("ended as failed", reached(post({}, { after = { first } }), "failed").error)
  end)
end)

describe("a cancelled job", function()
  it("ends at once while it waits, and within a second while it runs", function()
    local id = post({ note = "sleeper", seconds = 3.5 })
    reached(id, "running")
    local waiting = post({}, { delay = 60 })
    for _, which in ipairs { id, waiting } do
      local reply = s:request { "DELETE", "/api/v1/jobs/" .. which, token = admin }
      assert.same({ 200, "cancelled" }, { reply.status, reply.json.state })
    end
    local one, two = post({ seconds = 0.1 }), post({ seconds = 0.1 }) -- there are two places
    reached(one, "completed")
    reached(two, "completed")
    assert.equal("cancelled", get(id).json.state)
    assert.equal(409, s:request({ "DELETE", "/api/v1/jobs/" .. one, token = admin }).status)
  end)
end)

describe("a stream of events", function()
  it("tells how a job stands, each change, and its end, through a reload", function()
    local id = post({ progress = 7, seconds = 2 })
    reached(id, "running")
    local read = listen(id)
    assert.equal("running", read().job.state)
    server.put(s.config, (server.read_file(s.config):gsub("plugins = 2", "plugins = 2, attempts = 4")))
    local code, answer = s:ask "reload"
    assert.same({ 0, true }, { code, answer.changed })
    local last, steps = nil, 0
    for event in read do last, steps = event, steps + 1 end
    assert.same({ "end", "completed", 100 }, { last.event, last.job.state, last.job.progress })
    assert.is_true(steps >= 2)
  end)

  it("of a job that is over is its end; of another's job it is not there", function()
    local id = reached(render(ann, { format = "png" }).json.id, "completed").id
    local read = listen(id, ann)
    assert.equal("end", read().event)
    assert.is_nil(read())
    assert.equal(404, select(3, listen(id, bob)))
  end)

  it("is one of so many of an address", function()
    local id, open = post({}, { delay = 30 }), {}
    for i = 1, 4 do
      local _, c, status = listen(id)
      assert.equal(200, status)
      open[i] = c
    end
    assert.equal(429, select(3, listen(id)))
    for _, c in ipairs(open) do c:close() end
    server.wait_until("room", function()
      local _, c, status = listen(id)
      c:close()
      return status == 200
    end)
    s:request { "DELETE", "/api/v1/jobs/" .. id, token = admin }
  end)
end)

describe("gifd jobs", function()
  it("lists, shows, follows, cancels and tries again", function()
    local id = post({ note = "shown", fail = "never" })
    reached(id, "failed")
    local code, out = command("show", id, "--json")
    local shown = cjson.decode(out)
    assert.same({ 0, "failed", "shown" }, { code, shown.state, shown.payload.note })
    assert.matches("plugin%.toil[^\n]*note=shown", shown.log)
    for line in select(2, command("list", "--state", "failed", "--json")):gmatch("[^\n]+") do
      assert.equal("failed", cjson.decode(line).state)
    end
    assert.equal(0, (command("retry", id)))
    assert.equal(1, (command("tail", id)))
    assert.equal(6, (command("cancel", id)))
    assert.equal(4, (command("show", "999999")))
    assert.equal(2, (command("dance")))
    local _, text = command("metrics", "--json")
    local numbers = cjson.decode(text)
    assert.is_true(numbers.processed > 0 and numbers.failed > 0 and numbers.p95_seconds >= 0)
    assert.equal(0, (command("tail", post({ seconds = 0.3 }))))
  end)
end)

describe("a render that takes its time", function()
  local big

  setup(function()
    big = s:upload(pictures.gif { width = 700, height = 700, frames = 200, moving = true }, ann).json.asset.id
    reached(s:request({ "GET", "/api/v1/jobs?type=ladder", token = admin }).json.items[1].id, "completed")
  end)

  --- crf: so that no two recipes are one
  local function begin(crf)
    return s:request({ "POST", "/api/v1/jobs", token = ann, json = { type = "render", asset_id = big,
      recipe = { transcode = { container = "webm", crf = crf, width = 700 } } } }).json.id
  end

  it("tells whoever listens how far it is, and tail prints it", function()
    local id = begin(20)
    local read = listen(id, ann)
    local seen = {}
    for event in read do seen[#seen + 1] = event.job.progress end
    local between = 0
    for i, percent in ipairs(seen) do
      if i > 1 then assert.is_true(percent >= seen[i - 1], cjson.encode(seen)) end
      if percent > 0 and percent < 100 then between = between + 1 end
    end
    assert.is_true(between >= 2, cjson.encode(seen))
    assert.equal(100, seen[#seen])
    local _, out = command("tail", begin(21))
    local lines = 0
    for percent in out:gmatch("\t(%d+)%%\t") do
      if tonumber(percent) > 0 and tonumber(percent) < 100 then lines = lines + 1 end
    end
    assert.is_true(lines >= 1, out)
  end)

  it("leaves room for what an account may have at a time, and no more", function()
    local held = server.start { config = "return { media = { account_pixels = 1e6, children = { min = 2 } } }" }
    local token = held:token("upload", "ann")
    local admin_token = held:token "admin"
    local function up(who)
      assert.equal(201, held:upload(pictures.gif { width = 500, height = 500, frames = 60, moving = true }, who).status)
    end
    local at, last, leased = {}, nil, 0
    for _ = 1, 4 do up(token) end
    server.wait_until("all ladders", function()
      local running = held:request({ "GET", "/api/v1/jobs?state=running&type=ladder", token = admin_token }).json.items
      for _, job in ipairs(running) do
        if job.progress > (at[job.id] or 0) then
          assert.is_true(last == job.id or not at[job.id], "two renders of one account went on side by side")
          at[job.id], last = job.progress, job.id
        end
      end
      leased = math.max(leased, #running)
      return held:request({ "GET", "/api/v1/jobs/metrics", token = admin_token }).json.processed == 4
    end, 60)
    held:stop()
    assert.equal(2, leased) -- of which the second waits for its turn
    assert.is_not_nil(last)
  end)
end)

describe("many jobs that render", function()
  it("get more places while over five wait, fewer when under two do, as metrics say", function()
    local one = server.start { config = "return { media = { children = { min = 1, max = 2 } } }" }
    local token, metrics = one:token "admin", nil
    local function read() metrics = one:request({ "GET", "/api/v1/jobs/metrics", token = token }).json.media end
    server.wait_until("a runner", function() read() return metrics.places == 1 end)
    for _ = 1, 12 do one:upload(pictures.gif { width = 500, height = 500, frames = 60, moving = true }, token) end
    local most = 0
    server.wait_until("more places", function()
      read()
      most = math.max(most, metrics.active)
      return metrics.places == 2
    end, 20)
    server.wait_until("fewer places", function()
      read()
      assert.is_true(metrics.active <= 2)
      most = math.max(most, metrics.active)
      return metrics.waiting == 0 and metrics.active == 0 and metrics.places == 1
    end, 60)
    one:stop()
    assert.equal(2, most)
  end)
end)

describe("a file that ends three media processes", function()
  it("is parked, until somebody says otherwise", function()
    local made = s:upload(pictures.gif { width = 5000, height = 5000 }, ann)
    local job = s:request({ "GET", "/api/v1/jobs?type=ladder", token = admin }).json.items[1]
    server.wait_until("poison", function()
      for _, pid in ipairs(s:children "gifd%-media") do
        for child in io.popen("pgrep -P " .. pid):lines() do posix.kill(tonumber(child), posix.SIGKILL) end
      end
      return get(job.id).json.state == "parked"
    end, 30)
    assert.matches("poison: it ended 3 media processes", get(job.id).json.error)
    local path = "/api/v1/assets/" .. made.json.asset.id
    assert.equal("media_crash", s:request({ "GET", path, token = ann }).json.reason)
    assert.equal(0, (command("retry", job.id)))
    reached(job.id, "completed")
    assert.is_nil(s:request({ "GET", path, token = ann }).json.reason)
  end)
end)

describe("a job by the fields of cron", function()
  it("waits for its time, and says when that is", function()
    local job = s:request({ "GET", "/api/v1/jobs?type=worker/nightly", token = admin }).json.items[1]
    assert.equal("pending", job.state)
    assert.equal(0, job.attempts)
    assert.matches("T03:30:00", job.run_at)
    local _, out = server.command("plugins", "list", "--data", s.data, "--root", ".")
    assert.is_string(out)
  end)
end)
