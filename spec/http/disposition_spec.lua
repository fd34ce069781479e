-- Names that strangers choose for files: never a path, a trick on the eye, another type or a broken field.
package.path = "lua/?.lua;" .. package.path
local disposition = require "gifd.http.disposition"

local function name(text) return disposition.name(text, "gif") end
local function field(text) return disposition.attachment({ text }, "k3JxQ9aZ", "gif") end

describe("a file's name", function()
  it("keeps what is harmless", function()
    assert.equal("my cat (1).gif", name("my cat (1)"))
    assert.equal("cat.gif", name("cat.gif"))
    assert.equal("cat.gif", name("cat.GIF"))
    assert.equal("café 猫.gif", name("café 猫"))
  end)

  it("is no path, and nothing that a shell or a system reads as more", function()
    assert.equal("_.._etc_passwd.gif", name("../../etc/passwd"))
    assert.equal("C__windows_x.gif", name([[C:\windows\x]]))
    assert.equal("a_b_c.gif", name('a"b*c'))
    assert.equal("bashrc.gif", name(".bashrc"))
    assert.equal("a b.gif", name("a\r\nb"))
    assert.equal("_con.gif", name("con"))
    assert.equal("_NUL.txt.gif", name("NUL.txt"))
    assert.equal("_lpt1.gif", name("lpt1.gif"))
  end)

  it("has the extension of its bytes", function()
    assert.equal("evil.html.gif", name("evil.html"))
    assert.equal("evil.exe.gif", name("evil.exe "))
    assert.equal("evil.exe.gif", name("evil.exe.gif. . "))
  end)

  it("is read as it is written", function()
    assert.equal("catfig.exe.gif", name("cat\226\128\174fig.exe"))
    assert.equal("ab.gif", name("a\226\128\139b"))
    assert.equal("ab.gif", name("a\239\187\191\226\129\167b"))
    assert.equal("ab.gif", name("a\194\133b"))
  end)

  it("has a length, in characters and in bytes, and no half of one", function()
    assert.equal(("x"):rep(100) .. ".gif", name(("x"):rep(5000)))
    local long = name(("猫"):rep(500))
    assert.is_true(#long <= 204)
    assert.equal(0, (#long - 4) % 3)
  end)

  it("is one of ours when nothing is left", function()
    for _, empty in ipairs { "", "   ", "...", "\226\128\174", "\r\n", " . . " } do
      assert.is_nil(name(empty), empty)
      assert.equal('attachment; filename="k3JxQ9aZ.gif"', field(empty))
    end
    assert.equal('attachment; filename="b.gif"', disposition.attachment({ "", "b" }, "x", "gif"))
  end)

  it("goes into the field by the letter of RFC 6266 and 8187", function()
    assert.equal('attachment; filename="my cat.gif"', field("my cat"))
    assert.equal("attachment; filename=\"caf_ _.gif\"; filename*=UTF-8''caf%C3%A9%20%E7%8C%AB.gif", field("café 猫"))
    assert.equal("attachment; filename=\"100_ '.gif\"; filename*=UTF-8''100%25%20%27.gif", field("100% '"))
    for _, text in ipairs { 'x"; filename="evil.exe', "x\r\nSet-Cookie: a=b", "x\\", "x;y", "\0\1\127" } do
      local value = field(text)
      assert.is_nil(value:find("%c"))
      assert.matches('^attachment; filename="[^"\\]*%.gif"', value)
      assert.is_nil(value:match('filename="evil'))
    end
  end)
end)
