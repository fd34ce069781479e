-- The floors of DESIGN section 3, held for every #include and require.

local files = require "spec.support.files"

local lines, read = files.lines, files.read

local core = {
  base = {},
  loop = { "base" },
  crypto = { "base" },
  http = { "base", "loop", "crypto" },
  fetch = { "base", "loop", "crypto" },
  limit = { "base", "loop", "crypto" },
  store = { "base", "loop", "crypto" },
  media = { "base", "loop", "crypto" },
  script = { "base", "loop", "crypto", "http", "fetch", "store", "media", "limit" },
  app = { "base", "loop", "crypto", "http", "fetch", "store", "media", "limit", "script" },
}

-- Third-party headers and the one folder that may include each. loop hands libuv out through its own header.
local owners = {
  { "^uv%.h$", "loop" }, { "^openssl/", "crypto" }, { "^llhttp%.h$", "http" }, { "^nghttp2/", "http" },
  { "^curl/", "fetch" }, { "^sqlite3%.h$", "store" }, { "^libav", "media" }, { "^libsw", "media" },
  { "^webp/", "media" },
  { "^seccomp%.h$", "media" }, { "^lua", "script" }, { "^lauxlib%.h$", "script" },
}

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

describe("core stays on its floors:", function()
  for _, path in ipairs(lines("find core -name '*.[ch]'")) do
    local folder = path:match("^core/([^/]+)/")
    it(path, function()
      assert.is_not_nil(core[folder], "core/" .. folder .. " is not a floor of the design")
      for kind, header in read(path):gmatch("#include ([<\"])([^>\"]+)") do
        if kind == "\"" then
          local target = header:match("^([^/]+)/") or folder
          assert.is_true(target == folder or contains(core[folder], target), path .. " includes " .. header)
        end
        for _, owner in ipairs(owners) do
          if header:match("^openssl/") and path:match("^core/http/tls") then break end
          if header:match(owner[1]) then assert.equal(owner[2], folder, path .. " includes " .. header) end
        end
      end
    end)
  end
end)

-- Lua: which module may require which. The floor of a module is decided by the first pattern that matches its name.
local floors = {
  { "^gifd%.boot$", 3 }, { "^gifd%.command", 3 }, { "^gifd%.testing", 3 }, { "^gifd%.http", 3 }, { "^gifd%.jobs", 3 },
  { "^gifd%.flow", 2 },
  { "^gifd%.model", 1, "model" }, { "^gifd%.plugin", 1, "plugin" }, { "^gifd%.build", 3 }, { "^gifd%.", 0 },
}

local function floor_of(module)
  for _, row in ipairs(floors) do
    if module:match(row[1]) then return row[2], row[3] end
  end
end

describe("lua/gifd stays on its floors:", function()
  for _, path in ipairs(lines("find lua/gifd -name '*.lua' -not -path '*/types/*'")) do
    local module = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", ".")
    it(module, function()
      local own, room = floor_of(module)
      for target in read(path):gmatch("require%s*%(?%s*\"([%w%._]+)\"") do
        local other, other_room = floor_of(target)
        assert.is_not_nil(other, module .. " requires " .. target)
        assert.is_true(other <= own, module .. " (L" .. own .. ") requires " .. target .. " (L" .. other .. ")")
        if own == 1 and other == 1 then assert.equal(room, other_room, module .. " requires " .. target) end
      end
    end)
  end
end)

describe("plugins stay in their folder:", function()
  for _, path in ipairs(lines("find plugins spec/support/plugins -name '*.lua' -not -path '*/spec/*_spec.lua'")) do
    it(path, function()
      for target in read(path):gmatch("require%s*%(?%s*\"([%w%._%-]+)\"") do
        assert.is_nil(target:match("^gifd%."), path .. " requires " .. target)
      end
    end)
  end
end)
