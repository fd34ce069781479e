-- gifd probe, ladder, fit and render: files in, files out, without a server.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local posix = require "posix"
local server = require "server"

describe("media commands", function()
  local dir
  local function put(name, bytes)
    server.put(dir .. "/" .. name, bytes)
    return dir .. "/" .. name
  end
  local function read(name) return server.read_file(dir .. "/" .. name) end
  local function json(...)
    local code, out, err = server.command(...)
    assert.equal(0, code, err)
    return cjson.decode(out)
  end
  setup(function() dir = assert(posix.mkdtemp "/tmp/gifd-spec-XXXXXX") end)
  teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

  it("probe says what a file is and how long each frame is shown", function()
    local path = put("a.gif", pictures.gif { frames = 3, delay = 7, width = 20, height = 10 })
    local facts = json("probe", path, "--json")
    assert.same({ "image/gif", 20, 10, 3, 210, 0 },
      { facts.type, facts.width, facts.height, facts.frames, facts.duration_ms, facts.loop })
    assert.same({ 70, 70, 70 }, facts.delays_ms)
    assert.same({ false, true }, { facts.truncated, facts.has_alpha ~= nil })
    assert.same({ 100 }, json("probe", put("fast.gif", pictures.gif { delay = 1 }), "--json").delays_ms)
    local code, out = server.command("probe", path)
    assert.equal(0, code)
    assert.matches("image/gif 20x10, 3 frames, 0%.210 s", out)
  end)

  it("probe refuses with a reason and exit code 1", function()
    for name, bytes in pairs { ["a.svg"] = "<svg/>", ["b.gif"] = "GIF89a", ["c.png"] = "", ["d.gif"] = "hello" } do
      local code, out, err = server.command("probe", put(name, bytes), "--json")
      assert.same({ 1, "" }, { code, out }, name)
      assert.matches("^gifd probe: .+: .+", err)
    end
    assert.equal(4, (server.command("probe", dir .. "/none.gif")))
    assert.equal(1, (server.command("probe", "/dev/null")))
    assert.equal(2, (server.command("probe")))
    assert.equal(2, (server.command("probe", "--jsno", "x")))
  end)

  it("ladder writes every rendition as NAME.EXT, with its facts", function()
    local path = put("l.gif", pictures.gif { frames = 4, width = 300, height = 120 })
    local made = json("ladder", path, dir .. "/l", "--json")
    assert.equal("image/gif", made.source.type)
    assert.matches("^gifd%-media %x+ avcodec", made.made_by)
    assert.same({}, made.refused)
    local names = {}
    for _, r in ipairs(made.renditions) do
      names[r.file] = r
      assert.equal(r.bytes, #assert(read("l/" .. r.file), r.file), r.file)
      assert.is_true(r.width <= 300 and r.frames >= 1, r.file)
    end
    for _, file in ipairs { "poster.jpg", "poster.webp", "still.png", "mp4.mp4", "webm.webm", "webp.webp", "gif.gif",
      "fixed_height.webp", "fixed_width_small_still.gif", "tinymp4.mp4", "nanowebp.webp", "teams.gif" } do
      assert.is_table(names[file], file)
    end
    assert.equal(400, names["mp4.mp4"].duration_ms)
    assert.is_true(names["looping.mp4"].duration_ms >= 14900)
    assert.equal(90, names["nanowebp.webp"].height)
    local again = json("ladder", path, dir .. "/again", "--json")
    for i, r in ipairs(again.renditions) do
      assert.equal(made.renditions[i].file, r.file)
      assert.equal(read("l/" .. r.file), read("again/" .. r.file), r.file) -- the same bytes each time
    end
  end)

  it("ladder keeps the source's own bytes where what was made of it is larger", function()
    local path = put("own.gif", pictures.noise(96))
    local made = json("ladder", path, dir .. "/own", "--json")
    local own = {}
    for _, r in ipairs(made.renditions) do
      if r.type == "image/gif" and r.frames == made.source.frames then
        assert.is_true(r.bytes <= made.source.bytes, r.file)
      end
      if r.source then
        own[r.file] = true
        assert.equal(read("own.gif"), read("own/" .. r.file), r.file)
      end
    end
    for _, file in ipairs { "gif.gif", "downsized.gif", "fixed_width.gif", "slack.gif" } do
      assert.is_true(own[file], file)
    end
    assert.is_nil(own["mediumgif.gif"]) -- which is smaller
  end)

  it("render keeps the source's own bytes where what was made in its format, size and timing is larger", function()
    local path = put("noise.gif", pictures.noise(96))
    local function render(from, recipe, to)
      return json("render", dir .. "/" .. from, "--recipe", recipe, "-o", dir .. "/" .. to, "--json")
    end
    assert.is_true(render("noise.gif", '{"gif":{}}', "same.gif").source)
    assert.equal(read "noise.gif", read "same.gif")
    render("noise.gif", '{"transcode":{"container":"mp4","crf":40}}', "small.mp4")
    assert.is_true(render("small.mp4", '{"transcode":{"container":"mp4","crf":5}}', "large.mp4").source)
    assert.equal(read "small.mp4", read "large.mp4")
    for recipe, file in pairs { ['{"transcode":{"container":"mp4","crf":5,"fps":5}}'] = "slow.mp4",
      ['{"transcode":{"container":"mp4","crf":5,"width":80}}'] = "narrow.mp4",
      ['{"transcode":{"container":"mp4","crf":5,"to":0.2}}'] = "short.mp4" } do
      assert.is_nil(render("small.mp4", recipe, file).source, file)
      assert.not_equal(read "small.mp4", read(file), file)
    end
    assert.is_string(path)
  end)

  it("a poster of a film is its first picture, though only that is decoded", function()
    put("film.gif", pictures.noise(64))
    for _, container in ipairs { "mp4", "webm" } do
      local film = ("%s/film.%s"):format(dir, container)
      local recipe = ('{"transcode":{"container":"%s"}}'):format(container)
      json("render", dir .. "/film.gif", "--recipe", recipe, "-o", film, "--json")
      json("render", film, "--recipe", '{"thumbnail":{"at":0,"format":"png"}}', "-o", dir .. "/first.png", "--json")
      assert.equal(0, (server.command("render", film, "--recipe", '{"frames":{"count":4}}', "-o", dir .. "/all")))
      assert.equal(read "all/frame_0000.png", read "first.png", container)
      assert.not_equal(read "all/frame_0001.png", read "first.png", container)
    end
  end)

  it("films play again until they are long enough, whether or not anything is saved by that", function()
    local ways = { noise = pictures.noise(64),
      still = pictures.gif { frames = 4, width = 64, height = 64, moving = true } }
    for name, bytes in pairs(ways) do
      local once = json("probe", put(name .. ".gif", bytes), "--json")
      local made = json("ladder", ("%s/%s.gif"):format(dir, name), dir .. "/" .. name, "--json")
      assert.same({}, made.refused)
      local long = json("probe", ("%s/%s/looping.mp4"):format(dir, name), "--json")
      assert.equal(15000, long.duration_ms, name)
      local at = 0
      for i, ms in ipairs(long.delays_ms) do
        assert.equal(once.delays_ms[(i - 1) % #once.delays_ms + 1] or 0, ms, name)
        at = at + ms
      end
      assert.equal(15000, at)
    end
  end)

  it("films of what stands for days last as long", function()
    local path = put("days.gif", pictures.gif { frames = 310, delay = 65535 })
    for _, container in ipairs { "mp4", "webm" } do
      local made = json("render", path, "--recipe", ('{"transcode":{"container":"%s"}}'):format(container), "-o",
        dir .. "/days." .. container, "--json")
      assert.equal(203158500, made.duration_ms)
      assert.equal(203158500, json("probe", dir .. "/days." .. container, "--json").duration_ms)
    end
  end)

  it("ladder keeps how often it plays, as far as a format can say it", function()
    local bytes = pictures.gif { frames = 2, width = 16, height = 16 }
    bytes = bytes:gsub("NETSCAPE2%.0\3\1%z%z", "NETSCAPE2.0\3\1\255\255")
    local path = put("loops.gif", (bytes:gsub("^(.*\44)%z%z%z%z", "%1\4\0\4\0"))) -- the second frame lies elsewhere
    assert.equal(65536, json("probe", path, "--json").loop)
    local made = json("ladder", path, dir .. "/loops", "--json")
    assert.same({}, made.refused)
    assert.equal(65535, json("probe", dir .. "/loops/webp.webp", "--json").loop)
  end)

  it("ladder of what stands still says why there are no films", function()
    local made = json("ladder", put("s.gif", pictures.gif {}), dir .. "/s", "--json")
    local why = {}
    for _, r in ipairs(made.refused) do why[r.file] = r.reason end
    assert.equal("a picture that stands still is no film", why["mp4.mp4"])
    assert.is_nil(why["poster.jpg"])
    assert.is_string(read "s/poster.jpg")
    assert.is_nil(read "s/mp4.mp4")
  end)

  it("fit copies what fits, and says so when it cannot be", function()
    local bytes = pictures.gif { frames = 3, width = 40, height = 40 }
    local path = put("f.gif", bytes)
    assert.equal(0, (server.command("fit", path, "--under", "1MB", "-o", dir .. "/same.gif")))
    assert.equal(bytes, read "same.gif")
    assert.equal(0, (server.command("fit", path, "--under=1MB")))
    assert.equal(bytes, read "f-fit.gif")
    local made = json("fit", path, "--under", "5KB", "-o", dir .. "/f.mp4", "--json")
    assert.same({ "video/mp4", true }, { made.type, made.bytes <= 5000 and made.bytes == #read "f.mp4" })
    local code, _, err = server.command("fit", path, "--under", "100", "-o", dir .. "/never.mp4")
    assert.equal(7, code)
    assert.matches("%d", err)
    assert.is_nil(read "never.mp4")
    assert.equal(2, (server.command("fit", path, "--under", "small")))
    assert.equal(2, (server.command("fit", path, "--under", "1MB", "-o", dir .. "/f.txt")))
  end)

  it("render makes what a recipe says, and refuses a wrong one by name", function()
    local path = put("r.gif", pictures.gif { frames = 5, width = 64, height = 32 })
    local made = json("render", path, "--recipe", '{"thumbnail":{"at":0,"width":16,"format":"png"}}', "-o",
      dir .. "/t.png", "--json")
    assert.same({ "image/png", 16, 8 }, { made.type, made.width, made.height })
    assert.equal("\137PNG", read("t.png"):sub(1, 4))
    made = json("render", path, "--recipe", '{"transcode":{"container":"webm","crf":40}}', "-o", dir .. "/t.webm",
      "--json")
    assert.same({ "video/webm", 500 }, { made.type, made.duration_ms })
    assert.equal(0, (server.command("render", path, "--recipe", '{"frames":{"count":3}}', "-o", dir .. "/frames")))
    for i = 0, 2 do assert.is_string(read(("frames/frame_%04d.png"):format(i))) end
    assert.is_nil(read "frames/frame_0003.png")
    for recipe, why in pairs {
      ['{"gif":{"colours":2}}'] = "gif%.colours unknown key, did you mean colors",
      ['{"transcode":{"audio":"flac"}}'] = "audio must be",
      ['{"transcode":{"audio":"opus"}}'] = "audio opus does not go in mp4",
      ['{"transcode":{"crf":20,"bitrate":"1M"}}'] = "crf contradicts bitrate",
      ["{"] = "is not JSON", ["[]"] = "must be one of",
    } do
      local code, _, err = server.command("render", path, "--recipe", recipe, "-o", dir .. "/no")
      assert.equal(2, code, recipe)
      assert.matches(why, err)
    end
  end)
end)
