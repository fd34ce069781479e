--- command/docs: gifd docs FOLDER: writes what is printed from tables: the pages of docs/reference and the annotations
-- of lua/gifd/types, below FOLDER. ./dev docs calls it, and a spec compares.
local S = require "gifd.schema"
local annotations = require "gifd.command.reference.annotations"
local pages = require "gifd.command.reference.pages"
local testing = require "gifd.command.reference.testing"
local primitives = require "gifd.command.reference.primitives"

local OK, FAILED = 0, 1

--- Writes a file, with the folders that it needs -> true, or nil, err
local function put(root, path, text)
  local at = root
  for part in path:gmatch("([^/]+)/") do
    at = at .. "/" .. part
    gifd.try(gifd.console.folder(at))
  end
  return gifd.console.save(gifd.try(gifd.workbench.draft(text)), root .. "/" .. path)
end

local function manifests()
  local out = {}
  for _, name in ipairs(gifd.workbench.list("plugins") or {}) do
    local run = gifd.console.load("plugins/" .. name .. "/plugin.lua", { schema = S })
    if run then out[#out + 1] = run() end
  end
  return out
end

--- app = { services } -> { [path] = text }
local function all(app)
  local host, methods, codes = primitives.host()
  local plugin = primitives.plugin(app.services)
  local out = {
    ["docs/reference/primitives.md"] = pages.primitives(plugin, host, methods, codes),
    ["docs/reference/hooks.md"] = pages.hooks(),
    ["docs/reference/testing.md"] = testing.page(),
    ["lua/gifd/types/plugin/testing.lua"] = testing.annotations(),
    ["lua/gifd/types/plugin/gifd.lua"] = annotations.plugin(plugin, methods, codes),
    ["lua/gifd/types/host/gifd.lua"] = annotations.host(host, methods, codes),
  }
  for _, manifest in ipairs(manifests()) do
    out["docs/reference/plugin-" .. manifest.name .. ".md"] = pages.bundled(manifest)
  end
  return out
end

return function(app)
  return function(args)
    for path, text in pairs(all(app)) do
      local done, err = gifd.catch(put, args[1], path, text)
      if not done then
        gifd.console.error("gifd docs: " .. tostring(err.message) .. "\n")
        return FAILED
      end
    end
    return OK
  end
end
