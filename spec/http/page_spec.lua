-- What people and preview programs get to see: every text inert wherever it stands, titles and tags complete, nothing
-- moving for those who asked for stillness.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
require("fake_gifd").install()
local markup = require "markup"
local page = require "gifd.http.page"
local template = require "gifd.http.template"
local report = require "gifd.http.unfurl_report"
local unfurl = require "gifd.http.unfurl"
local unfurlers = require "gifd.http.unfurlers"

local base = "https://gifs.example.org"

page.load(function(name)
  local file = assert(io.open("lua/gifd/web/" .. name))
  local text = file:read("*a")
  file:close()
  return text
end)

local function common(more)
  local ctx = { site = "Gifs & more", base_url = base }
  ctx.asset_url = function(name) return "/web/" .. name .. "?v=1" end
  for key, value in pairs(more) do ctx[key] = value end
  return ctx
end

local function renditions()
  return {
    mp4 = { url = base .. "/a/0011223344556677.mp4", type = "video/mp4", width = 402, height = 300, bytes = 9000 },
    poster = { url = base .. "/a/0011223344556677/poster.jpg", type = "image/jpeg", width = 401, height = 299,
      bytes = 8000 },
  }
end

local function shared(share, asset, made)
  local ctx = common { renditions = made or renditions() }
  ctx.share = { code = "aB3dE6gH", title = "A cat", tags = { "cat", "dance" }, description = "It dances.",
    visibility = "public", state = "live", created_at = "2026-11-05T16:05:00Z" }
  ctx.asset = { type = "image/gif", width = 401, height = 299, frames = 12, duration_ms = 1240,
    bytes = 1234567, url = base .. "/a/0011223344556677", state = "ready" }
  for key, value in pairs(share or {}) do ctx.share[key] = value end
  for key, value in pairs(asset or {}) do ctx.asset[key] = value end
  return ctx
end

local function elements(ctx) return markup.elements(page.share(ctx)) end

