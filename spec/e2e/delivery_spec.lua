-- What replies say to caches and browsers: freshness, headers, other sites, names to save under, and who wants less.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

local function url_encoded(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

describe("replies as shipped", function()
  local s, admin, asset, code
  setup(function()
    s = server.start {}
    admin = s:token "admin"
    local reply = s:upload(pictures.gif { frames = 4 }, admin, "title=first", { Prefer = "wait=20" })
    asset, code = reply.json.asset.id, reply.json.share.code
  end)
  teardown(function() s:stop() end)

  local function get(path, headers, token) return s:request { "GET", path, headers = headers, token = token } end
  local function cache_of(path) return get(path).headers["cache-control"] end
  local function share(fields)
    fields.asset_id = fields.asset_id or asset
    return s:request({ "POST", "/api/v1/shares", token = admin, json = fields }).json
  end

  it("are fresh for as long as their policy says", function()
    for _, path in ipairs { "/a/" .. asset, "/a/" .. asset .. ".mp4", "/a/" .. asset .. "/poster",
      "/s/" .. code .. ".gif" } do
      assert.equal("public, max-age=86400", cache_of(path), path)
    end
    for _, path in ipairs { "/s/" .. code, "/s/" .. code .. ".json", "/oembed?url=" .. s.url .. "/s/" .. code } do
      assert.equal("public, no-cache", cache_of(path), path)
    end
    for _, path in ipairs { "/api/v1/assets/" .. asset, "/api/v1/shares/" .. code, "/", "/s/nothere", "/healthz" } do
      assert.equal("no-store", cache_of(path), path)
    end
    assert.equal("private, no-store", get("/a/" .. s:upload(pictures.gif(), admin, "visibility=private").json.asset.id,
      nil, admin).headers["cache-control"])
  end)

  it("are not fresh beyond the end of the share", function()
    local ends = os.time() + 3600
    local made = s:upload(pictures.gif(), admin).json
    local path = "/api/v1/shares/" .. made.share.code
    s:request { "PATCH", path, token = admin, json = { expires_at = os.date("!%Y-%m-%dT%H:%M:%SZ", ends) } }
    for _, form in ipairs { "/a/" .. made.asset.id, "/s/" .. made.share.code .. ".gif" } do
      local reply = get(form)
      assert.equal("public", reply.headers["cache-control"], form)
      assert.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", ends), reply.headers.expires)
    end
  end)

  it("of a page can be asked about, and each answer is a visit", function()
    local made = share {}
    local first = get("/s/" .. made.code)
    assert.matches('^"%x+"$', first.headers.etag)
    for _ = 1, 3 do
      local again = get("/s/" .. made.code, { ["If-None-Match"] = first.headers.etag })
      assert.equal(304, again.status)
    end
    assert.equal(4, get("/api/v1/shares/" .. made.code).json.clicks)
  end)

  it("tell browsers what they are, everywhere", function()
    for _, path in ipairs { "/a/" .. asset, "/s/" .. code, "/s/" .. code .. ".json", "/api/v1/shares/" .. code, "/",
      "/healthz", "/web/style.css", "/s/nothere", "/a/nothere", "/api/v1/shares", "/nowhere" } do
      local headers = get(path).headers
      assert.equal("nosniff", headers["x-content-type-options"], path)
      assert.matches("default%-src 'none'", headers["content-security-policy"], path)
      assert.is_not_nil(headers["cross-origin-resource-policy"], path)
      assert.is_not_nil(headers["referrer-policy"], path)
    end
    local failed = get("/a/" .. asset, { ["If-Match"] = '"other"' })
    assert.same({ 412, "nosniff" }, { failed.status, failed.headers["x-content-type-options"] })
    local media = get("/a/" .. asset).headers
    assert.matches("sandbox", media["content-security-policy"])
    assert.equal("cross-origin", media["cross-origin-resource-policy"])
    assert.equal("*", media["access-control-allow-origin"])
    assert.is_nil(media.vary)
    assert.equal("same-origin", get("/api/v1/shares/" .. code).headers["cross-origin-resource-policy"])
  end)

  it("are saved under a safe name when that is asked for", function()
    local function saved(path) return get(path).headers["content-disposition"] end
    assert.is_nil(saved("/a/" .. asset))
    assert.equal(('attachment; filename="%s.gif"'):format(asset), saved("/a/" .. asset .. "?download"))
    assert.equal(('attachment; filename="%s-poster.jpg"'):format(asset), saved("/a/" .. asset .. "/poster?download=1"))
    assert.equal('attachment; filename="first.mp4"', saved("/s/" .. code .. ".mp4?download"))
    assert.equal('attachment; filename="cat.gif"', saved("/s/" .. code .. ".gif?download=cat"))
    local hostile = share { title = '"><x>/../..\\\r\nSet-Cookie: a=b; \226\128\174gnp.exe' }
    for _, path in ipairs { "/s/" .. hostile.code .. ".gif?download",
      "/a/" .. asset .. "?download=" .. url_encoded('x"; filename="evil.exe'),
      "/a/" .. asset .. "?download=" .. url_encoded("x\r\nSet-Cookie: a=b"),
      "/a/" .. asset .. "?download=..%2F..%2Fetc%2Fpasswd", "/a/" .. asset .. "?download=evil.html",
      "/a/" .. asset .. "?download=" .. url_encoded(("猫"):rep(300)) } do
      local reply = get(path)
      assert.equal(200, reply.status, path)
      assert.is_nil(reply.headers["set-cookie"], path)
      local value = reply.headers["content-disposition"]
      assert.matches('^attachment; filename="[^"\\/]*%.gif"', value)
      assert.is_nil(value:match('filename="evil.exe'))
      assert.is_true(#value < 1024)
    end
    assert.equal(400, get("/a/" .. asset .. "?download=%00").status)
    assert.equal(400, get("/a/" .. asset .. "?download=%ff").status)
  end)

  it("hold still and load nothing big for those who ask for that", function()
    local made = share {}
    local function page(headers) return get("/s/" .. made.code, headers) end
    for _ = 1, 2 do -- made, and kept
      local usual = page()
      assert.matches("<video[^>]*autoplay", usual.body)
      assert.matches("User%-Agent, Save%-Data, Sec%-CH%-Prefers%-Reduced%-Motion", usual.headers.vary)
      assert.equal("Sec-CH-Prefers-Reduced-Motion", usual.headers["accept-ch"])
      for name, value in pairs { ["Save-Data"] = "on", ["Sec-CH-Prefers-Reduced-Motion"] = '"reduce"' } do
        local calm = page { [name] = value }
        assert.is_nil(calm.body:match("<video[^>]*autoplay"), name)
        assert.matches('<video[^>]*preload="none"', calm.body)
        assert.are_not.equal(usual.headers.etag, calm.headers.etag)
      end
      assert.matches("<video[^>]*autoplay", page({ ["Sec-CH-Prefers-Reduced-Motion"] = "no-preference" }).body)
    end
    assert.equal(8, get("/api/v1/shares/" .. made.code).json.clicks)
  end)

  it("do not negotiate, and let no other site read the API", function()
    local reply = get("/a/" .. asset, { Accept = "video/mp4", Origin = "https://app.example.org" })
    assert.equal("image/gif", reply.headers["content-type"])
    local api = get("/api/v1/shares/" .. code, { Origin = "https://app.example.org" })
    assert.is_nil(api.headers["access-control-allow-origin"])
    local options = s:request { "OPTIONS", "/api/v1/shares/" .. code }
    assert.equal(204, options.status)
    assert.is_nil(options.headers["access-control-allow-methods"])
  end)
end)

describe("replies as configured", function()
  local s, admin, asset, code
  setup(function()
    s = server.start { plugins = { "spec/support/plugins" }, config = [[return {
      site = { base_url = "https://gifs.example.org" },
      plugins = { witness = true },
      cache = { media = "immutable", pages = "short", previews = "none", stale_while_revalidate = "60s" },
      cors = { origins = { "https://app.example.org" }, max_age = "1m" },
      limits = {
        ["GET /api/v1/shares"] = { rate = 1, per = "1h", by = { "ip" } },
        ["GET /signin"] = { rate = 1, per = "1h", by = { "ip" } },
        ["GET /a/{id}/{name}"] = { rate = 1, per = "1h", by = { "ip" } },
      },
      delivery = { negotiate = true, hints = false } }]] }
    admin = s:token "admin"
    local reply = s:upload(pictures.gif { frames = 4 }, admin, "title=first", { Prefer = "wait=20" })
    asset, code = reply.json.asset.id, reply.json.share.code
  end)
  teardown(function() s:stop() end)

  local function get(path, headers) return s:request { "GET", path, headers = headers } end

  it("have the policies that were chosen", function()
    assert.equal("public, max-age=31536000, immutable, stale-while-revalidate=60",
      get("/a/" .. asset .. ".mp4").headers["cache-control"])
    assert.equal("public, max-age=3600, stale-while-revalidate=60", get("/s/" .. code).headers["cache-control"])
    assert.equal("no-store", get("/s/" .. code .. ".json").headers["cache-control"])
    assert.equal("User-Agent", get("/s/" .. code).headers.vary)
    assert.matches("autoplay", get("/s/" .. code, { ["Save-Data"] = "on" }).body)
  end)

  it("negotiate where the address has no extension, and say so", function()
    local path = "/a/" .. asset
    local function types(headers) return get(path, headers).headers["content-type"] end
    for _ = 1, 2 do
      assert.equal("image/gif", types())
      assert.equal("image/gif", types { Accept = "image/avif,image/webp,image/*,*/*;q=0.8" })
      assert.equal("video/mp4", types { Accept = "video/webm,video/*;q=0.9,*/*;q=0.5" })
      assert.equal("image/gif", types { Accept = "text/html" })
    end
    assert.equal("Accept", get(path).headers.vary)
    assert.are_not.equal(get(path).headers.etag, get(path, { Accept = "video/mp4" }).headers.etag)
    assert.is_nil(get(path .. ".gif").headers.vary)
    assert.equal("image/gif", get(path .. ".gif", { Accept = "video/mp4" }).headers["content-type"])
  end)

  it("let the named site read the API, with a token and never with a cookie", function()
    local path = "/api/v1/shares/" .. code
    local known = get(path, { Origin = "https://app.example.org" })
    assert.equal("https://app.example.org", known.headers["access-control-allow-origin"])
    assert.matches("Request%-Id", known.headers["access-control-expose-headers"])
    assert.equal("Origin", known.headers.vary)
    assert.is_nil(known.headers["access-control-allow-credentials"])
    for _, origin in ipairs { "https://evil.example", "null", "https://app.example.org.evil.example",
      "http://app.example.org" } do
      local other = get(path, { Origin = origin })
      assert.is_nil(other.headers["access-control-allow-origin"], origin)
      assert.equal("Origin", other.headers.vary)
    end
    local refused = s:request { "GET", "/api/v1/shares", headers = { Origin = "https://app.example.org" } }
    assert.equal(401, refused.status)
    assert.equal("https://app.example.org", refused.headers["access-control-allow-origin"])
  end)

  it("say the same to browsers whether Lua refuses or C does without asking it", function()
    local path, origin = "/api/v1/shares", "https://app.example.org"
    local names = { "access-control-allow-origin", "access-control-expose-headers", "content-security-policy",
      "cross-origin-resource-policy", "referrer-policy", "vary", "x-content-type-options" }
    local function said(reply)
      local out = {}
      for _, name in ipairs(names) do out[name] = reply.headers[name] or "none" end
      return out
    end
    local function begin() assert.equal(0, (server.command("limits", "reset", "--all", "--data", s.data))) end
    for _, from in ipairs { origin, "https://evil.example", false } do
      begin()
      local function ask(method, at, query)
        return s:request { method, at .. (query or ""), headers = { Origin = from or nil } }
      end
      local by_lua, by_c = ask("GET", path), ask("GET", path)
      assert.same({ 401, 429 }, { by_lua.status, by_c.status })
      assert.same(said(by_lua), said(by_c))
      assert.equal(from == origin and origin or nil, by_c.headers["access-control-allow-origin"])
      assert.equal("nosniff", by_c.headers["x-content-type-options"])
      assert.same(said(by_lua), said(ask("GET", "/api/v1/nowhere")))
      assert.same(said(by_lua), said(ask("PUT", path)))
      assert.same(said(by_lua), said(ask("GET", path, "?limit=%GG")))
    end
    begin()
    -- what other sites may not read, and what is signed
    local page, page_by_c = get("/signin", { Origin = origin }), get("/signin", { Origin = origin })
    assert.equal(429, page_by_c.status)
    assert.is_nil(page.headers["access-control-allow-origin"])
    assert.is_nil(page_by_c.headers["access-control-allow-origin"])
    local first, signed = get("/a/" .. asset .. "/none.png?signature=x"), get("/a/" .. asset .. "/none.png?signature=x")
    assert.same({ 403, 429 }, { first.status, signed.status })
    assert.same({ "no-referrer", "no-referrer" },
      { first.headers["referrer-policy"], signed.headers["referrer-policy"] })
    begin()
  end)

  it("answer a preflight", function()
    local function preflight(path, origin)
      return s:request { "OPTIONS", path, headers = { Origin = origin, ["Access-Control-Request-Method"] = "PATCH",
        ["Access-Control-Request-Headers"] = "authorization, content-type" } }
    end
    local known = preflight("/api/v1/shares/" .. code, "https://app.example.org")
    assert.equal(204, known.status)
    assert.equal("GET, HEAD, PATCH, DELETE, OPTIONS", known.headers["access-control-allow-methods"])
    assert.equal(known.headers.allow, known.headers["access-control-allow-methods"])
    assert.matches("Authorization, Content%-Type", known.headers["access-control-allow-headers"])
    assert.equal("60", known.headers["access-control-max-age"])
    assert.equal("Origin", known.headers.vary)
    local other = preflight("/api/v1/shares/" .. code, "https://evil.example")
    assert.equal(204, other.status)
    assert.is_nil(other.headers["access-control-allow-methods"])
    assert.equal(404, preflight("/api/v1/nowhere", "https://app.example.org").status)
    local plain = s:request { "OPTIONS", "/api/v1/assets" }
    assert.equal("POST, OPTIONS", plain.headers.allow)
  end)

  describe("and caches elsewhere", function()
    --- Events in the log whose tags name this share (or asset).
    local function told(tag)
      local out = 0
      for line in s:errors():gmatch("[^\n]*plugin%.purge[^\n]*") do
        if line:find(tag, 1, true) then out = out + 1 end
      end
      return out
    end
    local function told_once_more(tag, change)
      local before = told(tag)
      change()
      server.wait_until("word of " .. tag, function() return told(tag) > before end)
    end
    local function share(fields)
      fields.asset_id = asset
      return s:request({ "POST", "/api/v1/shares", token = admin, json = fields }).json.code
    end
    local function patch(own, fields)
      return function() s:request { "PATCH", "/api/v1/shares/" .. own, token = admin, json = fields } end
    end

    it("hear of each change, by URLs and tags", function()
      local own = share {}
      told_once_more("share:" .. own, patch(own, { visibility = "private" }))
      told_once_more("share:" .. own, patch(own, { title = "graphic violence" }))
      told_once_more("share:" .. own, patch(own, { title = "tame", visibility = "public" }))
      told_once_more("share:" .. own, function()
        s:request { "DELETE", "/api/v1/shares/" .. own, token = admin }
      end)
      local log = s:errors()
      for _, url in ipairs { "https://gifs.example.org/s/" .. own, "https://gifs.example.org/s/" .. own .. ".gif",
        "https://gifs.example.org/a/" .. asset .. ".mp4", "https://gifs.example.org/oembed" } do -- logged without query
        assert.is_truthy(log:find(url, 1, true) or log:find(url:gsub("/", "\\/"), 1, true), url)
      end
      assert.is_true(told("asset:" .. asset) >= 4)
    end)

    it("hear of a share's end", function()
      local own = share { expires_at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 2) }
      assert.equal(200, get("/s/" .. own).status)
      server.wait_until("word of its end", function() return told("share:" .. own) > 0 end)
      assert.equal(410, get("/s/" .. own).status)
      told_once_more("share:" .. own, patch(own, { expires_at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + 1) }))
    end)
  end)
end)
