--- command/plugin_test: gifd plugin test NAME|DIR [--filter TEXT] [--record] [--json]: runs the specs of a plugin's
-- folder inside this program, with gifd.testing.
local arguments = require "gifd.command.arguments"
local assertions = require "gifd.testing.assertions"
local clock = require "gifd.testing.clock"
local pictures = require "gifd.testing.pictures"
local rig = require "gifd.testing.rig"
local runner = require "gifd.testing.runner"

local OK, FAILED, USAGE, NOT_FOUND = 0, 1, 2, 4

local function fail(code, fmt, ...)
  gifd.console.error("gifd plugin test: " .. fmt:format(...) .. "\n")
  return code
end

local function has_manifest(folder) return gifd.workbench.read(folder .. "/plugin.lua") ~= nil end

--- DIR as it is, or NAME below ./plugins or here.
local function folder_of(word)
  local plain = word:gsub("/+$", "")
  for _, folder in ipairs { plain, "plugins/" .. plain } do
    if has_manifest(folder) then return folder end
  end
end

--- What a spec prints goes to write: not among the results that a program reads.
local function printer(write)
  return function(...)
    local out = {}
    for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
    write(table.concat(out, "\t") .. "\n")
  end
end

--- What a spec file can name, and the function that ends each of its tests.
local function environment(app, folder, words, options)
  local started = {}
  local testing = { gif = pictures.gif }
  function testing.start(with)
    local t = rig.start(app, folder, with or {}, options.record)
    started[#started + 1] = t
    return t
  end
  local env = { assert = assertions.assert, print = printer(options.json and gifd.console.error or gifd.console.write),
    gifd = setmetatable({ testing = testing }, { __index = gifd }) }
  function env.require(name)
    if name == "gifd.testing" then return testing end
    error("a spec stands alone: what it may require is a file of the plugin, as in t:require(" .. ("%q"):format(
      tostring(name)) .. ")", 2)
  end
  for name, fn in pairs(words) do env[name] = fn end
  local function finish()
    local all, first = started, nil
    started = {}
    for _, t in ipairs(all) do
      local ok, err = pcall(t.finish, t)
      if not ok then first = first or err end
    end
    clock.release()
    if first then error(first, 0) end
  end
  return setmetatable(env, { __index = _G }), finish
end

local function specs_of(folder)
  local out = {}
  for _, name in ipairs(gifd.workbench.list(folder .. "/spec") or {}) do
    if name:match("_spec%.lua$") then out[#out + 1] = folder .. "/spec/" .. name end
  end
  table.sort(out)
  return out
end

local function run_file(app, folder, path, options, tell)
  local words, root = runner.words()
  local env, finish = environment(app, folder, words, options)
  local chunk, err = gifd.console.load(path, env)
  local read, why = chunk ~= nil, err and err.message
  if read then read, why = pcall(chunk) end
  if not read then
    why = type(why) == "table" and why.message or why
    return tell { name = path, ok = false, message = tostring(why), seconds = 0 }
  end
  runner.run(root, { filter = options.filter, finish = finish }, tell)
end

local function reporter(json)
  local count = { passed = 0, failed = 0, pending = 0 }
  return count, function(result)
    if result.skipped then return end
    local kind = result.pending and "pending" or result.ok and "passed" or "failed"
    count[kind] = count[kind] + 1
    if json then return gifd.console.write(gifd.json.encode(result) .. "\n") end
    local mark = ({ passed = "ok     ", failed = "FAILED ", pending = "pending" })[kind]
    gifd.console.write(mark .. " " .. result.name .. "\n")
    if result.message then gifd.console.write("        " .. result.message:gsub("\n", "\n        ") .. "\n") end
  end
end

return function(app)
  return function(args)
    local options, words = arguments(args, { filter = "value", file = "value", record = "flag", json = "flag" })
    if not options then return fail(USAGE, "%s", words) end
    if not words[1] or words[2] then return fail(USAGE, "say one plugin: its name, or its folder") end
    local folder = folder_of(words[1])
    if not folder then
      return fail(NOT_FOUND, "there is no plugin.lua in %s, nor in plugins/%s", words[1], words[1])
    end
    local specs = options.file and { options.file } or specs_of(folder)
    if not specs[1] then return fail(FAILED, "%s/spec has no file that ends in _spec.lua", folder) end
    local count, tell = reporter(options.json)
    for _, path in ipairs(specs) do run_file(app, folder, path, options, tell) end
    if not options.json then
      gifd.console.write(("%d passed, %d failed%s\n"):format(count.passed, count.failed,
        count.pending > 0 and (", %d pending"):format(count.pending) or ""))
    end
    return count.failed == 0 and count.passed + count.pending > 0 and OK or FAILED
  end
end
