--- testing/runner: describe, it, before_each, after_each, setup, teardown and pending of a spec file, in this process.
--
-- A file is run once to be read; then each `it` runs by itself: setups of the blocks around it that have not run yet,
-- every before_each from the outside in, the test, every after_each from the inside out.
local M = {}

local function block(name, parent)
  return { name = name, parent = parent, items = {}, before_each = {}, after_each = {}, setup = {}, teardown = {} }
end

--- The words that a spec file may say, and the tree of what it said.
function M.words()
  local root = block("", nil)
  local here = root
  local words = {}
  function words.describe(name, fn)
    local outer = here
    here = block(name, outer)
    outer.items[#outer.items + 1] = here
    fn()
    here = outer
  end
  function words.it(name, fn) here.items[#here.items + 1] = { name = name, run = fn, test = true } end
  function words.pending(name) here.items[#here.items + 1] = { name = name, test = true } end
  for _, kind in ipairs { "before_each", "after_each", "setup", "teardown" } do
    words[kind] = function(fn) table.insert(here[kind], fn) end
  end
  words.context, words.test, words.spec = words.describe, words.it, words.it
  return words, root
end

local function message_of(err)
  if type(err) == "table" then return ("%s: %s"):format(tostring(err.code), tostring(err.message)) end
  return tostring(err)
end

local function outside_in(leaf)
  local out = {}
  while leaf do
    table.insert(out, 1, leaf)
    leaf = leaf.parent
  end
  return out
end

local function all(list)
  for _, fn in ipairs(list) do fn() end
end

local function attempt(test, blocks, finish)
  local ok, err = pcall(function()
    for _, b in ipairs(blocks) do
      if not b.ready then
        b.ready = true
        all(b.setup)
      end
    end
    for _, b in ipairs(blocks) do all(b.before_each) end
    test.run()
  end)
  local function also(fn)
    local fine, more = pcall(fn)
    if ok and not fine then ok, err = false, more end
  end
  also(finish)
  for i = #blocks, 1, -1 do also(function() all(blocks[i].after_each) end) end
  return ok, err
end

local function run_block(b, prefix, options, tell)
  local blocks = outside_in(b)
  for _, item in ipairs(b.items) do
    local name = prefix .. (prefix ~= "" and " " or "") .. item.name
    if not item.test then run_block(item, name, options, tell)
    elseif options.filter and not name:find(options.filter, 1, true) then tell { name = name, skipped = true }
    elseif not item.run then tell { name = name, pending = true }
    else
      local began = gifd.time.now()
      local ok, err = attempt(item, blocks, options.finish)
      tell { name = name, ok = ok, message = not ok and message_of(err) or nil,
        seconds = math.max(0, gifd.time.now() - began) }
    end
  end
  if b.ready then
    local ok, err = pcall(all, b.teardown)
    if not ok then tell { name = prefix .. " teardown", ok = false, message = message_of(err), seconds = 0 } end
  end
end

--- options = { filter = text?, finish = called after each test, within its protection }; tell(result) for each:
-- { name, ok, message, seconds }, { name, pending = true } or { name, skipped = true }
function M.run(root, options, tell) run_block(root, "", options, tell) end

return M
