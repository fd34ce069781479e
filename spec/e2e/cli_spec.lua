-- The command line's manners: help from one table, what a typo is answered with, exit codes, streams, completion.
local cjson = require "cjson"
local server = require "spec.support.server"

if not server.available() then return end

--- Runs a line of words -> exit code, stdout, stderr
local function gifd(line)
  local words = {}
  for word in line:gmatch("%S+") do words[#words + 1] = word end
  return server.command(unpack(words))
end

local function shell(program, script)
  local f = assert(io.popen(("GIFD=%s %s -c '%s' 2>&1 </dev/null"):format(server.binary, program, script)))
  local out = f:read("*a")
  f:close()
  return out
end

local function installed(program) return os.execute(("command -v %s >/dev/null"):format(program)) == 0 end

--- "keys rotate", ...: as `gifd help` lists them
local function commands()
  local _, out = gifd "help"
  local list = {}
  for line in out:gmatch("  gifd ([^\n]+)") do list[#list + 1] = (line:gsub("%s%s.*$", "")) end
  return list
end

describe("gifd help", function()
  it("explains every command that it lists, and its noun", function()
    local list = commands()
    assert.is_true(#list > 30)
    for _, command in ipairs(list) do
      local code, out, err = gifd("help " .. command)
      assert.equal(0, code, command .. ": " .. err)
      assert.is_truthy(out:find("gifd " .. command, 1, true), command)
      assert.equal(out, select(2, gifd(command .. " --help")), command)
      assert.is_truthy(select(2, gifd("help " .. command:match("%S+"))):find(command, 1, true))
      for line in out:gmatch("[^\n]+") do assert.is_true(#line <= 80, line) end
    end
  end)

  it("knows topics, and tells them when there is no such one", function()
    assert.is_truthy(select(2, gifd "help exit-codes"):find("75  try again later", 1, true))
    assert.is_truthy(select(2, gifd "help config"):find("gifd config explain KEY", 1, true))
    assert.is_truthy(select(2, gifd "help plugins"):find("gifd plugin purge NAME", 1, true))
    local code, out, err = gifd "help kyes"
    assert.equal(2, code)
    assert.equal("", out)
    assert.is_truthy(err:find("did you mean 'keys'", 1, true), err)
  end)

  it("has said in docs/reference/cli.md what it says now (else: ./dev docs)", function()
    assert.equal(select(2, gifd "help --markdown"), server.read_file "docs/reference/cli.md")
  end)

  it("is a page for man", function()
    local code, out = gifd "help --man"
    assert.equal(0, code)
    for _, command in ipairs(commands()) do assert.is_truthy(out:find(".SS gifd " .. command, 1, true), command) end
    if not installed "groff" then return end
    local warnings = shell("sh", "$GIFD help --man | groff -man -Tutf8 -ww -z")
    assert.equal("", warnings)
  end)
end)

describe("a mistake on the command line", function()
  -- What was typed, and what is said of it.
  local mistakes = {
    { "serv", "did you mean 'serve'" },
    { "keys rotat", "did you mean 'rotate'" },
    { "keys", "say list, rotate or revoke" },
    { "plugins enabel x", "did you mean 'enable'" },
    { "keys rotate --kdi k", "unknown option '--kdi' (did you mean '--kid'?)" },
    { "keys rotate --kid", "--kid needs NAME" },
    { "keys list --json=yes", "--json takes no value" },
    { "keys list more", "unexpected 'more'" },
    { "keys revoke", "which NAME?" },
    { "login --data --json", "--data needs DIR" },
    { "fit cat.gif", "--under SIZE is missing" },
    { "completion bsh", "did you mean 'bash'" },
    { "jobs list --state runing", "did you mean 'running'" },
    { "serve --jsno", "unknown option '--jsno'" },
    { "serve --lisen x", "did you mean '--listen'" },
    { "render --out x", "unknown option '--out'" },
    { "up", "which FILE?" },
    { "lua --rot . file.lua", "did you mean '--root'" },
  }
  for _, m in ipairs(mistakes) do
    it("is told of: gifd " .. m[1], function()
      local code, out, err = gifd(m[1])
      assert.equal(2, code)
      assert.equal("", out)
      assert.is_truthy(err:find(m[2], 1, true), err)
      assert.is_truthy(err:find("see 'gifd help", 1, true), err)
    end)
  end

  it("is told of for every command: an unknown option, before anything is done", function()
    for _, command in ipairs(commands()) do
      local code, out, err = gifd(command .. " --frobnicate")
      assert.equal(2, code, command .. ": " .. err)
      assert.equal("", out, command)
      assert.is_truthy(err:find("--frobnicate", 1, true), err)
    end
  end)

  it("without any word is answered with what there is", function()
    local code, out, err = gifd ""
    assert.equal(2, code)
    assert.equal("", out)
    assert.is_truthy(err:find("gifd serve", 1, true))
  end)
end)

describe("completion", function()
  local function bash(...)
    local words = table.concat({ ... }, '" "')
    local script = ('COMP_WORDS=("%s"); COMP_CWORD=%d'):format(words, select("#", ...) - 1)
    return (shell("bash", "source <($GIFD completion bash); " .. script .. '; _gifd; echo "${COMPREPLY[*]}"')
      :gsub("%s+$", ""))
  end

  it("of bash knows nouns, verbs, options, choices and files", function()
    assert.equal("keys", bash("gifd", "ke"))
    assert.equal("list rotate revoke", bash("gifd", "keys", ""))
    assert.equal("rotate", bash("gifd", "keys", "ro"))
    assert.equal("--kid", bash("gifd", "keys", "rotate", "--ki"))
    assert.equal("pending parked", bash("gifd", "jobs", "list", "--state", "p"))
    assert.equal("bash zsh fish", bash("gifd", "completion", ""))
    assert.equal("config.lua", bash("gifd", "check", "--config", "conf"))
    assert.equal("plugins", bash("gifd", "check", "--plugins", "plu"))
    assert.equal("README.md", bash("gifd", "probe", "READ"))
    assert.equal("", bash("gifd", "fit", "cat.gif", "--under", ""))
  end)

  it("of fish does so too", function()
    if not installed "fish" then return end
    local function fish(typed)
      return shell("fish", ('$GIFD completion fish | source; complete -C "%s"'):format(typed))
    end
    assert.is_truthy(fish "gifd ke":find("^keys\t"))
    assert.is_truthy(fish "gifd keys ro":find("^rotate\t"))
    assert.is_truthy(fish "gifd keys rotate --ki":find("--kid", 1, true))
    assert.equal("parked\npending\n", fish "gifd jobs list --state p")
  end)

  it("of zsh is zsh", function()
    if not installed "zsh" then return end
    assert.equal("", shell("zsh", "$GIFD completion zsh | zsh -n"))
  end)
end)

describe("commands on a server's data", function()
  local s
  lazy_setup(function()
    s = server.start {}
    assert(s:token "read")
  end)
  lazy_teardown(function() s:stop() end)

  local function on(line) return gifd(line .. " --data " .. s.data) end

  -- A command line; its exit code; what it says, on stdout when that is 0, else on stderr. ID, KID: as they are here.
  local lines = {
    { "status", 0, "generation 1 since" },
    { "reload", 0, "nothing has changed" },
    { "rollback", 4, "no other generation" },
    { "rollback 99", 4, "not kept any more" },
    { "rollback 99 --dry-run", 4, "not kept any more" },
    { "rollback x", 2, "'x' is no generation" },
    { "token list", 0, "read" },
    { "token create --scopes nonsense", 2, "nonsense" },
    { "token create --scopes read --expires soon", 2, "--expires" },
    { "token revoke 999", 4, "there is no such token" },
    { "token revoke 999 --dry-run", 4, "there is no such token" },
    { "token revoke x", 2, "the number" },
    { "login", 0, "/signin?code=" },
    { "keys rotate --kid a!", 2, "--kid" },
    { "keys rotate --secret short", 2, "16 to 256" },
    { "keys rotate --kid k1", 0, "k1" },
    { "keys rotate --kid k1", 6, "k1" },
    { "keys rotate --kid k1 --dry-run", 6, "k1" },
    { "keys list", 0, "k1" },
    { "keys revoke nokey", 4, "no such key" },
    { "keys revoke nokey --dry-run", 4, "no such key" },
    { "limits show", 0, "keys in use" },
    { "limits show nonsense", 2, "KEY is" },
    { "limits show user:nobody-is-counted", 4, "no route" },
    { "limits reset", 2, "KEY, or --all" },
    { "limits reset --all --json", 0, '"reset":true' },
    { "jobs list", 0, "" },
    { "jobs show 99999", 4, "there is no job" },
    { "jobs cancel 99999", 4, "there is no job" },
    { "jobs metrics", 0, "active" },
    { "plugin list", 0, "moderation-words" },
    { "plugins graph", 0, "judge" },
    { "plugin enable nothing", 4, "no plugin of this name" },
    { "plugin purge never-was", 4, "nothing here" },
    { "plugin purge Never", 2, "no name of a plugin" },
    { "verify 0123456789abcdef", 4, "no original" },
    { "verify xyz", 2, "no id" },
    { "doctor", 0, "ok" },
  }
  for _, l in ipairs(lines) do
    it(("gifd %s: exit %d"):format(l[1], l[2]), function()
      local code, out, err = on(l[1])
      assert.equal(l[2], code, out .. err)
      assert.is_truthy((code == 0 and out or err):find(l[3], 1, true), out .. err)
      if code ~= 0 then assert.equal("", out) end
    end)
  end

  it("print one object, of lists one a line, with --json", function()
    for _, line in ipairs { "status", "reload", "token create --scopes read", "token list", "keys list", "limits show",
                            "jobs list", "jobs metrics", "plugin list", "plugin graph", "login", "doctor" } do
      local code, out, err = on(line .. " --json")
      assert.equal(0, code, line .. ": " .. err)
      for each in out:gmatch("[^\n]+") do assert.equal("table", type(cjson.decode(each)), line) end
    end
    local _, version = gifd "version --json"
    assert.equal("gifd", cjson.decode(version).name)
  end)

  it("leave everything as it is with --dry-run, and say what they would do", function()
    local _, keys = on "keys list --json"
    local _, tokens = on "token list --json"
    for _, line in ipairs { "keys rotate --kid dry", "keys revoke k1", "token revoke 1", "limits reset ip:127.0.0.1",
                            "limits reset --all" } do
      local code, out, err = on(line .. " --dry-run")
      assert.equal(0, code, line .. ": " .. err)
      assert.equal("", out)
      assert.is_truthy(err:find("would", 1, true), err)
    end
    assert.equal(keys, select(2, on "keys list --json"))
    assert.equal(tokens, select(2, on "token list --json"))
  end)

  it("have no colours without a terminal", function()
    for _, line in ipairs { "help", "status", "check --config " .. s.data .. "/none.lua" } do
      local _, out, err = gifd(line)
      assert.is_nil((out .. err):find("\27", 1, true))
    end
  end)
end)

describe("commands without a server", function()
  local nowhere = "/tmp/gifd-nowhere-" .. math.random(1e9)
  local lines = {
    { "status --data " .. nowhere, 4 },
    { "reload --data " .. nowhere, 4 },
    { "check --config " .. nowhere, 3 },
    { "config explain uploads.max_byte", 4 },
    { "config explain uploads.max_bytes", 0 },
    { "probe " .. nowhere, 4 },
    { "lua " .. nowhere, 1 },
    { "up " .. nowhere .. " --server http://127.0.0.1:1", 4 },
    { "up README.md --server http://127.0.0.1:1", 75 },
  }
  for _, l in ipairs(lines) do
    it(("gifd %s: exit %d"):format(l[1]:gsub("%-%d+", ""), l[2]), function()
      local code, out, err = gifd(l[1])
      assert.equal(l[2], code, out .. err)
      assert.is_truthy((code == 0 and out or err) ~= "")
    end)
  end
end)
