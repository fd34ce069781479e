-- Signed URLs over the real program: what they open, for how long, and every way in which one does not hold.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local pictures = require "pictures"
local server = require "server"

local SECRET = "gifd-test-secret"

local function shell(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read("*a")
  pipe:close()
  return out
end

--- HMAC-SHA-256 by another program, as base64url.
local function mac(text)
  local out = shell(("printf '%%b' '%s' | openssl dgst -sha256 -hmac '%s' -binary | base64 -w0"):format(
    text:gsub("%%", "%%%%"):gsub("\n", "\\n"), SECRET))
  return (out:gsub("=", ""):gsub("+", "-"):gsub("/", "_"))
end

local function signed(path, query)
  return ("%s?%s&signature=%s"):format(path, query, mac("GET\n" .. path .. "?" .. query))
end

describe("a signed URL", function()
  local s, owner, asset, code
  setup(function()
    s = server.start { workers = 2 }
    assert.equal(0, (server.command("keys", "rotate", "--kid", "k1", "--secret", SECRET, "--data", s.data)))
    owner = s:token("trusted", "owner")
    local reply = s:upload(pictures.gif { frames = 4 }, owner, "title=mine&visibility=private", { Prefer = "wait=20" })
    asset, code = reply.json.asset.id, reply.json.share.code
    assert.equal("ready", reply.json.asset.state)
  end)
  teardown(function() s:stop() end)

  local function ask(fields, token)
    return s:request { "POST", "/api/v1/signed-urls", token = token or owner, json = fields }
  end

  local function path_of(url) return (url:gsub("^http://[^/]+", "")) end

  local function made(fields, token)
    fields.expires_in = fields.expires_in or 600
    local reply = ask(fields, token)
    assert.equal(200, reply.status, reply.body)
    return path_of(reply.json.url)
  end

  local function get(path, headers) return s:request { "GET", path, headers = headers } end

  local function refused(want, path, method)
    local reply = s:request { method or "GET", path }
    assert.equal(403, reply.status, path .. " " .. reply.body)
    if method == "HEAD" then return end
    assert.equal(want, reply.json.code, path)
    assert.matches("problem%+json", reply.headers["content-type"])
    assert.equal("no-store", reply.headers["cache-control"])
  end

  it("is what the documented vector says", function()
    assert.equal("PXA85x4MzPJiTEl8ueGSCYfvhE1A7f8wOjH3z5Kh9_s",
      mac("GET\n/a/0123456789abcdef.mp4?expires=1893456000&kid=k1"))
    assert.equal(404, get(signed("/a/0123456789abcdef.mp4", "expires=1893456000&kid=k1")).status)
    local url = made { path = "/a/" .. asset }
    local path, query, signature = url:match("^([^?]+)%?(.*)&signature=([%w_-]+)$")
    assert.equal(mac("GET\n" .. path .. "?" .. query), signature)
  end)

  it("holds as soon as its key is made, however lately another process looked at the keys", function()
    local script = s.dir .. "/new_key.lua"
    server.put(script, [[
      local signing, model = require "gifd.flow.signing", require "gifd.model.signing_key"
      local secret = ("s"):rep(32)
      assert(signing.refresh())
      assert(model.rotate("young", secret, {}))
      local signed = "/a?expires=" .. math.floor(gifd.time.now()) + 60 .. "&kid=young"
      local mac = gifd.crypto.base64url(gifd.crypto.hmac(secret, "GET\n" .. signed))
      local claims, err = signing.verify(signed .. "&signature=" .. mac)
      print(claims and claims.kid or err.code)
      print(select(2, signing.verify("/a?expires=1&kid=young&signature=" .. mac)).code)]])
    local data = s.dir .. "/other"
    local exit, out, err = server.command("lua", "--data", data, script)
    assert.equal(0, exit, err)
    assert.equal("young\nsignature_invalid\n", out)
  end)

  it("opens a private share by every form of URL, for GET and HEAD", function()
    for _, path in ipairs { "/s/" .. code, "/s/" .. code .. ".gif", "/s/" .. code .. ".mp4", "/s/" .. code .. ".png",
      "/s/" .. code .. ".json", "/a/" .. asset, "/a/" .. asset .. ".gif", "/a/" .. asset .. ".mp4",
      "/a/" .. asset .. "/poster", "/a/" .. asset .. "/mp4" } do
      assert.equal(404, get(path).status, path)
      local url = made { path = path }
      for _ = 1, 3 do
        local reply = get(url)
        assert.equal(200, reply.status, path)
        assert.equal("private, no-store", reply.headers["cache-control"], path)
        assert.equal("no-referrer", reply.headers["referrer-policy"], path)
        local head = s:request { "HEAD", url }
        assert.equal(200, head.status, path)
        -- A smaller GIF may have been made between the two; then it is what comes next.
        local length = head.headers["content-length"]
        assert.is_true(length == reply.headers["content-length"]
          or length == get(url).headers["content-length"], path)
      end
      assert.equal(404, get(path).status, path)
      assert.equal(405, s:request({ "POST", url }).status, path)
    end
  end)

  it("opens all media of an asset, and nothing beside it", function()
    local url = made { asset_id = asset }
    local query = url:match("%?.*$")
    for _, form in ipairs { "", ".gif", ".mp4", "/poster", "/mp4", "/poster.jpg" } do
      assert.equal(200, get("/a/" .. asset .. form .. query).status, form)
    end
    local other = s:upload(pictures.gif(), owner, "visibility=private").json.asset.id
    refused("url_malformed", "/a/" .. other .. query)
    refused("url_malformed", "/s/" .. code .. query)
    refused("url_malformed", "/a/" .. asset .. "0" .. query)
    refused("url_malformed", "/a/" .. asset .. "/../" .. other .. query)
    refused("url_malformed", "/a/" .. asset .. "/%2e%2e/" .. other .. query)
    refused("signature_invalid", "/a/" .. other .. (query:gsub("prefix=[^&]*", "prefix=/a/" .. other)))
  end)

  it("of a page leads on to what the page shows", function()
    local url = made { code = code }
    local page = get(url)
    assert.equal(200, page.status)
    local seen = 0
    for address in page.body:gmatch('"(/a/' .. asset .. '[^"]*)"') do
      seen = seen + 1
      assert.equal(200, get((address:gsub("&amp;", "&"))).status, address)
    end
    assert.is_true(seen >= 3)
    assert.matches("Only those who have this link", page.body)
    assert.is_nil(page.body:find('property="og:', 1, true))
    assert.is_nil(page.headers.link)
    local json = get(made { path = "/s/" .. code .. ".json" }).json
    assert.equal(200, get(path_of(json.asset.url)).status)
    for _, rendition in ipairs(json.asset.renditions) do assert.equal(200, get(path_of(rendition.url)).status) end
  end)

  it("serves ranges and conditionals as any other does", function()
    local url = made { path = "/a/" .. asset }
    local whole = get(url)
    local part = get(url, { Range = "bytes=6-9" })
    assert.equal(206, part.status)
    assert.equal(whole.body:sub(7, 10), part.body)
    assert.equal(304, get(url, { ["If-None-Match"] = whole.headers.etag }).status)
    assert.equal(416, get(url, { Range = "bytes=999999-" }).status)
  end)

  it("counts a visit of its page", function()
    local before = s:request({ "GET", "/api/v1/shares/" .. code, token = owner }).json.clicks
    local url = made { code = code }
    for _ = 1, 3 do get(url) end
    s:request { "HEAD", url }
    assert.equal(before + 3, s:request({ "GET", "/api/v1/shares/" .. code, token = owner }).json.clicks)
  end)

  it("says why it does not hold", function()
    local path = "/a/" .. asset
    local query = ("expires=%d&kid=k1"):format(os.time() + 600)
    local good = signed(path, query)
    assert.equal(200, get(good).status)
    refused("signature_missing", path .. "?" .. query)
    refused("signature_missing", path .. "?" .. query .. "&signature=")
    refused("signature_missing", path .. "?kid=k1")
    refused("expiration_missing", signed(path, "kid=k1"))
    refused("signature_invalid", signed(path, "expires=1893456000"))
    refused("signature_invalid", (good:gsub("kid=k1", "kid=k2")))
    refused("signature_invalid", good .. "&w=1")
    refused("signature_invalid", good .. "A")
    refused("signature_invalid", (good:gsub("/a/", "/s/")))
    refused("signature_invalid", (good:gsub("expires=%d+", "expires=" .. os.time() + 999)))
    refused("url_malformed", good .. "&kid=k1")
    refused("url_malformed", good .. "&expires=1")
    refused("url_malformed", good .. "&%65xpires=1")
    refused("url_malformed", good .. "&")
    refused("url_malformed", signed(path, "expires=never&kid=k1"))
    refused("expired", signed(path, "expires=1&kid=k1"))
    refused("signature_invalid", (signed(path, "expires=1&kid=k1"):gsub(".$", "~")))
    refused("signature_invalid", (good:gsub(".$", "~")), "HEAD")
  end)

  it("does not hold with a byte of its signature changed", function()
    local url = made { path = "/a/" .. asset .. ".mp4" }
    local at = url:find("signature=", 1, true) + 10
    for i = at, #url do
      local c = url:sub(i, i) == "A" and "B" or "A"
      refused("signature_invalid", url:sub(1, i - 1) .. c .. url:sub(i + 1))
    end
  end)

  it("is refused before anything is looked up, and also where no signature is needed", function()
    local public = s:upload(pictures.gif(), owner).json
    for _, path in ipairs { "/a/" .. public.asset.id, "/s/" .. public.share.code, "/a/ffffffffffffffff",
      "/s/nothere" } do
      refused("signature_invalid", path .. "?expires=1893456000&kid=k1&signature=" .. ("A"):rep(43))
    end
    local reply = get(made { path = "/a/" .. public.asset.id })
    assert.equal(200, reply.status)
    assert.equal("private, no-store", reply.headers["cache-control"])
    assert.matches("^public", get("/a/" .. public.asset.id).headers["cache-control"])
  end)

  it("ends at its second, also when it was just served", function()
    local url = made { path = "/a/" .. asset, expires_in = 2 }
    assert.equal(200, get(url).status)
    server.wait_until("its end", function() return get(url).status == 403 end)
    refused("expired", url)
  end)

  it("is made by the owner or an admin alone", function()
    local stranger = s:token("trusted", "stranger")
    for _, fields in ipairs { { path = "/a/" .. asset }, { path = "/s/" .. code .. ".gif" }, { code = code },
      { asset_id = asset } } do
      fields.expires_in = 60
      assert.equal(404, ask(fields, stranger).status)
      assert.equal(401, s:request({ "POST", "/api/v1/signed-urls", json = fields }).status)
      assert.equal(200, ask(fields, s:token "admin").status)
    end
    assert.equal(404, ask({ code = "nothere", expires_in = 60 }).status)
    assert.equal(404, ask({ asset_id = "ffffffffffffffff", expires_in = 60 }).status)
  end)

  it("is not made of what cannot be signed", function()
    local function fault(pointer, fields)
      local reply = ask(fields)
      assert.equal(422, reply.status, reply.body)
      assert.equal(pointer, reply.json.errors[1].pointer, reply.body)
    end
    fault("/expires_in", { code = code })
    fault("/expires_in", { code = code, expires_in = 0 })
    fault("/expires_in", { code = code, expires_in = 1e9 })
    fault("/expires_in", { code = code, expires_in = "soon" })
    fault("/path", { expires_in = 60 })
    fault("/code", { path = "/a/" .. asset, code = code, expires_in = 60 })
    for _, path in ipairs { "/", "/api/v1/shares", "/a/" .. asset .. "?x=1", "/a/../readyz", "a/" .. asset,
      "http://x/a/" .. asset, "/a/" .. asset .. "/../x", "/s/a b" } do
      fault("/path", { path = path, expires_in = 60 })
    end
    fault("/params/expires", { code = code, expires_in = 60, params = { expires = "9" } })
    fault("/params/prefix", { code = code, expires_in = 60, params = { prefix = "/a" } })
    fault("/kode", { kode = code, expires_in = 60 })
  end)

  it("carries parameters, which are signed too", function()
    local url = made { path = "/a/" .. asset, params = { download = "my cat", w = 320 } }
    assert.matches("download=my%%20cat", url)
    local reply = get(url)
    assert.equal(200, reply.status)
    assert.equal('attachment; filename="my cat.gif"', reply.headers["content-disposition"])
    refused("signature_invalid", (url:gsub("w=320", "w=321")))
    refused("signature_invalid", (url:gsub("&w=320", "")))
  end)

  it("never opens what is rejected, unlooked at, over or gone", function()
    local function share(fields)
      fields.asset_id, fields.visibility = asset, "private"
      return s:request({ "POST", "/api/v1/shares", token = owner, json = fields }).json.code
    end
    local bad = share { title = "graphic violence" }
    assert.equal(410, get(made { code = bad }).status)
    assert.equal(410, get(made { path = "/s/" .. bad .. ".gif" }).status)
    local over = share { expires_at = "2020-01-01T00:00:00Z" }
    assert.equal(410, get(made { code = over }).status)
    local newcomer = s:token("upload", "newcomer")
    local flagged = s:upload(pictures.gif(), newcomer, nil, { Prefer = "wait=20" }).json
    assert.equal("flagged", flagged.share.state)
    for _, fields in ipairs { { code = flagged.share.code }, { asset_id = flagged.asset.id } } do
      assert.equal(404, get(made(fields, newcomer)).status)
    end
    local short = share {}
    local page, file = made { code = short }, made { path = "/s/" .. short .. ".gif" }
    assert.equal(200, get(page).status)
    assert.equal(200, get(file).status)
    s:request { "DELETE", "/api/v1/shares/" .. short, token = owner }
    assert.equal(404, get(page).status)
    assert.equal(404, get(file).status)
    local alone = s:upload(pictures.gif(), owner, "visibility=private").json
    local media = made { asset_id = alone.asset.id }
    assert.equal(200, get(media).status)
    s:request { "DELETE", "/api/v1/shares/" .. alone.share.code, token = owner }
    assert.equal(404, get(media).status)
  end)

  describe("and its key", function()
    local function keys(...) return server.command("keys", ...) end
    local function everywhere(path, status)
      for _ = 1, 20 do if get(path).status ~= status then return false end end
      return true
    end

    it("rotate without a refusal, and the old one verifies on", function()
      local old = made { path = "/a/" .. asset }
      assert.matches("kid=k1", old)
      local exit, out = keys("rotate", "--data", s.data)
      assert.equal(0, exit)
      local kid = out:match("^(%w+)\n$")
      assert.is_not_nil(kid)
      local new
      server.wait_until("the new key", function()
        new = made { path = "/a/" .. asset }
        assert.equal(200, get(new).status)
        assert.equal(200, get(old).status)
        return new:find("kid=" .. kid, 1, true) ~= nil
      end)
      assert.is_true(everywhere(new, 200))
      local _, list = keys("list", "--data", s.data)
      assert.matches(kid .. "\tsigning", list)
      assert.matches("k1\tverifying", list)
      assert.is_nil(list:find(SECRET, 1, true))
    end)

    it("revoked, opens nothing within a second, whatever was kept", function()
      local url = signed("/a/" .. asset, ("expires=%d&kid=k1"):format(os.time() + 600))
      assert.is_true(everywhere(url, 200))
      assert.equal(0, (keys("revoke", "k1", "--data", s.data)))
      server.wait_until("the revocation", function() return everywhere(url, 403) end)
      refused("signature_invalid", url)
      assert.equal(4, (keys("revoke", "k1", "--data", s.data)))
      assert.equal(4, (keys("revoke", "k9", "--data", s.data)))
      assert.equal(6, (keys("rotate", "--kid", "k1", "--data", s.data)))
      local sql = "SELECT secret FROM signing_keys WHERE kid = 'k1'"
      local kept = shell(('sqlite3 -readonly %s/catalogue.db "%s"'):format(s.data, sql))
      assert.equal("\n", kept)
    end)

    it("that signs, revoked, is followed by a new one", function()
      local url = made { path = "/a/" .. asset }
      assert.equal(0, (keys("revoke", url:match("kid=(%w+)"), "--data", s.data)))
      server.wait_until("the revocation", function() return get(url).status == 403 end)
      server.wait_until("the next key", function() return get(made { path = "/a/" .. asset }).status == 200 end)
    end)

    it("are 16 at most, and named and long as they must be", function()
      assert.equal(2, (keys("rotate", "--kid", "a b", "--data", s.data)))
      assert.equal(2, (keys("rotate", "--secret", "short", "--data", s.data)))
      assert.equal(2, (keys("turn", "--data", s.data)))
      local exit
      for _ = 1, 16 do
        exit = keys("rotate", "--data", s.data)
        if exit ~= 0 then break end
      end
      assert.equal(7, exit)
    end)
  end)

  it("is made with a key that nobody has to make first, and that survives a restart", function()
    local t = server.start { workers = 2 }
    local token = t:token "admin"
    local id = t:upload(pictures.gif(), token, "visibility=private").json.asset.id
    local url = path_of(t:request({ "POST", "/api/v1/signed-urls", token = token,
      json = { asset_id = id, expires_in = 600 } }).json.url)
    for _ = 1, 10 do
      server.wait_until("both workers", function() return t:request({ "GET", url }).status == 200 end)
    end
    t:kill()
    t:begin()
    assert.equal(200, t:request({ "GET", url }).status)
    local mode = shell("stat -c %a " .. t.data .. "/catalogue.db"):match("%d+")
    assert.equal("600", mode)
    t:stop()
  end)
end)
