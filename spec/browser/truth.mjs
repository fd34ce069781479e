// What gifd says and shows of a file, beside what the browser does: pictures, their times, their pixels, loops.
//
// GIFD_DATA is the data directory of the server at GIFD_URL, GIFD the program. With GIFD_CORPUS all pictures of that
// folder are compared, else small ones made here: every disposal and blending of GIF, WebP and APNG, delays of 0 and 1,
// transparency, frames off the canvas, interlace.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { check, equal, file, openBrowser, summary, truthy, uploaded, url } from "./browser.mjs";

const MOST = 40; // frames of one file whose pixels are compared
const kinds = { gif: "image/gif", webp: "image/webp", png: "image/png", apng: "image/png" };

// ---- files made here ----

const word = (n) => [n & 255, n >> 8];
const colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [250, 200, 10]];

function data(pixels) {
  const bytes = [];
  let held = 0;
  let bits = 0;
  const put = (code) => {
    held |= code << bits;
    for (bits += 3; bits >= 8; bits -= 8) { bytes.push(held & 255); held >>= 8; }
  };
  pixels.forEach((pixel, i) => { if (i % 2 === 0) put(4); put(pixel); });
  put(5);
  if (bits > 0) bytes.push(held & 255);
  const out = [2];
  for (let i = 0; i < bytes.length; i += 255) out.push(Math.min(255, bytes.length - i), ...bytes.slice(i, i + 255));
  return [...out, 0];
}

// frames: { x, y, w, h, delay, disposal, clear (index), interlace, local }
function write(name, width, height, frames, loop) {
  const out = [..."GIF89a"].map((c) => c.charCodeAt(0));
  out.push(...word(width), ...word(height), 0x81, 2, 0, ...colours.flat());
  if (loop !== undefined) out.push(0x21, 0xff, 11, ...[..."NETSCAPE2.0"].map((c) => c.charCodeAt(0)), 3, 1, ...word(loop), 0);
  frames.forEach((f, n) => {
    const { x = 0, y = 0, w = width, h = height, delay = 10, disposal = 0, clear = -1, interlace = 0, local } = f;
    out.push(0x21, 0xf9, 4, (disposal << 2) | (clear >= 0 ? 1 : 0), ...word(delay), Math.max(clear, 0), 0);
    out.push(0x2c, ...word(x), ...word(y), ...word(w), ...word(h), (local ? 0x81 : 0) | (interlace ? 0x40 : 0));
    if (local) out.push(...colours.map((c) => c.map((v) => 255 - v)).flat());
    const pixels = [];
    for (let row = 0; row < h; row += 1) for (let col = 0; col < w; col += 1) pixels.push((col + 2 * row + n) % 4);
    out.push(...data(pixels));
  });
  out.push(0x3b);
  return file(`${name}.gif`, Buffer.from(out));
}

const le = (n, bytes) => Array.from({ length: bytes }, (_, i) => Math.floor(n / 256 ** i) & 255);
const be = (n, bytes) => le(n, bytes).reverse();
const letters = (text) => [...text].map((c) => c.charCodeAt(0));

function crc32(bytes) {
  let c = ~0;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k += 1) c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
  }
  return ~c >>> 0;
}

// One colour, lossless: five codes of one symbol each, and no bits for the pixels.
function vp8l(w, h, [r, g, b, a]) {
  const bits = [];
  const put = (n, count) => { for (let i = 0; i < count; i += 1) bits.push((n >> i) & 1); };
  put(w - 1, 14); put(h - 1, 14); put(1, 1); put(0, 3); put(0, 3);
  for (const symbol of [g, r, b, a]) { put(0b101, 3); put(symbol, 8); }
  put(0b001, 3); put(0, 1);
  const out = [0x2f];
  for (let i = 0; i < bits.length; i += 8) out.push(bits.slice(i, i + 8).reduce((sum, bit, at) => sum | (bit << at), 0));
  return [...letters("VP8L"), ...le(out.length, 4), ...out, ...(out.length % 2 ? [0] : [])];
}

