// What the browser tests share: a browser that phones nobody, a count of checks, and a server to talk to.
//
//   GIFD_URL     where the server listens                     GIFD_TOKEN   a token that may upload
//   GIFD_SIGNIN  a one-time sign-in link for the pages        GIFD_CORPUS  folder with GIFs, instead of generated ones
//   GIFD_SHOTS   folder for screenshots                       CHROMIUM     /usr/bin/chromium
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const url = (process.env.GIFD_URL || "http://127.0.0.1:8080").replace(/\/+$/, "");
export const token = process.env.GIFD_TOKEN || "";

let passed = 0;
let failed = 0;

// One thing that must hold. A failure is told and the rest goes on.
export async function check(name, body) {
  try {
    await body();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n  ${String(error.stack || error).split("\n").slice(0, 6).join("\n  ")}`);
  }
}

export function summary() {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

export function equal(actual, wanted, about = "") {
  if (actual !== wanted) throw new Error(`${about}: ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`);
}

export function truthy(value, about) {
  if (!value) throw new Error(about);
}

export async function until(condition, about, seconds = 15) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never: ${about}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Codes of LZW that never grow: a clear code before the table would need wider ones.
function imageData(pixels) {
  const bytes = [];
  let held = 0;
  let bits = 0;
  const put = (code) => {
    held |= code << bits;
    bits += 3;
    while (bits >= 8) { bytes.push(held & 255); held >>= 8; bits -= 8; }
  };
  pixels.forEach((pixel, i) => { if (i % 2 === 0) put(4); put(pixel); });
  put(5);
  if (bits > 0) bytes.push(held & 255);
  const out = [2];
  for (let i = 0; i < bytes.length; i += 255) {
    const block = bytes.slice(i, i + 255);
    out.push(block.length, ...block);
  }
  return [...out, 0];
}

// A GIF of a bar that wanders. `salt` makes its bytes like no other's.
export function gif({ width = 64, height = 48, frames = 8, delay = 10, salt = "" } = {}) {
  const word = (n) => [n & 255, n >> 8];
  const out = [..."GIF89a"].map((c) => c.charCodeAt(0));
  out.push(...word(width), ...word(height), 0xf1, 0, 0, 20, 18, 16, 212, 72, 15, 250, 248, 245, 31, 122, 61);
  out.push(0x21, 0xff, 11, ...[..."NETSCAPE2.0"].map((c) => c.charCodeAt(0)), 3, 1, 0, 0, 0);
  if (salt) out.push(0x21, 0xfe, salt.length, ...[...salt].map((c) => c.charCodeAt(0)), 0);
  for (let frame = 0; frame < frames; frame += 1) {
    const pixels = [];
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) pixels.push(Math.floor((x * frames) / width) === frame ? 1 + (frame % 3) : 0);
    }
    out.push(0x21, 0xf9, 4, 4, ...word(delay), 0, 0, 0x2c, 0, 0, 0, 0, ...word(width), ...word(height), 0, ...imageData(pixels));
  }
  out.push(0x3b);
  return Buffer.from(out);
}

export const folder = mkdtempSync(join(tmpdir(), "gifd-browser-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

export function file(name, bytes) {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

// A real GIF of the corpus if there is one, else a generated one
export function sample(name, made = {}) {
  const corpus = process.env.GIFD_CORPUS;
  if (corpus && existsSync(corpus)) {
    const found = readdirSync(corpus).find((entry) => entry.includes(name) && entry.endsWith(".gif"));
    if (found) return join(corpus, found);
  }
  return file(`${name}.gif`, gif({ salt: name, ...made }));
}

export const unique = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;

export async function api(method, path, { body, headers } = {}) {
  const response = await fetch(url + path, { method, body, headers: { Authorization: `Bearer ${token}`, ...headers } });
  return { status: response.status, json: await response.json() };
}

export async function uploaded(path, words = {}) {
  const form = new FormData();
  for (const [name, text] of Object.entries(words)) form.append(name, text);
  form.append("file", new Blob([readFileSync(path)]), "test.gif");
  const answer = await api("POST", "/api/v1/assets", { body: form, headers: { Prefer: "wait=10" } });
  truthy(answer.status === 200 || answer.status === 201, `upload: ${answer.status} ${JSON.stringify(answer.json)}`);
  return answer.json;
}

export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
      "--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required"],
  });
}

// A page that records what must not happen: requests elsewhere, breaches of the policy, errors of its scripts.
export async function openPage(context) {
  const page = await context.newPage();
  page.faults = [];
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(`${url}/`) && !/^(blob|data):/.test(to)) page.faults.push(`a request to ${to}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" && !/^Failed to load resource/.test(message.text())) page.faults.push(message.text());
  });
  page.on("pageerror", (error) => page.faults.push(error.message));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}

export async function shot(page, name) {
  const into = process.env.GIFD_SHOTS;
  if (!into) return;
  mkdirSync(into, { recursive: true });
  await page.screenshot({ path: join(into, `${name}.png`), fullPage: true });
}
