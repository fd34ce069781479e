-- Recipes as people write them: what is refused says which field and why; what is left out has the known defaults.
package.path = "lua/?.lua;" .. package.path
local recipes = require "gifd.recipes"

local function media(value, facts)
  local r, faults = recipes.check(value)
  assert(r, faults and recipes.text(faults))
  return recipes.media(r, facts)
end

local function refusal(value)
  local r, faults = recipes.check(value)
  assert.is_nil(r)
  return recipes.text(faults)
end

describe("a recipe", function()
  it("left alone is H.264 at 1 Mbit/s, a thumbnail at 1 s of 320 wide, a GIF of all colours", function()
    assert.same({ { format = "mp4", bitrate = 1e6 } }, media { transcode = {} })
    assert.same({ { format = "jpeg", at = 1, width = 320 } }, media { thumbnail = {} })
    assert.same({ { format = "gif" } }, media { gif = {} })
    assert.same({ { format = "webp", quality = 80 } }, media { transcode = { container = "webp" } })
  end)

  it("may name its kind inside", function()
    assert.same(media { gif = { width = 320 } }, media { type = "gif", width = 320 })
    assert.same({ { format = "png", at = 2, width = 10 } }, media { format = "png", at = 2, width = 10 })
  end)

  it("says how good in words, numbers or bits", function()
    for word, crf in pairs { low = 28, medium = 23, high = 18 } do
      assert.same({ { format = "mp4", quality = crf } }, media { transcode = { quality = word } })
    end
    assert.same({ { format = "mp4", quality = 30 } }, media { transcode = { crf = 30 } })
    assert.same({ { format = "webm", bitrate = 8e5 } }, media { transcode = { container = "webm", bitrate = "800k" } })
    assert.same({ { format = "mp4", bitrate = 5e6 } }, media { transcode = { bitrate = "5M" } })
  end)

  it("takes a still of any format at a time", function()
    assert.same({ { format = "png", width = 320 } }, media { thumbnail = { at = 0, format = "png" } })
    assert.same({ { format = "webp", from = 2.5, frames = 1, height = 90 } },
      media { thumbnail = { at = 2.5, format = "webp", height = 90 } })
  end)

  it("counts frames from the first to the last, rounded half to even", function()
    assert.same({ 0, 3, 6, 9 }, recipes.indices(10, 4))
    assert.same({ 0, 2, 5 }, recipes.indices(6, 3)) -- 2.5 is 2
    assert.same({ 0, 99 }, recipes.indices(100, 2))
    assert.same({ 0 }, recipes.indices(9, 1))
    assert.same({ 0, 1, 2 }, recipes.indices(3, 8))
    local list = media({ frames = { count = 2, format = "jpeg" } }, { delays_ms = { 100, 200, 50 } })
    assert.same({ { format = "jpeg" }, { format = "jpeg", at = 0.3 } }, list)
    assert.same({ { format = "png", at = 1.5, width = 9 } }, media { frames = { times = { 1.5 }, width = 9 } })
  end)

  it("is refused by name when a field is unknown, out of bounds or of the wrong kind", function()
    assert.equal("gif.colours unknown key, did you mean colors?", refusal { gif = { colours = 3 } })
    assert.equal("gif.colors must be at least 2", refusal { gif = { colors = 1 } })
    assert.matches("^gif%.width must be", refusal { gif = { width = 0.5 } })
    assert.matches("^gif%.dither must be one of", refusal { gif = { dither = "bayer" } })
    assert.matches("^transcode%.bitrate must be", refusal { transcode = { bitrate = "fast" } })
    assert.equal("transcode.bitrate must be 10k to 100M", refusal { transcode = { bitrate = "900M" } })
    assert.matches("^frames%.count must be at most", refusal { frames = { count = 1000 } })
    assert.matches("^the recipe must be one of frames, gif", refusal { gifs = {} })
    assert.matches("^the recipe must be one of", refusal { gif = {}, thumbnail = {} })
    assert.matches("^the recipe must be an object", refusal "gif")
  end)

  it("is refused by name when it contradicts itself", function()
    local cases = {
      { { transcode = { crf = 20, bitrate = "1M" } }, "transcode.crf contradicts bitrate" },
      { { transcode = { crf = 20, quality = "low" } }, "transcode.quality contradicts crf" },
      { { transcode = { container = "mp4", video = "vp9" } }, "transcode.video vp9 does not go in mp4" },
      { { transcode = { container = "webp", video = "h264" } }, "transcode.video h264 does not go in webp" },
      { { transcode = { container = "gif", crf = 20 } }, "transcode.crf does not go with gif" },
      { { transcode = { from = 3, to = 2 } }, "transcode.to must come after from" },
      { { transcode = { crf = 60 } }, "transcode.crf must be at most 51" },
      { { transcode = { loop = 2 } }, "transcode.loop does not go with mp4: its player decides" },
      { { gif = { floor = 0.9 } }, "gif.floor goes with budget only" },
      { { frames = { count = 2, times = { 1 } } }, "frames.times contradicts count" },
      { { frames = {} }, "frames.count is required, or times" },
      { { format = "gif", at = 1 }, "at does not go with gif" },
      { { format = "mp4", quality = 20, bitrate = 1e6 }, "bitrate contradicts quality" },
    }
    for _, case in ipairs(cases) do assert.equal(case[2], refusal(case[1])) end
  end)

  it("makes the sound that a container has, and no other", function()
    assert.matches("^transcode%.audio .*does not go in webm", refusal {
      transcode = { container = "webm", audio = "aac" } })
    assert.matches("^transcode%.audio opus does not go in mp4: it has aac", refusal { transcode = { audio = "opus" } })
    assert.equal("transcode.audio aac does not go in gif", refusal { transcode = { container = "gif", audio = "aac" } })
    assert.matches("^transcode%.audio must be", refusal { transcode = { audio = "mp3" } })
    assert.equal(64000, media({ transcode = { container = "webm", audio = "opus", audio_bitrate = "64k" } })[1].audio)
    assert.is_nil(media({ transcode = { container = "webm" } })[1].audio)
    assert.matches("^transcode%.audio_bitrate goes with", refusal { transcode = { audio_bitrate = "96k" } })
    assert.matches("^transcode%.audio_bitrate must be 16k", refusal {
      transcode = { audio = "aac", audio_bitrate = "1M" } })
    assert.equal(128000, media({ transcode = { audio = "aac" } })[1].audio)
    assert.equal(96000, media({ transcode = { audio = "aac", audio_bitrate = "96k" } })[1].audio)
    assert.same(media { transcode = {} }, media { transcode = { audio = "none" } })
  end)
end)
