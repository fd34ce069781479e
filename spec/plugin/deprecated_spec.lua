-- What a plugin says that will go: found in its code, not in its comments and texts; told with file and line by
-- whatever builds a generation. Nothing is deprecated today, so the names here are made up.
package.path = "lua/?.lua;" .. package.path
local deprecated = require "gifd.plugin.deprecated"
local files = require "spec.support.files"
local server = require "spec.support.server"

local names = { ["gifd.text.fold"] = "use gifd.text.lower", ["schema.bytes"] = "use schema.size" }

describe("deprecated names", function()
  it("are found with their lines, also in the middle of a chain", function()
    local text = "local a = gifd.text.fold(x)\n\nreturn schema.bytes {}, gifd.text.fold.x, gifd.text.folded\n"
    local found = {}
    for i, use in ipairs(deprecated.uses(text, names)) do found[i] = use.line .. " " .. use.name end
    assert.same({ "1 gifd.text.fold", "3 schema.bytes", "3 gifd.text.fold" }, found)
  end)

  it("are not found where nothing runs", function()
    for _, text in ipairs { "-- gifd.text.fold", "--[[ gifd.text.fold\n]] x = 1", 'x = "gifd.text.fold"',
      "x = 'it\\'s gifd.text.fold'", "x = [==[ gifd.text.fold ]==]", "x = my_gifd.text.fold",
        "x = --[=[gifd.text.fold" } do
      assert.same({}, deprecated.uses(text, names), text)
    end
    assert.equal(2, deprecated.uses('x = "a" -- b\ny = gifd.text.fold', names)[1].line)
  end)

  it("cost nothing while there are none", function()
    assert.same({}, deprecated.names)
    assert.equal(1, deprecated.api)
  end)

  it("are told when a generation is built, struck through for editors, and marked in the reference", function()
    local dir = files.lines("mktemp -d /tmp/gifd-deprecated-XXXXXX")[1]
    os.execute(("mkdir %s/out && cp -r lua plugins %s"):format(dir, dir))
    local path = dir .. "/lua/gifd/plugin/deprecated.lua"
    local text = server.read_file(path):gsub("M%.names = {}",
      'M.names = { ["gifd.text.words"] = "use gifd.text.list" }')
    server.put(path, text)
    local code, out, err = server.command("check", "--root", dir)
    assert.equal(0, code, out)
    local line = 0
    for content in io.lines("plugins/moderation-words/init.lua") do
      line = line + 1
      if content:find("gifd.text.words", 1, true) then break end
    end
    assert.matches(("plugins/moderation%%-words/init.lua:%d"):format(line), err)
    assert.matches("use gifd.text.list", err)
    assert.equal(0, (server.command("docs", "--root", dir, dir .. "/out")))
    assert.matches("%-%-%-@deprecated use gifd.text.list\n[^\n]*\n[^\n]*\n[^\n]*\nfunction gifd.text.words",
      server.read_file(dir .. "/out/lua/gifd/types/plugin/gifd.lua"))
    assert.matches("gifd.text.words[^\n]*Deprecated:%*%* use gifd.text.list",
      server.read_file(dir .. "/out/docs/reference/primitives.md"))
    os.execute("rm -rf '" .. dir .. "'")
  end)
end)
