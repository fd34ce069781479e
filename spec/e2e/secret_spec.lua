-- Secrets: canaries in the environment, a file and a credential, told by a plugin in every way it has, and looked for
-- in everything that is written, answered or printed.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local files = require "spec.support.files"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local setenv = require "posix.stdlib".setenv

local canaries = { "canary-environment-7f3a1", "canary/file +%&=\"9c2", "canary-credential-51de", "canary-path-88ab2" }
local spoken = { "canary%-", "canary/", "canary%%2F" }

local function said(text)
  for _, pattern in ipairs(spoken) do
    if text:find(pattern) then return text:match("[^\n]*" .. pattern .. "[^\n]*") end
  end
end

local function digest(text)
  local path = os.tmpname()
  server.put(path, text)
  local line = files.lines("sha256sum " .. path)[1]
  os.remove(path)
  return line:match("^%x+")
end

describe("a secret", function()
  local dir, s
  setup(function()
    dir = assert(posix.mkdtemp("/tmp/gifd-secret-XXXXXX"))
    server.put(dir .. "/file", canaries[2] .. "\n")
    server.put(dir .. "/name", canaries[3] .. "\n")
    server.put(dir .. "/path", canaries[4] .. " \r\n")
    setenv("KEEPER_TOKEN", canaries[1])
    setenv("CREDENTIALS_DIRECTORY", dir)
  end)
  teardown(function()
    if s then s:stop() end
    setenv("KEEPER_TOKEN", nil)
    setenv("CREDENTIALS_DIRECTORY", nil)
    os.execute("rm -rf '" .. dir .. "'")
  end)

  local function text(more)
    return ([[
return {
  plugins = { keeper = { %s
    more = { { key = secret { file = "%s/file" } },
      { key = secret { credential = "name" } },
      { key = secret "%s/path" } } } } }]]):format(more or "", dir, dir)
  end

  local function command(config, ...)
    local path = dir .. "/config.lua"
    server.put(path, config)
    local words = { ... }
    for _, word in ipairs { "--root", ".", "--config", path, "--plugins", "spec/support/plugins" } do
      words[#words + 1] = word
    end
    local code, out, err = server.command(unpack(words))
    return code, out, err
  end

  it("is what it is to the plugin, and *** to everybody else", function()
    s = server.start { config = text(), plugins = { "spec/support/plugins" } }
    local digests = s:request({ "GET", "/p/keeper/digests" }).json
    for i, canary in ipairs(canaries) do assert.equal(digest(canary), digests[i], canary) end
    local answers = {}
    for _, how in ipairs { "log", "throw", "throw_table", "err", "reply", "type" } do
      local reply = s:request { "GET", "/p/keeper/tell/" .. how }
      answers[#answers + 1] = reply.body
      for name, value in pairs(reply.headers) do answers[#answers + 1] = name .. ": " .. value end
    end
    assert.matches("I say %*%*%* and %*%*%*", table.concat(answers, "\n"))
    local token = s:token("upload")
    local reply = s:upload(pictures.gif(), token, "title=x")
    answers[#answers + 1] = reply.body
    server.wait_until("the judge to fail", function() return s:errors():find("judge", 1, true) end)
    for _, words in ipairs { { "status" }, { "plugins", "list" }, { "plugins", "graph" } } do
      local more = { unpack(words) }
      more[#more + 1], more[#more + 2] = "--data", s.data
      local _, out, err = server.command(unpack(more))
      answers[#answers + 1] = out .. err
    end
    server.put(s.config, text("refuse = true,"))
    local code, answer = s:ask "reload"
    assert.equal(1, code)
    assert.matches("I say %*%*%* and %*%*%* and %*%*%*", answer.faults[1].message)
    answers[#answers + 1] = cjson.encode(answer)
    answers[#answers + 1] = s:request({ "GET", "/metrics" }).body
    assert.is_nil(said(table.concat(answers, "\n")))
    assert.matches("%*%*%*", s:errors())
    assert.is_nil(said(s:errors()))
    local held = files.lines(("grep -rlaE 'canary-|canary/|canary%%2F' '%s' 2> /dev/null"):format(s.data))
    assert.same({}, held)
  end)

  it("is read anew by a reload, and by a process that starts", function()
    server.put(s.config, text())
    server.put(dir .. "/file", "canary-second")
    assert.equal(0, (s:ask "reload"))
    assert.equal(digest "canary-second", s:request({ "GET", "/p/keeper/digests" }).json[2])
    server.put(dir .. "/file", canaries[2])
    posix.kill(s:children("worker")[1], posix.SIGKILL)
    server.wait_until("another worker", function()
      local ok, reply = pcall(s.request, s, { "GET", "/p/keeper/digests" })
      return ok and reply.json and reply.json[2] == digest(canaries[2])
    end)
  end)

  it("that cannot be had is a fault with its line, and what serves goes on", function()
    os.rename(dir .. "/name", dir .. "/gone")
    local code, answer = s:ask "reload"
    assert.equal(1, code)
    assert.equal(4, answer.faults[1].line)
    assert.matches("more%[2%].key: secret: .*/name: No such file", answer.faults[1].message)
    assert.equal(200, s:request({ "GET", "/p/keeper/digests" }).status)
    os.rename(dir .. "/gone", dir .. "/name")
  end)

  it("is explained by where it comes from", function()
    local code, out = command(text(), "config", "explain", "plugins.keeper.token", "--json")
    assert.equal(0, code)
    local found = cjson.decode(out)
    assert.same({ "***", "env KEEPER_TOKEN" }, { found.value, found.origin })
    out = select(2, command(text(), "config", "explain", "plugins.keeper.more[2].key", "--json"))
    found = cjson.decode(out)
    assert.same({ "***", "***" }, { found.value, found.written })
    assert.matches("config%.lua:4, credential name$", found.origin)
    for _, words in ipairs { { "config", "diff" }, { "config", "diff", "--json" }, { "config", "explain", "plugins" },
      { "config", "schema" }, { "config", "reference" }, { "check" } } do
      local _, printed, err = command(text(), unpack(words))
      assert.is_nil(said(printed .. err), table.concat(words, " "))
    end
  end)

  it("may come by env() and file() too, but not from the file itself", function()
    assert.equal(0, (command(text('token = env("KEEPER_TOKEN"),'), "check")))
    assert.equal(0, (command(text(('token = file("%s/name"),'):format(dir)), "check")))
    for wrong, want in pairs {
      ['token = "canary-literal",'] = 'may not stand in the file itself: write secret { env = "NAME" }',
      ['token = env("NOT_THERE", "canary-literal"),'] = "may not stand in the file itself",
      ['token = secret { env = "NOT_THERE" },'] = "the environment has no NOT_THERE",
      ['token = secret { credential = "../x" },'] = "a credential has a name, not a path",
      ['token = secret { env = "A", file = "b" },'] = "secret takes one of",
      ['token = secret { evn = "A" },'] = "secret takes one of",
      ["token = secret(7),"] = "secret takes one of",
      ["token = 7,"] = "must be a secret",
      ["token = {},"] = "must be a secret",
      ['token = secret { file = "/dev/zero" },'] = "is no file",
      ['refuse = secret { env = "KEEPER_TOKEN" },'] = "is no place for a secret",
    } do
      local code, out, err = command(text(wrong), "check")
      assert.equal(3, code, wrong)
      assert.is_truthy(err:find("config.lua:2: plugins.keeper", 1, true), err)
      assert.is_truthy(err:find(want, 1, true), err)
      assert.is_nil(said(out .. err))
    end
    server.put(dir .. "/short", "ab\n")
    local code, _, err = command(text(('token = secret "%s/short",'):format(dir)), "check")
    assert.equal(3, code)
    assert.matches("too short for a secret", err)
  end)
end)