// frames: { x, y, w, h, colour, delay, blend, dispose }
function webp(name, width, height, frames, loop) {
  const body = [...letters("WEBPVP8X"), ...le(10, 4), 0x12, 0, 0, 0, ...le(width - 1, 3), ...le(height - 1, 3),
    ...letters("ANIM"), ...le(6, 4), 0, 0, 0, 0, ...le(loop, 2)];
  for (const { x = 0, y = 0, w, h, colour, delay = 100, blend = true, dispose = false } of frames) {
    const image = vp8l(w, h, colour);
    body.push(...letters("ANMF"), ...le(16 + image.length, 4), ...le(x / 2, 3), ...le(y / 2, 3), ...le(w - 1, 3), ...le(h - 1, 3),
      ...le(delay, 3), (blend ? 0 : 2) | (dispose ? 1 : 0), ...image);
  }
  return file(`${name}.webp`, Buffer.from([...letters("RIFF"), ...le(body.length, 4), ...body]));
}

function apng(name, width, height, frames, loop) {
  const chunk = (kind, data) => {
    const bytes = [...letters(kind), ...data];
    return [...be(data.length, 4), ...bytes, ...be(crc32(bytes), 4)];
  };
  const out = [0x89, ...letters("PNG\r\n\x1a\n"), ...chunk("IHDR", [...be(width, 4), ...be(height, 4), 8, 6, 0, 0, 0]),
    ...chunk("acTL", [...be(frames.length, 4), ...be(loop, 4)])];
  let sequence = 0;
  frames.forEach(({ x = 0, y = 0, w, h, colour, delay = 100, blend = 1, dispose = 0 }, n) => {
    const rows = Array.from({ length: h }, () => [0, ...Array.from({ length: w }, () => colour).flat()]).flat();
    const data = [...deflateSync(Buffer.from(rows))];
    out.push(...chunk("fcTL", [...be(sequence++, 4), ...be(w, 4), ...be(h, 4), ...be(x, 4), ...be(y, 4), ...be(delay, 2),
      ...be(1000, 2), dispose, blend]));
    out.push(...(n ? chunk("fdAT", [...be(sequence++, 4), ...data]) : chunk("IDAT", data)));
  });
  return file(`${name}.png`, Buffer.from([...out, ...chunk("IEND", [])]));
}

function otherOnes() {
  const whole = { w: 8, h: 8, colour: [200, 30, 60, 255] };
  const half = { x: 2, y: 2, w: 4, h: 4, colour: [0, 0, 255, 128] };
  const hole = { x: 4, y: 0, w: 2, h: 6, colour: [0, 0, 0, 0] };
  const list = [];
  for (const blend of [true, false]) {
    for (const dispose of [false, true]) {
      list.push(webp(`webp-${blend}-${dispose}`, 8, 8, [whole, { ...half, blend, dispose }, { ...hole, blend, delay: 5 }, half], 3));
    }
  }
  for (const blend of [0, 1]) {
    for (const dispose of [0, 1, 2]) {
      list.push(apng(`apng-${blend}-${dispose}`, 8, 8, [{ ...whole, dispose: dispose % 2 }, { ...half, blend, dispose },
        { ...hole, blend, dispose, delay: 0 }, { ...half, x: 0, blend }], 2));
    }
  }
  return list;
}

function smallOnes() {
  const part = { x: 3, y: 2, w: 5, h: 4 };
  const list = [
    write("delays", 8, 8, [0, 1, 2, 3, 10, 65].map((delay) => ({ delay })), 0),
    write("still", 8, 8, [{}]),
    write("loops", 8, 8, [{}, part], 3),
    write("interlaced", 9, 13, [{ interlace: 1 }, { ...part, interlace: 1, local: 1 }], 0),
    write("beyond", 8, 8, [{}, { x: 6, y: 6, w: 8, h: 8 }, { x: 20, y: 0, w: 2, h: 2 }], 0),
    write("larger-first", 4, 4, [{ w: 8, h: 8 }, { w: 4, h: 4 }], 0),
  ];
  for (const disposal of [0, 1, 2, 3, 4, 7]) {
    const first = disposal === 3 ? 1 : disposal;
    list.push(write(`disposal-${disposal}`, 10, 8, [{ disposal: first }, { ...part, disposal }, { x: 5, y: 3, w: 4, h: 4, clear: 1 }], 0));
    list.push(write(`disposal-first-${disposal}`, 10, 8, [{ ...part, disposal, clear: 2 }, { x: 5, y: 0, w: 4, h: 4, disposal },
      { x: 0, y: 0, w: 2, h: 8, clear: 0 }], 0));
  }
  return list;
}

// ---- what the browser sees ----

