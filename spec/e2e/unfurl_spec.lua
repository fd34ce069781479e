-- What chat programs are offered of a link: by the page, by the API, by `gifd unfurl`.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local server = require "server"

describe("a pasted link", function()
  local s, admin, code
  setup(function()
    s = server.start()
    admin = s:token "admin"
    code = s:upload(pictures.gif { frames = 3, width = 64, height = 64 }, admin, "title=first&tags=a,b").json.share.code
  end)
  teardown(function() s:stop() end)

  local function offered(of, agent)
    local page = s:request { "GET", "/s/" .. of, headers = { ["User-Agent"] = agent } }
    assert.equal(200, page.status, page.body)
    return page.body:match('property="og:image" content="([^"]+)"'), page.body:match('property="og:video"')
  end

  it("to a film moves in Discord and Slack: the GIF is made while they wait", function()
    local film
    server.wait_until("the MP4", function()
      film = s:request { "GET", "/s/" .. code .. ".mp4" }
      return film.status == 200
    end)
    local made = s:upload(film.body, admin, "title=film").json
    assert.equal("video/mp4", made.asset.type)
    local image, video = offered(made.share.code, "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)")
    assert.is_nil(video)
    local got = s:request { "GET", image:sub(#s.url + 1) }
    assert.equal(200, got.status)
    assert.equal("GIF89a", got.body:sub(1, 6))
    image, video = offered(made.share.code, "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)")
    assert.is_nil(video)
    assert.matches("%.gif$", image)
  end)

  it("can be tried beforehand, by the API and on the command line", function()
    local reply = s:request { "GET", "/api/v1/shares/" .. code .. "/unfurl?as=discord,whatsapp" }
    assert.equal(200, reply.status, reply.body)
    assert.equal("discord", reply.json.platforms[1].platform)
    assert.is_true(reply.json.platforms[1].moves)
    assert.equal(s.url .. "/s/" .. code .. ".gif", reply.json.platforms[1].image.url)
    assert.equal("address", reply.json.platforms[1].warnings[1].rule)
    assert.is_false(reply.json.platforms[2].moves)
    assert.equal(422, s:request({ "GET", "/api/v1/shares/" .. code .. "/unfurl?as=myspace" }).status)
    assert.equal(404, s:request({ "GET", "/api/v1/shares/nosuchone/unfurl" }).status)
    local exit, said, err = s:ask("unfurl", code, "--as", "slack", "--url", "https://gifs.example.org")
    assert.equal(0, exit, err)
    assert.equal("https://gifs.example.org/s/" .. code .. ".gif", said.platforms[1].image.url)
    assert.same({}, said.platforms[1].warnings)
    assert.equal(4, (s:ask("unfurl", "nosuchone")))
    exit, said, err = s:ask("unfurl", code, "--as", "myspace")
    assert.equal(2, exit, said)
    assert.matches("there is no platform 'myspace'", err)
  end)

  it("is told to strangers' programs only as far as strangers see it", function()
    local hidden = s:upload(pictures.gif(), admin, "visibility=private").json.share.code
    for _, path in ipairs { "/api/v1/shares/%s/unfurl", "/s/%s.activity" } do
      assert.equal(404, s:request({ "GET", path:format(hidden) }).status, path)
      assert.equal(200, s:request({ "GET", path:format(hidden), token = admin }).status, path)
    end
  end)

  it("is an ActivityPub note and oEmbed in XML, too", function()
    local note = s:request { "GET", "/s/" .. code .. ".activity" }
    assert.equal("application/activity+json", note.headers["content-type"])
    assert.equal("Note", cjson.decode(note.body).type)
    local xml = s:request { "GET", "/oembed?format=xml&url=" .. s.url .. "/s/" .. code }
    assert.equal(200, xml.status)
    assert.matches("<version>1.0</version>", xml.body, 1, true)
    assert.equal(501, s:request({ "GET", "/oembed?format=yaml&url=" .. s.url .. "/s/" .. code }).status)
  end)
end)
