-- House rules that a machine can hold: words, names, sizes. An exemption is a line in a list here, with its reason.

local files = require "spec.support.files"

local lines, read = files.lines, files.read

-- The mechanism has never heard of the product (DESIGN 1.1).
local product = {
  "giphy", "tenor", "klipy", "discord", "slack", "teams", "moderat", "verdict", "unfurl", "oembed", "rendition",
  "short link", "share page", "share link", "nsfw", "watermark",
}

-- The table of commands names what Lua does for them; gifd doctor asks one of them by its name.
local exempt = { ["core/app/main.c"] = { unfurl = true, moderat = true, verdict = true },
  ["core/app/doctor_live.c"] = { unfurl = true } }

describe("core speaks of no product:", function()
  for _, path in ipairs(lines("find core -name '*.[ch]'")) do
    it(path, function()
      local text = read(path):lower()
      for _, word in ipairs(product) do
        local named = exempt[path] and exempt[path][word]
        assert.is_true(named or not text:find(word, 1, true), path .. " says '" .. word .. "'")
      end
    end)
  end
end)

describe("names and sizes:", function()
  it("no file is a junk drawer", function()
    for _, path in ipairs(lines("git ls-files --cached --others --exclude-standard")) do
      for part in path:gmatch("[^/%.]+") do
        for word in part:gmatch("[^_%-]+") do
          for _, refused in ipairs({ "util", "utils", "helper", "helpers", "common", "misc", "manager" }) do
            assert.not_equal(refused, word, path)
          end
        end
      end
    end
  end)

  it("every spec is run by busted without words", function()
    local roots = dofile(".busted").default.ROOT
    for _, path in ipairs(lines("git ls-files --cached --others --exclude-standard '*_spec.lua'")) do
      local found = false
      for _, root in ipairs(roots) do found = found or path:sub(1, #root + 1) == root .. "/" end
      assert.is_true(found, path .. " is in no folder of .busted's ROOT")
    end
  end)

  it("no C file is over 800 lines, no Lua file over 300", function()
    for _, path in ipairs(lines("git ls-files --cached --others --exclude-standard core lua plugins")) do
      local limit = path:match("%.[ch]$") and 800 or path:match("%.lua$") and not path:match("/types/") and 300
      if limit and io.open(path) then
        local _, count = read(path):gsub("\n", "")
        assert.is_true(count <= limit, path .. " has " .. count .. " lines")
      end
    end
  end)

  it("every C and Lua source says at its top what it is for", function()
    for _, path in ipairs(lines("git ls-files --cached --others --exclude-standard core lua plugins")) do
      if path:match("%.[ch]$") then
        assert.is_true(read(path):sub(1, 2) == "/*", path .. " does not begin with a comment")
      elseif path:match("%.lua$") and not path:match("/types/") then
        assert.is_true(read(path):sub(1, 2) == "--", path .. " does not begin with a comment")
      end
    end
  end)

  it("nothing is left for later in the sources", function()
    for _, path in ipairs(lines("git ls-files --cached --others --exclude-standard core lua plugins dev")) do
      local text = read(path)
      for _, word in ipairs({ "TO" .. "DO", "FIX" .. "ME", "X" .. "XX " }) do
        local named = exempt[path] and exempt[path][word]
        assert.is_true(named or not text:find(word, 1, true), path .. " says " .. word)
      end
    end
  end)

  it("SQL lives in the model and in migrations", function()
    for _, path in ipairs(lines("find lua/gifd -name '*.lua' -not -path 'lua/gifd/model/*'")) do
      local text = read(path)
      for _, verb in ipairs({ "SELECT ", "INSERT INTO ", "DELETE FROM " }) do
        assert.is_nil(text:find(verb, 1, true), path .. " has SQL")
      end
    end
  end)
end)
