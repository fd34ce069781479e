-- Sound: kept in an MP4 or WebM where a recipe asks for it, in step with the pictures; else there is none. Films are
-- made, and what came of them is read, by ffmpeg.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local posix = require "posix"
local server = require "server"

local dir = assert(posix.mkdtemp "/tmp/gifd-sound-XXXXXX")
local corpus = (os.getenv "GIFD_CORPUS" or "/work/shared/corpus") .. "/good/threatexchange__pattern-sd-grey-bar.mp4"

local function run(command, ...)
  local pipe = assert(io.popen(command:format(...) .. " 2>/dev/null </dev/null"))
  local out = pipe:read "*a"
  pipe:close()
  return out
end

local has_ffmpeg = run("ffprobe -version"):find "ffprobe" and run("ffmpeg -version"):find "ffmpeg"
local it = has_ffmpeg and it or pending

local function render(path, recipe, out_name)
  local code, out, err = server.command("render", path, "--recipe", recipe, "-o", dir .. "/" .. (out_name or "out.mp4"),
    "--json")
  assert.equal(0, code, err)
  return cjson.decode(out)
end

--- -> { codec = seconds }
local function streams(path)
  local out = {}
  local text = run("ffprobe -v error -show_entries stream=codec_name,duration -of csv=p=0 '%s'", path)
  for codec, seconds in text:gmatch "(%w+),([%d.]+)" do out[codec] = tonumber(seconds) end
  return out
end

local function codecs_of(path)
  local out = {}
  for codec in run("ffprobe -v error -show_entries stream=codec_name -of csv=p=0 '%s'", path):gmatch "%w+" do
    out[#out + 1] = codec
  end
  table.sort(out)
  return out
end

--- Of mono sound at 8 kHz: the second in which it is loud first.
local function first_beep(path)
  local pcm = run("ffmpeg -v error -i '%s' -vn -ac 1 -ar 8000 -f u8 -", path)
  for i = 1, #pcm do if math.abs(pcm:byte(i) - 128) > 24 then return (i - 1) / 8000 end end
end

--- The second in which the picture is bright first.
local function first_flash(path, fps)
  local grey = run("ffmpeg -v error -i '%s' -an -vf scale=1:1,fps=%d -pix_fmt gray -f rawvideo -", path, fps)
  for i = 1, #grey do if grey:byte(i) > 128 then return (i - 1) / fps end end
end

--- A flash and a beep at 1.2 s, for half a second, in a film of three.
local function film(name, codecs)
  local path = dir .. "/" .. name
  run("ffmpeg -v error -y -f lavfi -i \"color=black:s=64x48:r=50:d=3,"
    .. "drawbox=t=fill:c=white:enable='between(t,1.199,1.7)'\""
    .. " -f lavfi -i \"sine=f=440:r=44100:d=3,volume='4*between(t,1.2,1.7)':eval=frame\" %s '%s'", codecs, path)
  return path
end

teardown(function() os.execute("rm -rf '" .. dir .. "'") end)

describe("sound", function()
  it("stays in step with the pictures, whatever it was, also from the middle on", function()
    for name, codecs in pairs {
      ["a.mp4"] = "-c:v libx264 -c:a aac", ["b.webm"] = "-c:v libvpx -c:a libopus",
      ["c.webm"] = "-c:v libvpx -c:a libvorbis -ac 2",
      ["d.mp4"] = "-c:v libx264 -c:a libmp3lame -ar 22050",
    } do
      local path = film(name, codecs)
      for _, from in ipairs { 0, 0.5 } do
        local made = render(path, ('{"transcode":{"audio":"aac","crf":20,"from":%g}}'):format(from))
        assert.near(3000 - from * 1000, made.duration_ms, 40)
        local got = streams(dir .. "/out.mp4")
        assert.near(made.duration_ms / 1000, got.aac, 0.03)
        assert.near(made.duration_ms / 1000, got.h264, 0.03)
        assert.near(1.2 - from, first_flash(dir .. "/out.mp4", 50), 0.03)
        assert.near(1.2 - from, first_beep(dir .. "/out.mp4"), 0.03)
      end
    end
  end)

  it("is Opus in a WebM, mono or stereo, as much in step", function()
    for name, codecs in pairs { ["g.mp4"] = "-c:v libx264 -c:a aac -ac 1",
      ["h.webm"] = "-c:v libvpx -c:a libvorbis -ac 2" } do
      local made = render(film(name, codecs),
        '{"transcode":{"container":"webm","audio":"opus","crf":40,"from":0.5,"to":2.5}}', "out.webm")
      assert.near(2000, made.duration_ms, 40)
      local path = dir .. "/out.webm"
      assert.same({ "opus", "vp9" }, codecs_of(path))
      assert.near(2, tonumber(run("ffprobe -v error -show_entries format=duration -of csv=p=0 '%s'", path)), 0.05)
      assert.near(0.7, first_flash(path, 50), 0.03)
      assert.near(0.7, first_beep(path), 0.03)
    end
  end)

  it("ends with the last picture that is shown", function()
    render(film("e.mp4", "-c:v libx264 -c:a aac"),
      '{"transcode":{"audio":"aac","audio_bitrate":"64k","from":1,"to":2}}')
    local got = streams(dir .. "/out.mp4")
    assert.near(1, got.h264, 0.02)
    assert.near(1, got.aac, 0.02)
    assert.near(0.2, first_beep(dir .. "/out.mp4"), 0.03)
  end)

  it("is not there unless it is asked for, nor where there was none", function()
    local path = film("f.mp4", "-c:v libx264 -c:a aac")
    render(path, '{"transcode":{}}')
    assert.is_nil(streams(dir .. "/out.mp4").aac)
    run("ffmpeg -v error -y -i '%s' -an -c copy '%s/mute.mp4'", path, dir)
    render(dir .. "/mute.mp4", '{"transcode":{"audio":"aac"}}')
    assert.is_nil(streams(dir .. "/out.mp4").aac)
  end)

  it("of a film from the world is as long as its pictures", function()
    if not posix.stat(corpus) then return pending "the corpus is not here" end
    local made = render(corpus, '{"transcode":{"audio":"aac","bitrate":"800k"}}')
    local got = streams(dir .. "/out.mp4")
    assert.near(made.duration_ms / 1000, got.aac, 0.01)
    assert.near(made.duration_ms / 1000, got.h264, 0.01)
  end)
end)
