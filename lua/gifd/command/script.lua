--- command/script: gifd lua FILE ARGS...: runs one file in host Lua, with every primitive that a command may use.
--
-- The file sees all of host Lua (gifd, require), and of its own: print, arg, os.exit; globals that it writes are its
-- own too. A number that it returns is the exit code; nil and an error are a failure.
local OK, FAILED, USAGE = 0, 1, 2

local leaving = {}

local function print_line(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  gifd.console.write(table.concat(out, "\t") .. "\n")
end

local function exit(code)
  if code == nil or code == true then code = OK elseif code == false then code = FAILED end
  leaving.code = code
  error(leaving, 0)
end

local function environment(arg)
  local env = { arg = arg, print = print_line, os = { exit = exit } }
  env._G = env
  return setmetatable(env, { __index = _G })
end

local function failed(why)
  local text = type(why) == "table" and ("%s: %s"):format(why.code or "error", why.message or "") or tostring(why)
  gifd.console.error("gifd lua: " .. text .. "\n")
  return FAILED
end

local function outcome(ok, first, second)
  if not ok then
    if first == leaving then return leaving.code end
    return failed(first)
  end
  if type(first) == "number" then return first end
  if first == nil and second ~= nil then return failed(second) end
  return OK
end

return function(args)
  local file = args[1]
  if not file then
    gifd.console.error("gifd lua: which file?\n")
    return USAGE
  end
  local arg = { [0] = file, unpack(args, 2) }
  local run, err = gifd.console.load(file, environment(arg))
  if not run then return failed(err.message) end
  return outcome(pcall(run, unpack(arg)))
end