local function meta(list, name)
  local out = {}
  for _, element in ipairs(list) do
    local a = element.attributes
    if element.tag == "meta" and (a.property == name or a.name == name) then out[#out + 1] = a.content end
  end
  return out
end

local hostile = {
  '"><script>alert(1)</script>', "javascript:alert(1)", "' onmouseover='alert(1)", "`x`",
  '" autofocus onfocus="alert(1)',
  "</title></textarea></style><img src=x onerror=alert(1)>", "<!-- -->", "&lt;b&gt; & &#60;", "{{title}} {{{raw}}}",
  "%s %d %%",
  "two\nlines\r\nand\ttabs", "\0\1\27[31m\127", "猫が踊る 🐈 e\204\129 \226\128\174rtl",
  "[a](javascript:alert(1)) ![](x)",
}
hostile[#hostile + 1] = ("x"):rep(499) .. "<"
hostile[#hostile + 1] = ('"'):rep(500)
hostile[#hostile + 1] = ("猫"):rep(500)

describe("texts are inert:", function()
  for number, text in ipairs(hostile) do
    it(("on the share page, text %d"):format(number), function()
      local function held(words)
        local share = { title = words, tags = { words, "b" }, description = words, reasons = { words } }
        share.state = "flagged"
        return markup.shape(elements(shared(share)))
      end
      assert.equal(held("x"), held(text))
      local live = elements(shared { title = text, tags = { text, "b" }, description = text })
      assert.equal(markup.shape(elements(shared())), markup.shape(live))
      for _, element in ipairs(live) do
        for _, name in ipairs { "href", "src", "srcset", "poster" } do
          local url = element.attributes[name]
          assert.is_true(not url or url:match("^/[^/]") ~= nil or url:match("^https://gifs%.example%.org/") ~= nil
            or url == "/" or url == "#main", url)
        end
      end
    end)

    it(("in the copied HTML, text %d"):format(number), function()
      local html = markup.find(elements(shared { title = text }), "button", "data-what", "HTML").attributes["data-copy"]
      local copied = markup.elements(html)
      assert.equal("a href\nvideo src width height title autoplay loop muted playsinline", markup.shape(copied))
    end)

    it(("in oEmbed, the error page and the name of the site, text %d"):format(number), function()
      local ctx = shared({ title = text }, { type = "video/webm" })
      local video = markup.elements(unfurl.oembed(ctx).html)
      assert.equal("video src poster width height title autoplay loop muted playsinline controls", markup.shape(video))
      local function error_page(words, site)
        local values = { status = 500, title = words, detail = words, request_id = words, site = site }
        return markup.shape(markup.elements(page.error(common(values))))
      end
      assert.equal(error_page("x", "y"), error_page(text, text))
      local function upload(site, account)
        local values = { signed_in = true, account = account, site = site }
        return markup.shape(markup.elements(page.upload(common(values))))
      end
      assert.equal(upload("x", "y"), upload(text, text))
    end)
  end

  it("and say what they said", function()
    local said = 'a "quoted" <b>title</b> & 猫'
    local list = elements(shared { title = said, description = "one\ntwo <3", tags = { "<i>" } })
    assert.equal(said, markup.find(list, "h1").text)
    assert.equal(said .. " · Gifs & more", markup.find(list, "title").text)
    assert.equal(said, meta(list, "og:title")[1])
    assert.equal("one\ntwo <3", markup.find(list, "p", "class", "description").text)
    assert.equal("<i>", markup.find(list, "li").text)
    assert.equal(said, markup.find(list, "video").attributes["aria-label"])
  end)

  it("and an address that is none of the web is refused", function()
    for _, url in ipairs { "javascript:alert(1)", "//evil.example/x", "data:text/html,x", "/\\evil.example" } do
      assert.has_error(function() page.share(shared({}, { url = url })) end)
    end
  end)
end)

describe("a page's policy", function()
  it("has nothing inline and nothing from elsewhere", function()
    assert.is_nil(page.csp:find("unsafe", 1, true))
    local texts = { page.share(shared()), page.upload(common { signed_in = true }), page.signin(common {}),
      page.upload(common { signed_in = false }), page.error(common { status = 404 }) }
    for _, text in ipairs(texts) do
      for _, element in ipairs(markup.elements(text)) do
        for _, name in ipairs(element.attributes) do
          assert.is_false(name == "style" or name:match("^on") ~= nil, element.tag .. " " .. name)
        end
        assert.not_equal("style", element.tag)
        if element.attributes.type == "application/ld+json" then
          assert.is_table(gifd.json.decode(element.text)) -- data, which no browser runs
        elseif element.tag == "script" then
          assert.equal("", element.text)
          assert.is_truthy(element.attributes.src:match("^/web/%w+%.js%?v=1$"))
        end
      end
    end
  end)

  it("names every file it asks for", function()
    local known = {}
    for _, file in ipairs(page.files) do known[file.name] = file.type end
    for _, text in ipairs { page.share(shared()), page.upload(common { signed_in = true }) } do
      for name in text:gmatch('"/web/([^?"]+)') do assert.is_string(known[name], name) end
    end
  end)

  it("has a label for every field and a name for every button", function()
    for _, text in ipairs { page.share(shared()), page.upload(common { signed_in = true }) } do
      for _, element in ipairs(markup.elements(text)) do
        local a = element.attributes
        if element.tag == "button" then assert.is_truthy(element.text:match("%S") or a["aria-label"]) end
        if element.tag == "img" then assert.is_string(a.alt) end
        if element.tag == "input" and a.type ~= "file" and not a["aria-label"] then
          assert.is_truthy(text:match("<label>[^<]*<input name=\"" .. a.name))
        end
      end
    end
  end)
end)

describe("titles", function()
  it("fall back to what it is and where it is from", function()
    assert.equal("GIF from Gifs & more", meta(elements(shared { title = "" }), "og:title")[1])
    assert.equal("GIF from Gifs & more", meta(elements(shared { title = " \n " }), "og:title")[1])
    assert.equal("Video from Gifs & more", unfurl.title(shared({ title = "" }, { type = "video/mp4" })))
    assert.equal("Image from Gifs & more", unfurl.title(shared({ title = "" }, { type = "image/png" })))
  end)

  it("are one line; descriptions are cut between characters", function()
    assert.equal("a b c", meta(elements(shared { title = "a\n\tb  c " }), "og:title")[1])
    local said = meta(elements(shared { description = ("猫"):rep(3000) }), "og:description")[1]
    assert.equal(("猫"):rep(499) .. "…", said)
  end)
end)

describe("Open Graph", function()
  it("is complete and early", function()
    local text = page.share(shared())
    local list = markup.elements(text)
    local page_url = base .. "/s/aB3dE6gH"
    local wanted = {
      ["og:type"] = "video.other", ["og:title"] = "A cat", ["og:description"] = "It dances.", ["og:url"] = page_url,
      ["og:site_name"] = "Gifs & more", ["og:image"] = page_url .. ".gif", ["og:image:secure_url"] = page_url .. ".gif",
      ["og:image:type"] = "image/gif", ["og:image:width"] = "401", ["og:image:height"] = "299",
      ["og:image:alt"] = "A cat",
      ["og:video"] = page_url .. ".mp4", ["og:video:secure_url"] = page_url .. ".mp4", ["og:video:type"] = "video/mp4",
      ["og:video:width"] = "402", ["og:video:height"] = "300", ["twitter:card"] = "summary_large_image",
      description = "It dances.",
    }
    for name, value in pairs(wanted) do assert.same({ value }, meta(list, name), name) end
    assert.equal(page_url, markup.find(list, "link", "rel", "canonical").attributes.href)
    assert.equal(base .. "/oembed?url=https%3A%2F%2Fgifs.example.org%2Fs%2FaB3dE6gH&format=json",
      markup.find(list, "link", "type", "application/json+oembed").attributes.href)
    assert.is_true(text:find("twitter:card", 1, true) < 4000)
    local plain = shared()
    plain.base_url = "http://gifs.example.org"
    assert.same({}, meta(elements(plain), "og:image:secure_url"))
  end)

  it("shows the original while nothing has been made, and the poster of what is no GIF", function()
    local early = elements(shared({}, {}, {}))
    assert.same({ base .. "/s/aB3dE6gH.gif" }, meta(early, "og:image"))
    assert.same({}, meta(early, "og:video"))
    assert.same({ "website" }, meta(early, "og:type"))
    local film = elements(shared({}, { type = "video/webm" }))
    assert.same({ base .. "/a/0011223344556677/poster.jpg" }, meta(film, "og:image"))
    assert.same({ "image/jpeg" }, meta(film, "og:image:type"))
  end)

  it("names the PNG original and its poster apart", function()
    local original, poster = unfurl.pictures(shared({}, { type = "image/png" }))
    assert.equal(base .. "/s/aB3dE6gH.png", original.url)
    assert.equal(base .. "/a/0011223344556677/poster.jpg", poster.url)
  end)

  it("offers each preview program what moves there", function()
    local function offered(user_agent, bytes)
      local ctx = shared({}, { bytes = bytes })
      ctx.user_agent = user_agent
      local list = elements(ctx)
      return meta(list, "og:image"), #meta(list, "og:video"), meta(list, "twitter:image")[1]
    end
    local gif, jpg = base .. "/s/aB3dE6gH.gif", base .. "/a/0011223344556677/poster.jpg"
    local function check(user_agent, bytes, images, videos, card)
      local i, v, c = offered(user_agent, bytes)
      assert.same(images, i, user_agent)
      assert.equal(videos, v, user_agent)
      assert.equal(card, c, user_agent)
    end
    check("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", 1e6, { gif }, 0)
    check("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", 2e7, { jpg }, 1)
    check("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", 1e6, { gif }, 0)
    check("TelegramBot (like TwitterBot)", 1e6, { jpg }, 1)
    check("WhatsApp/2.23.20.0", 1e6, { jpg }, 0)
    check("Twitterbot/1.0", 1e6, { jpg }, 1, jpg)
    check("Mozilla/5.0 SkypeUriPreview Preview/0.5", 9e5, { gif }, 0)
    check("Mozilla/5.0 SkypeUriPreview Preview/0.5", 2e6, { jpg }, 0)
    check("http.rb/5.1.1 (Mastodon/4.3.0; +https://m.example/)", 1e6, { jpg }, 1)
    check("facebookexternalhit/1.1 Facebot Twitterbot/1.0", 1e6, { gif }, 1)
    check("facebookexternalhit/1.1", 1e6, { gif, jpg }, 1)
    check("undici", 1e6, { gif }, 1)
  end)

  it("offers the best GIF that was made where the original is none, or too large", function()
    local function offered(made, user_agent, asset)
      local list = renditions()
      for file, bytes in pairs(made) do
        list[file] = { url = base .. "/a/0011223344556677/" .. file, type = "image/gif", width = 200, height = 100,
          bytes = bytes }
      end
      local ctx = shared({}, asset, list)
      ctx.user_agent = user_agent
      local all = elements(ctx)
      return meta(all, "og:image")[1]:match("[^/]+$"), #meta(all, "og:video")
    end
    local film = { type = "video/mp4" }
    local both = { ["discord.gif"] = 7e6, ["slack.gif"] = 1e6 }
    assert.same({ "discord.gif", 0 }, { offered(both, "Discordbot/2.0", film) })
    assert.same({ "slack.gif", 0 }, { offered(both, "Slackbot-LinkExpanding 1.0", { bytes = 9e6 }) })
    assert.same({ "poster.jpg", 1 }, { offered({}, "Discordbot/2.0", film) })
  end)

  it("is never above the platform's bytes", function()
    local made = renditions()
    made.poster.bytes = 400e3
    local ctx = shared({}, {}, made)
    ctx.user_agent = "WhatsApp/2.23.20.0"
    assert.same({}, meta(elements(ctx), "og:image"))
    assert.equal("card.jpg", unfurl.wish(ctx, unfurlers.of(ctx.user_agent)))
    made["card.jpg"] = { url = base .. "/a/0011223344556677/card.jpg", type = "image/jpeg", width = 401, height = 299,
      bytes = 90e3 }
    assert.same({ made["card.jpg"].url }, meta(elements(ctx), "og:image"))
    assert.is_nil(unfurl.wish(ctx, unfurlers.of(ctx.user_agent)))
  end)

  it("wishes for the GIF that a platform moves by, where the original is none or too large", function()
    local function wish(user_agent, asset) return unfurl.wish(shared({}, asset), unfurlers.of(user_agent)) end
    assert.is_nil(wish("Discordbot/2.0", { bytes = 8e6 }))
    assert.equal("discord.gif", wish("Discordbot/2.0", { bytes = 8e6 + 1 }))
    assert.equal("slack.gif", wish("Slackbot-LinkExpanding 1.0", { type = "video/mp4" }))
    assert.is_nil(wish("Slackbot-LinkExpanding 1.0", { type = "image/png", frames = 1 }))
    assert.is_nil(wish("TelegramBot", { bytes = 9e7 }))
  end)

  it("keeps robots from what is unlisted, and tells nothing of what is held", function()
    assert.same({}, meta(elements(shared()), "robots"))
    assert.same({ "noindex" }, meta(elements(shared { visibility = "unlisted" }), "robots"))
    assert.same({ "A cat" }, meta(elements(shared { visibility = "unlisted" }), "og:title"))
    local held = { shared { state = "pending" }, shared({}, { state = "rejected" }), shared { visibility = "private" } }
    for _, ctx in ipairs(held) do
      local list = elements(ctx)
      assert.same({ "noindex" }, meta(list, "robots"))
      assert.same({}, meta(list, "og:title"))
      assert.is_table(markup.find(list, "section", "class", "notice"))
      assert.is_nil(markup.find(list, "link", "type", "application/json+oembed"))
    end
  end)
end)

describe("the report", function()
  local function rules(platform, ctx)
    local out = {}
    for _, warning in ipairs(report.all(ctx, { platform })[1].warnings) do out[#out + 1] = warning.rule end
    table.sort(out)
    return out
  end

  it("says what each platform shows, and warns of each broken rule", function()
    local all = report.all(shared())
    assert.equal(#unfurlers.rows + 1, #all)
    local moves = {}
    for _, one in ipairs(all) do moves[one.platform] = one.moves end
    assert.same({ discord = true, slack = true, teams = false, telegram = true, whatsapp = false, imessage = true,
      twitter = false, facebook = true, mastodon = false, linkedin = false, generic = true }, moves)
    assert.same({}, rules("discord", shared()))
    assert.same({ "still" }, rules("teams", shared()))
    assert.same({ "platform" }, rules("whatsapp", shared()))
    assert.same({ "untitled" }, rules("discord", shared { title = "" }))
    assert.same({ "private" }, rules("discord", shared { visibility = "private" }))
    assert.same({ "verdict" }, rules("discord", shared { state = "flagged" }))
    assert.same({ "platform", "title" }, rules("twitter", shared { title = ("猫"):rep(71) }))
    local plain = shared()
    plain.base_url = "http://127.0.0.1:8080"
    assert.same({ "address" }, rules("discord", plain))
    assert.same({ "address", "https", "still" }, rules("teams", plain))
    local none, name = report.all(shared(), report.names("discord, Myspace"))
    assert.is_nil(none)
    assert.equal("myspace", name)
  end)
end)

describe("the stage", function()
  it("is a silent loop of the MP4 with its poster and the original behind it", function()
    local list = elements(shared())
    local video = markup.find(list, "video").attributes
    for _, name in ipairs { "autoplay", "loop", "muted", "playsinline" } do assert.equal("", video[name], name) end
    assert.equal("/a/0011223344556677/poster.jpg", video.poster)
    assert.equal("/a/0011223344556677.mp4?s=aB3dE6gH", markup.find(list, "source").attributes.src)
    assert.equal("/a/0011223344556677?s=aB3dE6gH", markup.find(list, "img", "width", "402").attributes.src)
  end)

  it("is the smallest that plays", function()
    local made = renditions()
    made.webm = { url = base .. "/a/0011223344556677.webm", type = "video/webm", width = 402, height = 300,
      bytes = 4000 }
    assert.equal("video/webm", markup.find(elements(shared({}, {}, made)), "source").attributes.type)
    made.webm.bytes = 10000
    assert.equal("video/mp4", markup.find(elements(shared({}, {}, made)), "source").attributes.type)
    local small = elements(shared({}, { bytes = 100 }, { mp4 = made.mp4, poster = made.poster }))
    assert.is_table(markup.find(small, "video")) -- a few bytes are worth a pause that shows the frame
    made.mp4.bytes, made.webm.bytes = 482000, 500000
    small = elements(shared({}, { bytes = 357000 }, made))
    assert.is_nil(markup.find(small, "video"))
    assert.equal("/a/0011223344556677?s=aB3dE6gH", markup.find(small, "img", "id", "media").attributes.src)
  end)

  it("loads no film and shows a still to be played where less motion is wanted, also without a script", function()
    local list = elements(shared())
    assert.equal("(prefers-reduced-motion: no-preference)", markup.find(list, "source").attributes.media)
    local still = markup.find(list, "a", "class", "still")
    assert.equal("/a/0011223344556677.mp4?s=aB3dE6gH", still.attributes.href)
    assert.equal("Play", still.text)
    local picture = elements(shared({}, {}, { poster = renditions().poster }))
    local source = markup.find(picture, "source").attributes
    assert.equal("/a/0011223344556677/poster.jpg", source.srcset)
    assert.equal("(prefers-reduced-motion: reduce)", source.media)
  end)

  it("has a control for what moves and none for what does not", function()
    assert.is_table(markup.find(elements(shared()), "button", "id", "toggle"))
    assert.is_table(markup.find(elements(shared({}, {}, {})), "button", "id", "toggle"))
    local still = elements(shared({}, { frames = 1, duration_ms = 0 }))
    assert.is_nil(markup.find(still, "button", "id", "toggle"))
    assert.is_nil(markup.find(still, "video"))
  end)
end)

describe("oEmbed", function()
  it("is a photo of a GIF, with a thumbnail", function()
    assert.same({
      version = "1.0", type = "photo", title = "A cat", provider_name = "Gifs & more", provider_url = base .. "/",
      cache_age = 3600, url = base .. "/s/aB3dE6gH.gif", width = 401, height = 299,
      thumbnail_url = base .. "/a/0011223344556677/poster.jpg", thumbnail_width = 401, thumbnail_height = 299,
    }, unfurl.oembed(shared()))
    local early = unfurl.oembed(shared({}, {}, {}))
    assert.is_nil(early.thumbnail_url or early.thumbnail_width or early.thumbnail_height)
  end)

  it("is a video or rich for who asks for that, and a smaller GIF where a smaller one is asked for", function()
    local ctx = shared()
    ctx.kind = "rich"
    local said = unfurl.oembed(ctx)
    assert.equal("rich", said.type)
    assert.is_string(said.html)
    ctx.kind, ctx.maxwidth = nil, "250"
    ctx.renditions["tinygif.gif"] = { url = base .. "/a/0011223344556677/tinygif.gif", type = "image/gif", width = 220,
      height = 164, bytes = 5000 }
    said = unfurl.oembed(ctx)
    assert.equal("photo", said.type)
    assert.equal(220, said.width)
    assert.equal(base .. "/a/0011223344556677/tinygif.gif", said.url)
    local xml = unfurl.oembed_xml(unfurl.oembed(shared { title = "<&>" }))
    assert.is_truthy(xml:find("<title>&lt;&amp;&gt;</title>", 1, true))
  end)

  it("is a video of a film", function()
    local said = unfurl.oembed(shared({}, { type = "video/webm", frames = 25 }))
    assert.equal("video", said.type)
    assert.is_nil(said.url)
    local video = markup.find(markup.elements(said.html), "video").attributes
    assert.equal(base .. "/s/aB3dE6gH.mp4", video.src)
    assert.equal(tostring(said.width), video.width)
  end)

  it("keeps within the size that is asked for, and keeps the shape", function()
    local function sized(w, h, width, height)
      local ctx = shared({}, { width = width or 400, height = height or 300 })
      ctx.maxwidth, ctx.maxheight = w, h
      local said = unfurl.oembed(ctx)
      return { said.width, said.height }
    end
    assert.same({ 200, 150 }, sized("200"))
    assert.same({ 200, 150 }, sized(nil, 150))
    assert.same({ 40, 30 }, sized("200", "30"))
    assert.same({ 400, 300 }, sized("4000", "4000"))
    assert.same({ 1, 1 }, sized("1", "1"))
    assert.same({ 100, 1 }, sized("100", nil, 65535, 1))
    for _, odd in ipairs { "0", "-5", "nan", "0x10", "x", "1e2", "", "9.5" } do
      assert.same({ 400, 300 }, sized(odd, odd))
    end
    local ctx = shared()
    ctx.maxwidth = 100
    assert.is_true(unfurl.oembed(ctx).thumbnail_width <= 100)
  end)
end)

describe("the other pages", function()
  it("upload says how to sign in, or takes files up to the limit", function()
    local out = page.upload(common { signed_in = false, max_bytes = 100 * 2 ^ 20 })
    assert.is_truthy(out:find("gifd login", 1, true))
    assert.is_nil(out:find("upload.js", 1, true))
    local list = markup.elements(page.upload(common { signed_in = true, max_bytes = 100 * 2 ^ 20 }))
    assert.equal("104857600", markup.find(list, "section", "id", "drop").attributes["data-max"])
    assert.is_truthy(markup.find(list, "p", "id", "drop-hint").text:find("up to 100 MiB each", 1, true))
  end)

  it("error has words for every status", function()
    for _, status in ipairs { 400, 401, 403, 404, 410, 429, 500, 503, 507 } do
      local list = markup.elements(page.error(common { status = status }))
      assert.is_true(#markup.find(list, "h1").text > 5)
    end
    assert.is_table(markup.find(markup.elements(page.error(common { status = 401 })), "a", "href", "/signin"))
  end)
end)

describe("template", function()
  local function fill(text, values) return template.fill(template.compile(text, "t.html"), values) end

  it("fills, chooses and repeats", function()
    assert.equal("&lt;a&gt;<a>", fill("{{x}}{{{x}}}", { x = "<a>" }))
    assert.equal("yes", fill("{{#if x.y}}yes{{else}}no{{/if}}", { x = { y = 0 } }))
    for _, no in ipairs { false, "", {} } do assert.equal("no", fill("{{#if x}}yes{{else}}no{{/if}}", { x = no })) end
    assert.equal("1a2a", fill("{{#each l}}{{this}}{{x}}{{else}}none{{/each}}", { l = { 1, 2 }, x = "a" }))
    assert.equal("none", fill("{{#each l}}{{this}}{{else}}none{{/each}}", { l = {} }))
    assert.equal("in", fill("{{#each l}}{{x}}{{/each}}", { l = { { x = "in" } }, x = "out" }))
    assert.equal("/f?v=1", fill('{{asset "f"}}', { asset = function(name) return "/" .. name .. "?v=1" end }))
    assert.equal("a\nb\nc\n", fill("a\n  {{#if x}}\nb\n  {{/if}}\nc\n", { x = true }))
    assert.equal("<p>\na  b\n</p>", fill("  <p>\n    a  b\n\t</p>", {})) -- indentation is not sent
  end)

  it("names file and line of what is wrong", function()
    local wrong = {
      ["a\n{{x"] = "t.html:2: a hole is not closed on its line",
      ["\n\n{{#if x}}"] = "t.html:3: {{#if}} is never closed",
      ["{{/if}}"] = "t.html:1: {{/if}} closes nothing", ["{{else}}"] = "t.html:1: {{else}} without a block",
      ["{{#if a}}\n{{#each b}}\n{{/if}}"] = "t.html:3: {{/if}} stands where {{#each}} of line 2 is open",
      ["{{#when x}}"] = 't.html:1: there is no block "when"', ["{{a b}}"] = 't.html:1: "a b" is no name',
      ["{{#if a}}\nx\n{{/if}}\n{{a..b}}"] = 't.html:4: "a..b" is no name',
    }
    for text, message in pairs(wrong) do
      local ok, said = pcall(template.compile, text, "t.html")
      assert.is_false(ok)
      assert.equal(message, said)
    end
    local ok, said = pcall(fill, "{{#if y}}\n{{/if}}\n{{x.z}}", { x = {} })
    assert.is_false(ok)
    assert.equal("t.html:3: x.z is nil, not text", said)
  end)

  it("takes time in proportion to its text", function()
    local function seconds(n)
      local text = ("a {{x}} {{#if x}}b{{/if}} "):rep(n)
      local best = math.huge
      for _ = 1, 3 do
        local start = os.clock()
        fill(text, { x = "<y>" })
        best = math.min(best, os.clock() - start)
      end
      return best
    end
    assert.is_true(seconds(16000) < 12 * seconds(4000) + 0.05)
  end)
end)
