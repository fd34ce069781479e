-- docs/plugins.md, followed literally: its files are written, its commands run in one shell, in a folder of their own,
-- and what they print is held against what the page says. Addresses alone are others, since ports may be taken.
local files = require "spec.support.files"
local pictures = require "spec.support.pictures"
local server = require "spec.support.server"
local socket = require "socket"

local function free_port()
  local s = assert(socket.bind("127.0.0.1", 0))
  local _, port = s:getsockname()
  s:close()
  return port
end

--- Blocks in order -> array of { kind = "sh" | "lua" | "text", line, content }
local function blocks_of(text)
  local out, open, line = {}, nil, 0
  for content in (text .. "\n"):gmatch("(.-)\n") do
    line = line + 1
    local fence = content:match("^```(.*)$")
    if fence and open then
      out[#out + 1] = open
      open = nil
    elseif fence then open = { kind = fence, line = line, content = "" }
    elseif open then open.content = open.content .. content .. "\n" end
  end
  assert.is_nil(open, "a block that does not end")
  return out
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- One shell script of all of it: files are written, each block's output and exit code kept.
local function script_of(blocks, dir, address)
  local out = { "set -m", "cd " .. quoted(dir .. "/work"), "PATH=" .. quoted(dir .. "/bin") .. ":$PATH",
    "unset GIFD_DATA GIFD_SERVER GIFD_TOKEN", "trap 'kill %1 2>/dev/null' EXIT" }
  for i, block in ipairs(blocks) do
    local content = block.content:gsub("127%.0%.0%.1:8080", address)
    if block.kind == "lua" then
      local path = assert(content:match("^%-%- (%S+)\n"), "line " .. block.line .. ": a file without its name")
      out[#out + 1] = ("printf %%s %s > %s"):format(quoted(content), path)
    elseif block.kind == "sh" then
      out[#out + 1] = ("{ %s\n} > %s/out.%d 2>&1; echo $? > %s/rc.%d"):format(content, dir, i, dir, i)
      if content:match("&\n$") then
        out[#out + 1] = ("for n in $(seq 200); do curl -s -m 5 http://%s/healthz >/dev/null && break; sleep 0.05; done")
          :format(address)
      end
    end
  end
  return table.concat(out, "\n") .. "\n"
end

describe("docs/plugins.md, followed literally,", function()
  local dir, blocks

  setup(function()
    dir = files.lines("mktemp -d /tmp/gifd-tutorial-XXXXXX")[1]
    blocks = blocks_of(server.read_file("docs/plugins.md"))
    local here = files.lines("pwd")[1]
    os.execute(("mkdir %s/work %s/bin && ln -s %s/%s %s/bin/gifd"):format(dir, dir, here, server.binary, dir))
    server.put(dir .. "/work/cat.gif", pictures.gif { frames = 2 })
    server.put(dir .. "/run.sh", script_of(blocks, dir, "127.0.0.1:" .. free_port()))
    os.execute(("timeout 100 bash %s/run.sh > %s/shell 2>&1 </dev/null"):format(dir, dir))
  end)

  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("has no block that is not run or compared", function()
    local known = { sh = true, lua = true, text = true }
    for i, block in ipairs(blocks) do
      assert.is_true(known[block.kind], "line " .. block.line .. ": a block of " .. block.kind)
      if block.kind == "text" then assert.equal("sh", blocks[i - 1].kind, "line " .. block.line) end
    end
    assert.is_true(#blocks > 25)
  end)

  it("has no command that fails", function()
    for i, block in ipairs(blocks) do
      if block.kind == "sh" then
        local said = server.read_file(dir .. "/out." .. i)
        assert.equal("0\n", server.read_file(dir .. "/rc." .. i), ("line %d: %s"):format(block.line, tostring(said)))
      end
    end
  end)

  it("prints what the page says it prints", function()
    for i, block in ipairs(blocks) do
      if block.kind == "text" then
        local said = server.read_file(dir .. "/out." .. i - 1) or ""
        for line in block.content:gmatch("[^\n]+") do
          assert.truthy(said:find(line, 1, true), ("line %d: %s\nnot in: %s"):format(block.line, line, said))
        end
      end
    end
  end)
end)
