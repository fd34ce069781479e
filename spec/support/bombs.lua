--- bombs: files that lie, blow up or never end, made in memory. Each is { name, bytes, status } where status is the
-- only right answer, or nil where a refusal (415, 422) is as right as taking it.
local M = {}

local function le(n, bytes)
  local out = {}
  for i = 1, bytes do out[i], n = string.char(n % 256), math.floor(n / 256) end
  return table.concat(out)
end

local function be(n, bytes) return le(n, bytes):reverse() end

local function blocks(bytes)
  local out = {}
  for i = 1, #bytes, 255 do
    local part = bytes:sub(i, i + 254)
    out[#out + 1] = string.char(#part) .. part
  end
  out[#out + 1] = "\0"
  return table.concat(out)
end

local function gif(width, height, ...)
  return "GIF89a" .. le(width, 2) .. le(height, 2) .. "\128\0\0\0\0\0\255\255\255" .. table.concat { ... }
end

local function frame(width, height, data)
  return "\44\0\0\0\0" .. le(width, 2) .. le(height, 2) .. "\0" .. (data or "\2\2\68\1\0")
end

local pixel = frame(1, 1)

--- LZW data of `left` pixels of colour 0: every code stands for one pixel more than the one before.
local function dense(left)
  local bits, held, out, width, next_code = 0, 0, {}, 3, 6
  local function put(code)
    bits, held = bits + code * 2 ^ held, held + width
    while held >= 8 do
      out[#out + 1] = string.char(bits % 256)
      bits, held = math.floor(bits / 256), held - 8
    end
  end
  local run = 0
  put(4)
  while left > 0 do
    run = run + 1
    if run > left then run = left end
    put(run == 1 and 0 or run + 4)
    left = left - run
    if run > 1 and next_code < 4096 then next_code = next_code + 1 end
    if next_code == 2 ^ width and width < 12 then width = width + 1 end
    if next_code >= 4095 then
      put(4)
      width, next_code, run = 3, 6, 0
    end
  end
  put(5)
  width = 8
  put(0)
  return "\2" .. blocks(table.concat(out))
end

local crc_table
local function crc32(bytes)
  local bit = require "bit"
  if not crc_table then
    crc_table = {}
    for i = 0, 255 do
      local c = i
      for _ = 1, 8 do c = bit.bxor(bit.rshift(c, 1), c % 2 == 1 and 0xedb88320 or 0) end
      crc_table[i] = c
    end
  end
  local c = bit.bnot(0)
  for i = 1, #bytes do c = bit.bxor(crc_table[bit.band(bit.bxor(c, bytes:byte(i)), 255)], bit.rshift(c, 8)) end
  return bit.bnot(c) % 2 ^ 32
end

local function chunk(kind, data) return be(#data, 4) .. kind .. data .. be(crc32(kind .. data), 4) end

local function png(width, height, ...)
  return "\137PNG\r\n\26\n" .. chunk("IHDR", be(width, 4) .. be(height, 4) .. "\8\0\0\0\0") .. table.concat { ... }
    .. chunk("IEND", "")
end

--- One grey pixel: a stored block in a zlib frame.
local grey = chunk("IDAT", "\120\1\1\2\0\253\255\0\0\0\2\0\1")

local function riff(body) return "RIFF" .. le(#body + 4, 4) .. "WEBP" .. body end
local function box(kind, body) return be(#body + 8, 4) .. kind .. body end

local ftyp = box("ftyp", "isom\0\0\2\0isommp41")

local function nested(depth)
  local out = {}
  for i = 1, depth do out[i] = be(8 * (depth - i + 1), 4) .. "moov" end
  return table.concat(out)
end

--- A track of `count` samples of 16 bytes each that the file does not have.
local function samples(width, height, count)
  local entry = box("avc1", ("\0"):rep(6) .. "\0\1" .. ("\0"):rep(16) .. be(width, 2) .. be(height, 2)
    .. ("\0\72\0\0"):rep(2) .. ("\0"):rep(4) .. "\0\1" .. ("\0"):rep(32) .. "\0\24\255\255")
  local table_of = box("stsd", be(0, 4) .. be(1, 4) .. entry)
    .. box("stts", be(0, 4) .. be(1, 4) .. be(count, 4) .. be(1, 4))
    .. box("stsc", be(0, 4) .. be(1, 4) .. be(1, 4):rep(3)) .. box("stsz", be(0, 4) .. be(16, 4) .. be(count, 4))
    .. box("stco", be(0, 4) .. be(1, 4) .. be(32, 4))
  local media = box("mdhd", be(0, 12) .. be(1000, 4):rep(2) .. be(0, 4))
    .. box("hdlr", ("\0"):rep(8) .. "vide" .. ("\0"):rep(13))
    .. box("minf", box("vmhd", be(1, 4) .. ("\0"):rep(8)) .. box("stbl", table_of))
  local header = box("tkhd", be(7, 4) .. be(0, 8) .. be(1, 4) .. ("\0"):rep(24) .. be(65536, 4) .. ("\0"):rep(12)
    .. be(65536, 4) .. ("\0"):rep(12) .. be(2 ^ 30, 4) .. be(width, 2) .. "\0\0" .. be(height, 2) .. "\0\0")
  return ftyp .. box("moov", box("mvhd", be(0, 12) .. be(1000, 4):rep(2) .. ("\0"):rep(80))
    .. box("trak", header .. box("mdia", media))) .. box("mdat", ("\0"):rep(64))
end

local function playlist(target) return "#EXTM3U\n#EXTINF:10.0,\n" .. target .. "\n#EXT-X-ENDLIST\n" end

local whole = gif(8, 8, frame(8, 8, dense(64)), frame(8, 8, dense(64)), ";")

function M.all()
  local out = {}
  local function add(name, bytes, status) out[#out + 1] = { name = name, bytes = bytes, status = status } end
  add("a canvas of 65535 x 65535", gif(65535, 65535, pixel, ";"), 422)
  add("a frame of 65535 x 65535", gif(1, 1, frame(65535, 65535), ";"), 422)
  add("an empty canvas", gif(0, 0, frame(0, 0), ";"), 422)
  add("100,000 frames", gif(1, 1, pixel:rep(100000), ";"), 422)
  add("640 million pixels in a hundredth of the bytes", gif(4000, 4000, frame(4000, 4000, dense(16e6)):rep(40), ";"),
    422)
  add("50,000 comments and a picture", gif(1, 1, ("\33\254\1x\0"):rep(50000), pixel, ";"), 201)
  add("comments without end", gif(1, 1, "\33\254", ("\255" .. ("A"):rep(255)):rep(4000)), 422)
  add("20,000 loop blocks", gif(1, 1, ("\33\255\11NETSCAPE2.0\3\1\3\0\0"):rep(20000), pixel, ";"), 201)
  add("data in blocks of one byte", gif(64, 64, frame(64, 64, "\2" .. ("\1\68"):rep(60000) .. "\0"), ";"))
  add("nothing but clear codes", gif(64, 64, frame(64, 64, "\2" .. blocks(("\36\73\146"):rep(20000))), ";"))
  add("nothing but the highest code", gif(64, 64, frame(64, 64, "\8" .. blocks(("\255"):rep(20000))), ";"))
  for _, size in ipairs { 0, 1, 12, 13, 255 } do
    add("a code size of " .. size, gif(4, 4, frame(4, 4, string.char(size) .. "\2\68\1\0"), ";"))
  end
  for cut = 1, #whole - 1, 7 do add("a GIF cut at byte " .. cut, whole:sub(1, cut)) end
  add("a page behind a GIF signature", "GIF89a<!doctype html><script>alert(1)</script>", 415)
  add("a page", "<!doctype html><script>alert(1)</script>", 415)
  add("an SVG", '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 415)
  add("a program", "MZ\144\0" .. ("\0"):rep(60) .. "PE\0\0", 415)
  for _, target in ipairs { "file:///etc/passwd", "http://127.0.0.1:9/x", "concat:http://127.0.0.1:9/|/etc/passwd",
                            "subfile,,start,0,end,100,,:/etc/passwd", "data:text/plain;base64,QUJD" } do
    add("a playlist of " .. target, playlist(target), 415)
  end
  add("a script of concat", "ffconcat version 1.0\nfile /etc/passwd\n", 415)
  add("a DASH manifest", '<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>', 415)
  add("an SDP", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 9 RTP/AVP 96\r\n", 415)
  add("a PNG of 30000 x 30000", png(30000, 30000, grey), 422)
  add("2^31 frames, it says", png(1, 1, chunk("acTL", be(2 ^ 31 - 1, 4) .. be(0, 4)), grey))
  add("a PNG with a wrong checksum", png(1, 1, grey:sub(1, -2) .. "\0"), 422)
  add("a PNG without a picture", png(1, 1), 422)
  add("a WebP canvas of 16384 x 16384", riff("VP8X" .. le(10, 4) .. "\2\0\0\0\255\63\0\255\63\0" .. "ANIM" .. le(6, 4)
    .. ("\0"):rep(6)), 422)
  add("a WebP that says it is of 4 GiB", "RIFF\255\255\255\255WEBPVP8L" .. le(20, 4) .. ("\47\0"):rep(10), 422)
  add("a film that is only a box", ftyp .. box("mdat", ("\0"):rep(32)), 422)
  add("a box of 2^64 bytes", ftyp .. "\0\0\0\1moov" .. ("\255"):rep(8) .. "\0\0\0\0trak", 422)
  add("4,000 boxes in each other", ftyp .. nested(4000), 422)
  add("a film of 65535 x 65535", samples(65535, 65535, 1), 422)
  add("2^31 samples of nothing", samples(64, 64, 2 ^ 31 - 1), 422)
  add("a WebM whose elements have no end", "\26\69\223\163\139\66\130\132webm"
    .. ("\24\83\128\103\1" .. ("\255"):rep(7)):rep(200), 422)
  return out
end

--- A good GIF with a ZIP archive's bytes behind its end.
function M.with_tail(tail) return whole .. "PK\3\4" .. tail end

--- Slow to look at, and just within what is allowed.
function M.slow() return gif(4000, 4000, frame(4000, 4000, dense(16e6)):rep(31), ";") end

return M