// Runs in the page. Pixels over two grounds tell colour and transparency apart without knowing how alpha is kept.
async function decodeAll({ path, type, most }) {
  const bytes = await (await fetch(path)).arrayBuffer();
  const decoder = new ImageDecoder({ data: bytes, type });
  await decoder.tracks.ready;
  await decoder.completed;
  const track = decoder.tracks.selectedTrack;
  const frames = [];
  for (let i = 0; i < track.frameCount; i += 1) {
    let image;
    try {
      ({ image } = await decoder.decode({ frameIndex: i }));
    } catch {
      break; // cut short: what came before is shown
    }
    frames.push({ start: image.timestamp / 1000, duration: (image.duration ?? 0) / 1000, width: image.displayWidth,
      height: image.displayHeight });
    if (i < most) (window.kept ??= new Map()).set(`${path} ${i}`, image.clone());
    image.close();
  }
  return { frames, loop: track.repetitionCount };
}

// The largest difference of any channel between a kept frame and a PNG.
async function difference({ path, index, png }) {
  const image = window.kept.get(`${path} ${index}`);
  const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
  const other = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const width = image.displayWidth;
  const height = image.displayHeight;
  if (other.width !== width || other.height !== height) return `${other.width} x ${other.height}`;
  let worst = 0;
  for (const ground of ["#000", "#fff"]) {
    const [a, b] = [image, other].map((what) => {
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.fillStyle = ground;
      context.fillRect(0, 0, width, height);
      context.drawImage(what, 0, 0);
      return context.getImageData(0, 0, width, height).data;
    });
    for (let i = 0; i < a.length; i += 1) worst = Math.max(worst, Math.abs(a[i] - b[i]));
  }
  return worst;
}

// Browsers play delays of 10 ms and less as 100 ms; the decoder's interface tells what the file says.
const played = (ms) => (ms <= 10 ? 100 : ms);

const browser = await openBrowser();
const page = await (await browser.newContext()).newPage();
await page.goto(`${url}/signin`);
const corpus = process.env.GIFD_CORPUS;
const files = corpus ? readdirSync(corpus).filter((n) => kinds[n.split(".").pop()]).map((n) => join(corpus, n)) : [...smallOnes(), ...otherOnes()];

for (const path of files) {
  const name = path.split("/").pop();
  await check(name, async () => {
    const type = kinds[name.split(".").pop()];
    const { asset } = await uploaded(path);
    const seen = await page.evaluate(decodeAll, { path: `/a/${asset.id}`, type, most: MOST });
    if (!seen.frames.length) return; // larger than the browser draws
    const durations = seen.frames.map((f) => played(f.duration));
    const moves = seen.frames.length > 1;
    equal(asset.frames, seen.frames.length, "frames");
    equal(`${asset.width} x ${asset.height}`, `${seen.frames[0].width} x ${seen.frames[0].height}`, "size");
    const whole = durations.reduce((sum, ms) => sum + ms, 0);
    if (moves) truthy(Math.abs(asset.duration_ms - whole) <= 10, `duration ${asset.duration_ms}, not ${whole}`);
    const times = [];
    let start = 0;
    for (const ms of durations.slice(0, MOST)) {
      times.push(moves ? [Math.round(start), Math.round(start + ms) - Math.min(10, Math.ceil(ms / 2))] : [0]);
      start += ms;
    }
    const lines = execFileSync(process.env.GIFD, ["lua", "--data", process.env.GIFD_DATA, "stills.lua", asset.digest,
      ...new Set(times.flat().map(String))], { encoding: "utf8" });
    const stills = new Map(lines.trim().split("\n").map((line) => line.split(" ")));
    const repeats = Number(stills.get("loop"));
    const plays = repeats === 0 ? Infinity : Math.max(repeats, 1) - 1;
    if (moves) equal(seen.loop, plays, "repetitions");
    const tolerance = type === "image/webp" ? 2 : type === "image/png" ? 1 : 0;
    for (const [index, both] of times.entries()) {
      for (const at of new Set(both)) {
        const digest = stills.get(String(at));
        const png = readFileSync(join(process.env.GIFD_DATA, "blobs", digest.slice(0, 2), digest.slice(2, 4), digest)).toString("base64");
        const worst = await page.evaluate(difference, { path: `/a/${asset.id}`, index, png });
        truthy(worst <= tolerance, `frame ${index} at ${at} ms: pixels differ by ${worst}`);
      }
    }
  });
  await page.evaluate(() => { for (const image of window.kept?.values() ?? []) image.close(); window.kept?.clear(); });
}

await browser.close();
summary();
