--- journey: what an operator types in the first five minutes, from an empty folder, and what is answered, in Markdown.
--
-- `luajit spec/support/journey.lua` prints docs/first-five-minutes.md (./dev docs); a spec compares. Everything is run;
-- what differs from run to run (the port, pids, times, codes, tokens, digests) is told as the same each time.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"
local socket = require "socket"

local M = {}

local function free_port()
  local s = assert(socket.bind("127.0.0.1", 0))
  local _, port = s:getsockname()
  s:close()
  return port
end

local plugin = [[return { name = "announce", api = 1, version = "1.0.0", summary = "Tells a chat of each new share",
  config = schema.record { key = schema.secret { doc = "the chat's key" } } }
]]

local wrong = [[return {
  lisen = { "127.0.0.1:PORT" },
  workers = 1,
  uploads = { max_bytes = "20 MBytes" },
  plugins = {
    ["moderation-words"] = true,
    announce = { key = "s3cr3t-9f27" },
  },
}
]]

--- Each step mends one fault of the file: a pattern and what takes its place.
local mends = {
  { "lisen", "listen", "A key that is a letter off:" },
  { "20 MBytes", "20 MiB", "A unit that does not exist:" },
  { '"s3cr3t%-9f27"', 'secret { env = "CHAT_KEY" }',
    "A secret that stands in the file, where backups and colleagues find it:" },
  { "moderation%-word\"", 'moderation-words"', "A plugin that is not there:" },
}

