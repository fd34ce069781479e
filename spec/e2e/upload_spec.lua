-- An upload, from bytes to a link that plays, over the real program.
package.path = "lua/?.lua;spec/support/?.lua;" .. package.path
local cjson = require "cjson"
local pictures = require "pictures"
local server = require "server"

describe("an upload", function()
  local s, admin
  setup(function()
    s = server.start()
    admin = s:token "admin"
  end)
  teardown(function() assert.equal(0, s:stop()) end)

  it("of raw bytes answers with asset and share, and the link works at once", function()
    local bytes = pictures.gif { frames = 3 }
    local reply = s:upload(bytes, admin, "title=A%20cat&tags=cat,%20cute&description=Sits&visibility=unlisted")
    assert.equal(201, reply.status, reply.body)
    local asset, share = reply.json.asset, reply.json.share
    assert.equal("image/gif", asset.type)
    assert.same({ #bytes, 2, 2, 3, 300 }, { asset.bytes, asset.width, asset.height, asset.frames, asset.duration_ms })
    assert.equal(asset.id, asset.digest:sub(1, 16))
    assert.same({ "A cat", "Sits", "unlisted", "live" }, { share.title, share.description, share.visibility,
      share.state })
    assert.same({ "cat", "cute" }, share.tags)
    assert.matches("^%w%w%w%w%w%w%w%w$", share.code)
    assert.equal(s.url .. "/s/" .. share.code, share.short_url)
    assert.equal(200, s:request { "GET", "/s/" .. share.code }.status)
    local media = s:request { "GET", "/a/" .. asset.id }
    assert.equal(bytes, media.body)
    assert.equal("image/gif", media.headers["content-type"])
    assert.equal("nosniff", media.headers["x-content-type-options"])
    assert.matches("sandbox", media.headers["content-security-policy"])
  end)

  it("as a form does the same", function()
    local body, kind = server.multipart { { "title", "Form" },
      { "file", pictures.gif(), filename = "x.gif", type = "image/gif" },
                                          { "tags", "a,b" } }
    local reply = s:request { "POST", "/api/v1/assets", token = admin, body = body,
      headers = { ["Content-Type"] = kind } }
    assert.equal(201, reply.status, reply.body)
    assert.equal("Form", reply.json.share.title)
    assert.same({ "a", "b" }, reply.json.share.tags)
  end)

  it("waits for its renditions when asked, and they are served by every form of URL", function()
    local reply = s:upload(pictures.gif { frames = 4 }, admin, nil, { Prefer = "wait=20" })
    assert.equal("ready", reply.json.asset.state, reply.body)
    local names = {}
    for _, r in ipairs(reply.json.asset.renditions) do
      if r.state == "ready" then names[r.name] = r end
    end
    assert.equal("video/mp4", names.mp4.type)
    local id, code = reply.json.asset.id, reply.json.share.code
    for path, kind in pairs { ["/a/" .. id .. ".mp4"] = "video/mp4", ["/s/" .. code .. ".mp4"] = "video/mp4",
                              ["/a/" .. id .. "/poster"] = names.poster.type, ["/s/" .. code .. ".gif"] = "image/gif",
                              ["/s/" .. code .. ".png"] = "image/png",
                                ["/s/" .. code .. ".json"] = "application/json" } do
      local got = s:request { "GET", path }
      assert.equal(200, got.status, path)
      assert.equal(kind, got.headers["content-type"], path)
    end
    assert.equal(404, s:request { "GET", "/a/" .. id .. ".exe" }.status)
  end)

  it("by gifd up on a terminal shows what is sent, then what is made", function()
    local path = s.dir .. "/up.gif"
    server.put(path, pictures.gif { frames = 40, width = 320, height = 241 })
    local p = io.popen(("GIFD_TOKEN='%s' script -qec '%s up --server %s %s' /dev/null </dev/null"):format(admin,
      server.binary, s.url, path))
    local out = p:read "*a"
    p:close()
    assert.matches("%[#+%] 100 %% looked at", out)
    assert.matches("\n?" .. s.url .. "/s/%w+", out)
    local code = out:match("/s/(%w+)")
    local id = s:request({ "GET", "/api/v1/shares/" .. code, token = admin }).json.asset_id
    local asset = s:request({ "GET", "/api/v1/assets/" .. id, token = admin }).json
    assert.same({ "ready", cjson.null }, { asset.state, asset.progress }) -- it stays until all is made
    assert.is_truthy(out:find("% made", 1, true))
  end)

  it("of bytes that exist makes a new share; 200 only for who had one", function()
    local bytes = pictures.gif()
    local first = s:upload(bytes, admin)
    local again = s:upload(bytes, admin)
    local other = s:upload(bytes, s:token("trusted", "somebody"))
    assert.same({ 201, 200, 201 }, { first.status, again.status, other.status })
    assert.equal(first.json.asset.id, other.json.asset.id)
    assert.not_equal(first.json.share.code, again.json.share.code)
  end)

  it("that is no picture is refused by content, whatever it is called", function()
    for name, bytes in pairs { svg = "<svg xmlns='http://www.w3.org/2000/svg'/>", text = "hello", zip = "PK\3\4rest",
                               polyglot = "GIF89a<html><script>alert(1)</script></html>" } do
      local reply = s:upload(bytes, admin, nil, { ["Content-Type"] = "image/gif" })
      assert.is_true(reply.status == 415 or reply.status == 422, name .. ": " .. tostring(reply.status))
      assert.matches("^application/problem%+json", reply.headers["content-type"])
      assert.equal(reply.status, reply.json.status)
      assert.is_string(reply.json.request_id)
    end
    local cut = s:upload(pictures.gif():sub(1, 10), admin)
    assert.is_true(cut.status == 415 or cut.status == 422)
  end)

  it("with bad fields is refused with a pointer to each", function()
    local function pointers(reply)
      local out = {}
      for _, e in ipairs(reply.json.errors or {}) do out[#out + 1] = e.pointer end
      return reply.status, out
    end
    local status, found = pointers(s:upload(pictures.gif(), admin, "title=" .. ("x"):rep(501) .. "&visibility=secret"))
    assert.equal(422, status)
    assert.same({ "/title", "/visibility" }, found)
    assert.same({ 422, { "/tags" } }, { pointers(s:upload(pictures.gif(), admin, "tags=" .. ("a,"):rep(101))) })
    local body, kind = server.multipart { { "title", "no file" } }
    assert.same({ 422, { "/file" } }, { pointers(s:request { "POST", "/api/v1/assets", token = admin, body = body,
      headers = { ["Content-Type"] = kind } }) })
    body = server.multipart { { "file", "text, not a file" } }
    assert.same({ 422, { "/file" } }, { pointers(s:request { "POST", "/api/v1/assets", token = admin, body = body,
      headers = { ["Content-Type"] = kind } }) })
    local broken = s:request { "POST", "/api/v1/assets", token = admin, body = "--x\r\nnonsense", headers = {
      ["Content-Type"] = "multipart/form-data; boundary=x" } }
    assert.equal(400, broken.status)
  end)

  it("of nothing is refused", function()
    assert.equal(400, s:request { "POST", "/api/v1/assets", token = admin }.status)
  end)
end)

describe("uploads of the same bytes at the same moment", function()
  it("are one asset with a live share each", function()
    local s = server.start { workers = 2 }
    local path, token = s.dir .. "/same.gif", s:token "admin"
    local f = assert(io.open(path, "wb"))
    f:write(pictures.gif { frames = 2 })
    f:close()
    local curl = ("curl -s -H 'Authorization: Bearer %s' --data-binary @%s %s/api/v1/assets & ")
      :format(token, path, s.url)
    local pipe = io.popen("(" .. curl:rep(12) .. "wait)")
    local text = pipe:read("*a")
    pipe:close()
    local ids, live = {}, 0
    for id in text:gmatch('"digest":"(%x+)"') do ids[id] = true end
    for _ in text:gmatch('"state":"live"') do live = live + 1 end
    local distinct = 0
    for _ in pairs(ids) do distinct = distinct + 1 end
    assert.equal(1, distinct)
    assert.equal(12, live, text)
    s:stop()
  end)
end)

describe("an upload to a full disk", function()
  it("is refused, and what is there is still served", function()
    local s = server.start()
    local token = s:token "admin"
    local id = s:upload(pictures.gif(), token).json.asset.id
    s:kill()
    s.config = s.dir .. "/config.lua"
    local f = assert(io.open(s.config, "wb"))
    f:write('return { uploads = { disk_reserve = "4000 TiB" } }')
    f:close()
    s:begin()
    assert.equal(507, s:upload(pictures.gif(), token).status)
    assert.equal(200, s:request({ "GET", "/a/" .. id }).status)
    assert.equal(200, s:request({ "GET", "/readyz" }).status)
    s:stop()
  end)
end)

describe("an upload over the limit", function()
  it("is refused with the limit's name and leaves nothing behind", function()
    local s = server.start { config = 'return { uploads = { max_bytes = "10 KiB" } }' }
    local reply = s:upload(("x"):rep(20000), s:token "upload")
    assert.equal(413, reply.status)
    assert.matches("10240 bytes", reply.json.detail)
    assert.equal("", io.popen("ls " .. s.data .. "/blobs/tmp"):read("*a"))
    s:stop()
  end)
end)
