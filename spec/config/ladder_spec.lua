-- The ladder as data: its names, what an operator makes of it, and what each rung is for a given source.
package.path = "lua/?.lua;" .. package.path
local S = require "gifd.schema"
local ladder = require "gifd.ladder"

local function settings(own)
  local value, faults = S.check(ladder.settings, own or {})
  assert.same({}, faults)
  return value
end

local function gif(more)
  local out = { type = "image/gif", width = 480, height = 270, frames = 60, duration_ms = 6000, bytes = 3e6 }
  for key, value in pairs(more or {}) do out[key] = value end
  return out
end

local function recipe(word, asset)
  return ladder.recipe(ladder.find(ladder.new(settings()), word), asset or gif(), 0)
end

describe("the ladder", function()
  it("has every name that pages, platforms and pickers ask for", function()
    local own = ladder.new(settings())
    for name, extensions in pairs {
      poster = "jpg webp", still = "png", mp4 = "mp4", webm = "webm", webp = "webp", gif = "gif",
      fixed_height = "gif mp4 webp", fixed_height_small = "gif mp4 webp", fixed_width = "gif mp4 webp",
      fixed_width_small = "gif mp4 webp", fixed_height_still = "gif", fixed_height_small_still = "gif",
      fixed_width_still = "gif", fixed_width_small_still = "gif", fixed_height_downsampled = "gif webp",
      fixed_width_downsampled = "gif webp", downsized = "gif", downsized_medium = "gif", downsized_large = "gif",
      downsized_small = "mp4", preview = "mp4", preview_gif = "gif", looping = "mp4", loopedmp4 = "mp4",
      mediumgif = "gif", tinygif = "gif", tinywebp = "webp", nanogif = "gif", nanowebp = "webp", tinymp4 = "mp4",
      tinywebm = "webm", nanomp4 = "mp4", nanowebm = "webm", discord = "gif", slack = "gif", teams = "gif",
      twitter = "mp4", facebook = "mp4", web_1080p = "mp4", web_720p = "mp4", generic = "mp4",
    } do
      for ext in extensions:gmatch("%w+") do assert.is_table(own.by_file[name .. "." .. ext], name .. "." .. ext) end
    end
    assert.equal("jpeg", own.by_name.poster.format)
    local list = {}
    for _, one in ipairs(own.list) do if one.at_once then list[#list + 1] = ladder.file(one) end end
    assert.same({ "poster.jpg", "mp4.mp4", "tinygif.gif" }, list)
    local _, faults = S.check(S.list { of = ladder.rung, max = ladder.most }, own.list)
    assert.same({}, faults)
  end)

  it("is the operator's to change", function()
    local own = ladder.new(settings { at_once = { "poster.webp", "square" }, without = { "discord.mp4", "webm" },
      own = { { name = "square", format = "png", width = 64, height = 64 },
              { name = "tinygif", format = "gif", width = 160 } } })
    assert.is_nil(own.by_file["discord.mp4"] or own.by_name.webm)
    assert.is_table(own.by_file["discord.gif"])
    assert.is_true(own.by_name.square.at_once and own.by_file["poster.webp"].at_once)
    assert.is_nil(own.by_file["poster.jpg"].at_once)
    assert.equal(160, own.by_name.tinygif.width)
    for _, wrong in ipairs { { at_once = { "bigif" } }, { without = { "poster.png" } } } do
      local ok, why = pcall(ladder.new, settings(wrong))
      assert.is_false(ok)
      assert.matches('there is no rendition "', why)
    end
  end)

  it("asks of a source only what changes something, so that equal ones are made once", function()
    assert.same({ format = "gif", background = 0 }, recipe("tinygif", gif { width = 200, height = 100 }))
    assert.same({ format = "gif", background = 0, height = 200 }, recipe "fixed_height")
    assert.same({ format = "mp4", background = 0 }, recipe "web_720p")
    assert.same({ format = "mp4", background = 0, height = 720 },
      recipe("web_720p", gif { width = 1080, height = 1920 }))
    assert.same({ format = "mp4", background = 0, width = 1280 },
      recipe("web_720p", gif { width = 1920, height = 900 }))
    assert.equal(15, recipe("looping").repeat_to)
    assert.is_nil(recipe("looping", gif { duration_ms = 15000 }).repeat_to)
    assert.is_nil(recipe("fixed_width_downsampled", gif { frames = 4 }).frames)
    assert.is_nil(recipe("preview", gif { duration_ms = 1900 }).to)
    assert.is_nil(recipe("downsized_medium").budget) -- the source fits as it is
    assert.equal(2e6 - 1, recipe("downsized").budget)
    assert.equal(5e6 - 1, recipe("downsized_medium", gif { type = "image/webp" }).budget)
  end)

  it("lets the source stand for what shows the same, never with its sound", function()
    assert.is_true(ladder.may_be_source(recipe "fixed_height", gif()))
    for _, name in ipairs { "fixed_height.mp4", "fixed_height_still", "fixed_height_downsampled", "preview_gif" } do
      assert.is_false(ladder.may_be_source(recipe(name), gif()), name)
    end
    local film = gif { type = "video/mp4" }
    assert.is_true(ladder.is_source(recipe("mp4", film), film))
    assert.is_false(ladder.is_source(recipe("tinymp4", film), film))
    film.has_audio = true
    assert.is_false(ladder.may_be_source(recipe("mp4", film), film))
  end)

  it("knows the size and the work of each before it is made", function()
    local function size(word, asset) return { ladder.size(recipe(word, asset), asset or gif()) } end
    assert.same({ 356, 200 }, size "fixed_height")
    assert.same({ 200, 113 }, size "fixed_width.gif")
    assert.same({ 200, 114 }, size "fixed_width.mp4") -- films have even sides
    assert.same({ 480, 270 }, size "poster")
    assert.same({ 1, 1 }, size("nanogif", gif { width = 1, height = 1 }))
    assert.equal(480 * 270, ladder.pixels(recipe "poster", gif()))
    assert.equal(356 * 200 * 6, ladder.pixels(recipe "fixed_height_downsampled", gif()))
    assert.equal(480 * 270 * 60 * 3, ladder.pixels(recipe "looping", gif()))
  end)

  it("has no films of what stands still", function()
    assert.is_string(ladder.impossible(ladder.find(ladder.new(settings()), "mp4"), gif { frames = 1 }))
    assert.is_nil(ladder.impossible(ladder.find(ladder.new(settings()), "tinygif"), gif { frames = 1 }))
  end)
end)