local function recorder()
  local self = { dir = assert(posix.mkdtemp "/tmp/gifd-spec-XXXXXX"), port = free_port(), out = {} }
  local programs = posix.realpath(server.binary):match("^(.*)/")

  --- What differs from run to run, as if it did not.
  local function steady(text)
    return (text:gsub(self.dir, "/home/ann/gifs"):gsub(":" .. self.port, ":8090")
      :gsub("pid %d+ *", "pid 4711"):gsub("4711(%l)", "4711 %1")
      :gsub("%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z", "2026-11-25T09:00:00.000Z")
      :gsub("gifd_[%w_-]+", "gifd_kV3qT...")
      :gsub("/s/%w+", "/s/k3yT9w"):gsub("code=[%w_-]+", "code=x7Kq2m..."):gsub("up %d+ s", "up 60 s")
      :gsub("ok %x+", "ok 5d41402abc4b2a76..."):gsub("(generation %d+ since [^(]+)%(%x+%)", "%1(5d41402abc4b)")
      :gsub("%d+ tasks", "3 tasks"))
  end

  function self.say(text) self.out[#self.out + 1] = text .. "\n" end
  function self.block(text, kind)
    self.say("```" .. (kind or "text") .. "\n" .. steady(text) .. "```")
  end
  function self.write(name, text) server.put(self.dir .. "/" .. name, (text:gsub("PORT", self.port))) end
  function self.show(text) self.block((text:gsub("PORT", self.port)), "lua") end
  function self.shell(line)
    local f = assert(io.popen(("cd %s && export PATH=%s:$PATH NO_COLOR=1 && unset GIFD_DATA GIFD_TOKEN GIFD_SERVER; "
      .. "{ %s\n} 2>&1 </dev/null; echo \"|$?\""):format(self.dir, programs, line)))
    local text = f:read "*a"
    f:close()
    local said, code = text:match("^(.*)|(%d+)\n$")
    return said, tonumber(code)
  end
  --- Types lines one after the other -> what the last one said, its exit code
  function self.type(...)
    local shown, said, code = {}, nil, nil
    for _, line in ipairs { ... } do
      said, code = self.shell(line)
      shown[#shown + 1] = "$ " .. line .. "\n" .. said
      if code ~= 0 then shown[#shown + 1] = ("(exit code %d)\n"):format(code) end
    end
    self.block(table.concat(shown))
    return said, code
  end
  return self
end

local function before_it_serves(r)
  r.say "# The first five minutes"
  r.say("What an operator types and sees, from an empty folder. It is recorded by `spec/support/journey.lua`, which\n"
    .. "runs all of it; ports, times, codes and tokens are made the same.")
  r.say "## A configuration with four faults"
  posix.mkdir(r.dir .. "/plugins")
  posix.mkdir(r.dir .. "/plugins/announce")
  r.write("plugins/announce/plugin.lua", plugin)
  r.write("plugins/announce/init.lua", "return {}\n")
  r.say "`config.lua`:"
  local text = wrong
  r.write("config.lua", text)
  r.show(text)
  r.say "All faults are told at once, each with its line and what would be right. Nothing is served or touched."
  r.type "gifd chekc"
  r.type "gifd check --config config.lua --plugins plugins"
  for _, mend in ipairs(mends) do
    text = text:gsub(mend[1], mend[2])
    r.say(mend[3])
    r.write("config.lua", text)
    r.show(text:match("[^\n]*" .. mend[2]:gsub("%p", "%%%0") .. "[^\n]*") .. "\n")
    r.type "gifd check --config config.lua --plugins plugins"
  end
  r.say "The secret has to be there, too:"
  r.type "CHAT_KEY=s3cr3t-9f27 gifd check --config config.lua --plugins plugins"
  r.say "## Why is a value what it is?"
  r.type("CHAT_KEY=s3cr3t-9f27 gifd config explain uploads.max_bytes --config config.lua --plugins plugins",
    "CHAT_KEY=s3cr3t-9f27 gifd config diff --config config.lua --plugins plugins",
    "CHAT_KEY=s3cr3t-9f27 gifd config explain uploads.max_byte --config config.lua --plugins plugins")
  return text
end

local function begin(r)
  r.say "## Serving"
  local line = "CHAT_KEY=s3cr3t-9f27 gifd serve --config config.lua --plugins plugins"
  r.pid = tonumber((r.shell(line .. " >out 2>log & echo $!")))
  server.wait_until("ready", function() return (server.read_file(r.dir .. "/out") or ""):find("sign in", 1, true) end)
  r.block("$ " .. line .. "\n" .. server.read_file(r.dir .. "/out"))
  r.say "The second line signs in, once; `gifd login` prints another. In a second terminal:"
end

local function while_it_serves(r, text)
  r.write("cat.gif", pictures.gif())
  local token = r.shell "gifd token create --scopes admin"
  r.token = token:match("gifd_[%w_-]+")
  r.block("$ export GIFD_TOKEN=$(gifd token create --scopes admin)\n")
  r.say "A file becomes a link:"
  local up = ("gifd up cat.gif --title 'The cat' --server http://127.0.0.1:%d"):format(r.port)
  r.block("$ " .. up .. "\n" .. r.shell(("GIFD_TOKEN=%s %s"):format(r.token, up)))
  r.say "## A change that is wrong, and then right"
  r.say "`uploads = { max_bytes = \"lots\" }` is saved by mistake. What serves goes on:"
  r.write("config.lua", (text:gsub("20 MiB", "lots")))
  r.type "gifd reload"
  r.write("config.lua", (text:gsub("20 MiB", "50 MiB")))
  r.say "And with `\"50 MiB\"`:"
  r.type("gifd reload", "gifd rollback --dry-run", "gifd status")
  r.say "What there is besides: `gifd help`, and `gifd doctor` for what on this machine could be better."
end

--- -> the text of docs/first-five-minutes.md
function M.record()
  local r = recorder()
  local ok, err = pcall(function()
    local text = before_it_serves(r)
    begin(r)
    while_it_serves(r, text)
  end)
  if r.pid then
    r.shell("kill " .. r.pid)
    server.wait_until("the end", function() return posix.kill(r.pid, 0) ~= 0 end)
  end
  os.execute("rm -rf '" .. r.dir .. "'")
  if not ok then error(err, 0) end
  return table.concat(r.out, "\n")
end

if arg and arg[0] and arg[0]:match("journey%.lua$") then io.write(M.record()) end

return M
