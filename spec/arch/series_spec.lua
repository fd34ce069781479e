-- Numbers that are told, and what names them: each is described, and dashboards, alerts and docs know of no other.
package.path = "lua/?.lua;" .. package.path
local files = require "spec.support.files"
local help = require "gifd.metric_help"

local lines, read = files.lines, files.read

-- What begins so and is no number: a cookie. What is as it is kept and told otherwise: lua/gifd/exposition.lua.
local other = { gifd_session = true }
local told = { gifd_process_cpu_seconds = "gifd_process_cpu_seconds_total" }

--- Names in the source -> { [as it is told] = path }, and beginnings that are put together: { "gifd_jobs_", ... }
local function made()
  local names, beginnings = {}, {}
  for _, path in ipairs(lines "find core lua plugins -name '*.c' -o -name '*.lua'") do
    if not path:find "_test%.c$" and not path:find "metric_help" then
      for name in read(path):gmatch('"(gifd_[%l%d_]+)') do
        if name:sub(-1) == "_" then beginnings[#beginnings + 1] = name end
        name = told[name] or name:gsub("_microseconds_total$", "_seconds_total")
        if not other[name] then names[name] = path end
      end
    end
  end
  return names, beginnings
end

describe("each number", function()
  local names, beginnings = made()

  local function begins(name, list)
    for _, beginning in ipairs(list) do
      if name:sub(1, #beginning) == beginning then return true end
    end
  end

  it("that is made is described", function()
    for name, path in pairs(names) do
      local known = help[name] ~= nil
      for full in pairs(help) do known = known or full:sub(1, #name) == name end -- "gifd_tls_expiry" finds one
      assert.is_true(known, path .. ": " .. name)
    end
  end)

  it("that is described is made", function()
    for name in pairs(help) do assert.is_truthy(names[name] or begins(name, beginnings), name) end
  end)

  for _, path in ipairs { "docs/grafana/gifd.json", "docs/prometheus/alerts.yml", "docs/operations.md",
    "docs/plugins.md", "docs/api.md" } do
    it("that " .. path .. " names is told", function()
      local seen = 0
      for name in read(path):gmatch "gifd_[%l%d_]+" do
        local base = name:gsub("_bucket$", ""):gsub("_count$", ""):gsub("_sum$", "")
        local known = help[name] or help[base] and base:find "_seconds$" or other[name] or name == "gifd_"
        assert.is_truthy(known, path .. ": " .. name)
        seen = seen + 1
      end
      assert.is_true(seen > 0 or path:find "%.md$" ~= nil, path)
    end)
  end

  it("in the table of docs/operations.md is told, and all that are told are there", function()
    local text = read "docs/operations.md"
    local from, to = text:find("| `gifd_...` | |", 1, true), text:find("Histograms have the same buckets", 1, true)
    local listed, patterns = {}, {}
    local function add(name)
      if name:sub(-1) == "*" then patterns[#patterns + 1] = "gifd_" .. name:sub(1, -2)
      else listed["gifd_" .. name] = true end
    end
    for row in text:sub(from, to):gmatch "\n|([^|]+)|" do
      for one in row:gmatch "`([^`]+)`" do
        local head, parts, tail = one:match "^([%l_]*_){([^}]+)}([%l_]*)" -- else braces hold labels
        if not head then add((one:gsub("{.*", "")))
        else for part in parts:gmatch "[^,]+" do add(head .. part .. tail) end end
      end
    end
    for name in pairs(listed) do assert.is_truthy(help[name], name) end
    for name in pairs(help) do assert.is_truthy(listed[name] or begins(name, patterns), name) end
  end)
end)
