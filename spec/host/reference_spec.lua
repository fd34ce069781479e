-- One table of primitives: what is printed from it is not stale, every row says what it takes, and editors can read it.
-- ./dev docs prints it all again.
local files = require "spec.support.files"
local server = require "spec.support.server"

local read = server.read_file

local function printed()
  local dir = files.lines("mktemp -d /tmp/gifd-reference-XXXXXX")[1]
  local code, _, err = server.command("docs", "--root", ".", dir)
  assert.equal(0, code, err)
  return dir, files.lines(("cd %s && find . -type f | sed 's,^./,,' | sort"):format(dir))
end

--- Lines of a file of annotations that no editor would understand -> array of "line: why"
local function faults_of(text)
  local out, defined, pending, number = {}, { ["gifd.Code"] = true }, {}, 0
  for name in text:gmatch("%-%-%-@class ([%w_.]+)") do defined[name] = true end
  for name in text:gmatch("%-%-%-@alias ([%w_.]+)") do defined[name] = true end
  local function fault(why) out[#out + 1] = number .. ": " .. why end
  local function check_type(type_)
    for _, pair in ipairs { "()", "{}", "[]" } do
      local _, opened = type_:gsub("%" .. pair:sub(1, 1), "")
      local _, closed = type_:gsub("%" .. pair:sub(2, 2), "")
      if opened ~= closed then fault("unbalanced " .. pair .. " in " .. type_) end
    end
    for name in type_:gmatch("gifd%.%u%w*") do
      if not defined[name] then fault("there is no class " .. name) end
    end
    for name in type_:gmatch("gifd%.hook%.[%w_]+") do
      if not defined[name] then fault("there is no alias " .. name) end
    end
  end
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local tag, rest = line:match("^%-%-%-@(%w+) ?(.*)$")
    if tag == "param" then
      local name, type_ = rest:match("^([%w_.]+)%?? (.+)$")
      if not name then fault("a param without a type") else
        pending[#pending + 1] = name
        check_type(type_)
      end
    elseif tag == "return" or tag == "field" or tag == "alias" then
      if not rest:match("%S") then fault(tag .. " without a type") end
      check_type(rest:gsub("%-%-.*$", ""))
    elseif tag and not ({ class = true, meta = true, type = true, generic = true,
      deprecated = true })[tag] then
      fault("unknown tag " .. tag)
    end
    local params = line:match("^function [%w_.:]+%((.-)%) end")
    if params then
      if params ~= table.concat(pending, ", ") then fault("params are " .. params) end
      pending = {}
    end
  end
  return out
end

describe("the reference and the annotations", function()
  local dir, paths

  setup(function() dir, paths = printed() end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("are what the tables say now (./dev docs prints them again)", function()
    assert.is_true(#paths >= 5)
    for _, path in ipairs(paths) do assert.equal(read(dir .. "/" .. path), read(path), path .. " is stale") end
  end)

  it("have no page or file that is not printed any more", function()
    local known = { ["docs/reference/config.md"] = true,
      ["docs/reference/cli.md"] = true } -- printed by commands of their own
    for _, path in ipairs(paths) do known[path] = true end
    for _, path in ipairs(files.lines("find docs/reference lua/gifd/types -type f")) do
      assert.is_true(known[path], path)
    end
  end)

  it("have every primitive of C, with types and a word of what it does", function()
    local host, page = read("lua/gifd/types/host/gifd.lua"), read("docs/reference/primitives.md")
    local count = 0
    for _, path in ipairs(files.lines("ls core/script/bind_*.c")) do
      local source = read(path):gsub('"%s*\n%s*"', "")
      for name, signature in source:gmatch('{"(gifd%.[%w_.]+)",%s*[%w_]+,%s*[%u_ |]+,%s*"(.-[^\\])"}') do
        signature = signature:gsub('\\"', '"')
        count = count + 1
        assert.matches(" %-%- %S", signature, name)
        for params in signature:gmatch("^[^(]*%((.-)%)") do
          if params ~= "" then assert.matches(": ", params, name) end
        end
        local public = signature:match("^(gifd%.[%w_.]+)%(") or signature:match("^%w+:%w+") or name
        if not public:match("^gifd%.inner") then
          local said = public:gsub("^(%l)(%w*):", function(a, b) return a:upper() .. b .. ":" end)
          assert.truthy(host:find("function " .. said .. "(", 1, true), said .. " is not in the annotations")
          assert.truthy(page:find(public .. "(", 1, true), public .. " is not in the reference")
        end
      end
    end
    assert.is_true(count > 130, count .. " rows")
  end)

  it("name each hook, each part of a surface and each capability", function()
    local plugin, page = read("lua/gifd/types/plugin/gifd.lua"), read("docs/reference/hooks.md")
    for _, hook in ipairs { "judge", "tags", "renditions", "on_upload", "on_share", "on_verdict", "on_rendition",
      "on_delete", "on_purge" } do
      assert.truthy(plugin:find("---@field " .. hook .. "? gifd.hook." .. hook, 1, true), hook)
      assert.truthy(page:find("\n## " .. hook .. "\n", 1, true), hook)
    end
    assert.truthy(plugin:find("---@field [string] gifd.hook.publish", 1, true))
    for _, class in ipairs { "Surface", "Route", "Work", "Ballot", "Published", "Event", "Request", "Answer" } do
      assert.truthy(plugin:find("---@class gifd." .. class, 1, true), class)
    end
    for word in read("lua/gifd/plugin/grants.lua"):gmatch('\n  %["([a-z.]+)"%] = data') do
      assert.truthy(plugin:find('"' .. word .. '"', 1, true), word)
    end
  end)

  for _, path in ipairs { "lua/gifd/types/plugin/gifd.lua", "lua/gifd/types/host/gifd.lua" } do
    it("can be read by editors: " .. path, function()
      assert.truthy(loadfile(path))
      assert.same({}, faults_of(read(path)))
    end)
  end

  it("would be told apart from what is broken", function()
    assert.equal(3, #faults_of("---@param a\n---@param b {x: string\n---@return gifd.Nobody\nfunction f(b) end"))
  end)
end)

describe("what a row says of arguments is what is checked", function()
  it("by name and number, as the author counts them", function()
    local script = os.tmpname()
    server.put(script, [[
      for _, call in ipairs { { gifd.time.sleep, "x" }, { gifd.kv.get, "p", 1 }, { gifd.media.probe, 1 },
        { gifd.text.words }, { gifd.fetch, "http://x" }, { gifd.log.info, "e", "f" }, { gifd.json.decode, "1", 2 } } do
        print(select(2, pcall(unpack(call))):gsub("^.-:%d+: ", ""), "")
      end]])
    local code, out = server.command("lua", "--root", ".", script)
    os.remove(script)
    assert.equal(0, code)
    assert.equal([[
gifd.time.sleep: argument 1 (seconds): must be a number, not a string
gifd.kv.get: argument 1 (key): must be a string, not a number
gifd.media.probe: argument 1 (what): must be a string or a draft, not a number
gifd.text.words: argument 1 (list): must be a table, not a no value
gifd.fetch: argument 1 (options): must be a table, not a string
gifd.log.info: argument 2 (fields): must be a table, not a string
gifd.json.decode: argument 2 (options): must be a table, not a number
]], (out:gsub("\t1?\t?\n", "\n")))
  end)
end)
