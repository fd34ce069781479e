-- Durable jobs of plugins over the real program: keys, retries, cancelling, schedules, kills and plugins that go.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local posix = require "posix"
local server = require "server"

local loaded = 'return { plugins = { worker = true } }'

local function start() return server.start { plugins = { "spec/support/plugins" }, config = loaded } end

local function post(s, payload, more)
  local body = more or {}
  body.payload = payload
  local reply = s:request { "POST", "/p/worker/jobs", json = body }
  assert.equal(202, reply.status, reply.body)
  return reply.json.id, reply.json.made
end

local function get(s, id) return s:request({ "GET", "/p/worker/jobs/" .. id }).json end

local function ended(s, id, state)
  local job
  local found, why = pcall(server.wait_until, state, function()
    job = get(s, id)
    return job.state == state
  end)
  assert(found, tostring(why) .. " " .. cjson.encode(job))
  return job
end

local function count(s, text)
  local _, n = (s:errors() or ""):gsub(text, "")
  return n
end

describe("a job of a plugin", function()
  local s
  setup(function() s = start() end)
  teardown(function() s:stop() end)

  it("runs, and its result is kept", function()
    local job = ended(s, post(s, { note = "one" }), "completed")
    assert.same({ note = "one", attempt = 1 }, job.result)
  end)

  it("is tried again when its failure may pass, and only then", function()
    assert.equal(2, ended(s, post(s, { fail = "later" }), "completed").attempts)
    local job = ended(s, post(s, { fail = "never" }), "failed")
    assert.equal("1 cannot be", job.attempts .. " " .. job.error)
  end)

  it("fails when it returns what is no data", function()
    assert.matches("must be plain data", ended(s, post(s, { fail = "rubbish" }), "failed").error)
  end)

  it("is there once per key, until it is over", function()
    local id, made = post(s, { note = "k" }, { key = "k", delay = 60 })
    assert.is_true(made)
    local again, made_again = post(s, { note = "k2" }, { key = "k" })
    assert.equal(id, again)
    assert.is_false(made_again)
    assert.is_true(s:request({ "DELETE", "/p/worker/jobs/" .. id }).json.cancelled)
    local _, third = post(s, { note = "k3" }, { key = "k" })
    assert.is_true(third)
  end)

  it("tells its progress, and what is cancelled leaves no result", function()
    local id = post(s, { progress = 7, seconds = 1 })
    server.wait_until("progress", function()
      local job = get(s, id)
      return job.progress == 7 and job.message == "so far"
    end)
    assert.is_true(s:request({ "DELETE", "/p/worker/jobs/" .. id }).json.cancelled)
    assert.equal("cancelled", get(s, id).state)
    ended(s, post(s, { seconds = 1.2 }), "completed")
    assert.equal("cancelled", get(s, id).state)
  end)

  it("is ended at its time-out", function()
    local id = post(s, { note = "long", seconds = 30 })
    server.wait_until("the time-out", function()
      return (get(s, id).error or ""):find("longer than 4 seconds", 1, true)
    end)
    s:request { "DELETE", "/p/worker/jobs/" .. id }
  end)

  it("runs on schedule", function()
    local before = count(s, "plugin%.tick")
    server.wait_until("two ticks", function() return count(s, "plugin%.tick") >= before + 2 end)
  end)
end)

describe("jobs", function()
  it("go on after kill -9, and a schedule does not run for each time that was missed", function()
    local s = start()
    local id = post(s, { note = "survivor", seconds = 1.5 })
    server.wait_until("its start", function() return count(s, "survivor") > 0 end)
    s:kill()
    posix.sleep(4)
    s:begin()
    assert.equal(2, ended(s, id, "completed").attempts)
    assert.is_true(count(s, "plugin%.tick") <= 8)
    s:stop()
  end)

  it("that end the process again and again have failed", function()
    local s = start()
    local id = s:request({ "POST", "/p/worker/jobs?job=poison", json = {} }).json.id
    for attempt = 1, 2 do
      server.wait_until("attempt " .. attempt, function() return count(s, "plugin%.poison") == attempt end, 20)
      for _, pid in ipairs(s:children("runner")) do posix.kill(pid, posix.SIGKILL) end
    end
    assert.matches("the process ended while this ran, 2 times", ended(s, id, "failed").error)
    s:stop()
  end)

  it("of a draining generation are done by the next one", function()
    local s = start()
    local id = post(s, { note = "mover", seconds = 3 })
    server.wait_until("its start", function() return count(s, "mover") > 0 end)
    server.put(s.config, 'return { plugins = { worker = { every = 7 } } }')
    posix.kill(s.pid, 1)
    assert.equal(1, ended(s, id, "completed").attempts)
    assert.equal(2, count(s, "mover"))
    s:stop()
  end)

  it("of a plugin that is gone wait until it is back", function()
    local s = start()
    local id = post(s, { note = "parked" }, { delay = 2 })
    server.put(s.config, "return {}")
    posix.kill(s.pid, 1)
    server.wait_until("the reload", function() return s:request({ "GET", "/p/worker/jobs/" .. id }).status == 404 end)
    posix.sleep(4)
    assert.equal(0, count(s, 'note=parked'))
    server.put(s.config, loaded)
    posix.kill(s.pid, 1)
    server.wait_until("the plugin", function() return s:request({ "GET", "/p/worker/jobs/" .. id }).status == 200 end)
    assert.equal("parked", ended(s, id, "completed").result.note)
    s:stop()
  end)

  it("end once each, none twice and none never, however often the runner is killed", function()
    assert.equal(0, os.execute("timeout 100 luajit spec/soak/jobs.lua 6 1200 10 >/dev/null 2>&1"))
  end)
end)
