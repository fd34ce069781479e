-- What a plugin may try, and what becomes of it. Each file of spec/host/hostile runs as `gifd plugin run` would run
-- it; its first line says the outcome: "prints: TEXT" (it ends well), or "refused: TEXT" (exit 1, TEXT in the error;
-- "TEXT or TEXT" where it depends on the machine which bound is met first; on a busy one that of the processor's time
-- is, whatever is refused).
local files = require "spec.support.files"
local server = require "spec.support.server"
local socket = require "socket"

local function expectation(path)
  local kind, text = files.read(path):match("^%-%- (%a+): ([^\n]+)\n")
  return assert(kind, path .. " does not begin with its outcome"), text
end

local function says(got, text)
  for each in (text .. " or "):gmatch("(.-) or ") do
    if got:find(each, 1, true) then return true end
  end
  return false
end

describe("a hostile plugin is contained:", function()
  for _, path in ipairs(files.lines("ls spec/host/hostile/*.lua")) do
    local kind, text = expectation(path)
    it(path:match("([^/]+)%.lua$") .. " -> " .. kind .. ": " .. text, function()
      local began = socket.gettime()
      local code, out, err = server.command("plugin", "run", path)
      local said = ("exit %d\n%s%s"):format(code, out, err)
      assert.equal(kind == "prints" and 0 or 1, code, said)
      local bounds = kind == "refused" and text .. " or ran for more than 50 ms" or text
      assert.is_true(says(kind == "prints" and out:gsub("\t", " ") or err, bounds), said)
      assert.is_true(#err < 4096, "the error is " .. #err .. " bytes long")
      assert.is_true(socket.gettime() - began < 30, "it took too long")
    end)
  end
end)
