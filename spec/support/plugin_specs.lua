-- plugin_specs: specs of plugins run inside the host (gifd plugin test), not in this interpreter: busted reads such a
-- file by running it there, and tells each of its tests as if it were its own (docs/decisions/0006-plugin-specs.md).
--
-- A file is a plugin's when plugin.lua stands in the folder above its own. Named as `helper` in .busted.
local cjson = require "cjson"
local server = require "server"

local lua = require "busted.modules.files.lua"
local load_lua = lua.load

local function folder_of(path)
  local folder = path:match("^(.*)/spec/[^/]+_spec%.lua$")
  local manifest = folder and io.open(folder .. "/plugin.lua")
  if not manifest then return nil end
  manifest:close()
  return folder
end

local function run(folder, path)
  local code, out, err = server.command("plugin", "test", folder, "--root", ".", "--file", path, "--json")
  local results = {}
  for line in out:gmatch("[^\n]+") do results[#results + 1] = cjson.decode(line) end
  if not results[1] then results[1] = { name = path, ok = false, message = ("exit %d: %s"):format(code, err) } end
  return results
end

--- As a chunk of busted's: it declares a test for each result.
local function chunk(folder, path)
  return function()
    for _, result in ipairs(run(folder, path)) do
      if result.pending then pending(result.name)
      else
        it(result.name, function()
          if not result.ok then error(result.message, 0) end
        end)
      end
    end
  end
end

function lua.load(busted, path)
  local folder = folder_of(path)
  if not folder then return load_lua(busted, path) end
  return setfenv(chunk(folder, path), getfenv(1)), function(_, info) return info end
end
