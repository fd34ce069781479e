// The pages in a real browser: from a file to a link to a page that plays, with mouse, keyboard and without either.
import { api, check, equal, file, gif, openBrowser, openPage, sample, shot, summary, truthy, unique, until, uploaded, url }
  from "./browser.mjs";

const browser = await openBrowser();
const desk = { viewport: { width: 1280, height: 860 } };

// Signs in once by the one-time link; every later context gets its cookies.
// A person's browser has a window: what says that it has none counts, but for no person.
const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${
  browser.version().replace(/\..*/, "")}.0.0.0 Safari/537.36`;
desk.userAgent = userAgent;
const first = await browser.newContext(desk);
if (process.env.GIFD_SIGNIN) {
  const page = await first.newPage();
  await page.goto(process.env.GIFD_SIGNIN);
  await page.close();
}
const storageState = await first.storageState();
await first.close();

async function visit(options, body) {
  const context = await browser.newContext({ ...desk, storageState, ...options });
  const page = await openPage(context);
  try {
    await body(page, context);
    equal(page.faults.join("; "), "", "what must not happen");
  } finally {
    await context.close();
  }
}

const linked = (page, nth = 0) => page.locator(".card").nth(nth).locator(".link .url").waitFor({ state: "visible" })
  .then(() => page.locator(".card .url").nth(nth).inputValue());

// Does what is shown in this element change by itself?
async function moves(page, selector, seconds = 5) {
  const before = await page.locator(selector).screenshot();
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (!before.equals(await page.locator(selector).screenshot())) return true;
  }
  return false;
}

async function rests(page, selector) {
  await page.waitForTimeout(150); // let a frame that was being drawn reach the screen
  return !(await moves(page, selector, 1));
}

let shared;

await check("a chosen GIF gets a link, and the link a page where it plays", () => visit({}, async (page) => {
  await page.goto(url);
  await page.locator("#words summary").click();
  await page.fill("#fields [name=title]", "Walk <b>\"cycle\"</b>");
  await page.fill("#fields [name=tags]", "walk, cycle ,loop");
  await page.fill("#fields [name=description]", "Step by step.\nFor ever.");
  await page.setInputFiles("#file", sample("walk-cycle"));
  shared = await linked(page);
  truthy(/\/s\/[A-Za-z0-9]{8}$/.test(shared), `a short link: ${shared}`);
  truthy(await page.locator(".card .preview img").evaluate((image) => image.naturalWidth > 0), "a preview");
  await page.locator(".card .copies button", { hasText: "MP4" }).waitFor();
  await shot(page, "uploaded");

  await page.goto(shared);
  equal(await page.locator("h1").textContent(), "Walk <b>\"cycle\"</b>", "title");
  equal(await page.locator(".tags").innerText(), "walk\ncycle\nloop", "tags");
  equal(await page.locator(".description").innerText(), "Step by step.\nFor ever.", "description");
  const time = () => page.locator("video").evaluate((video) => video.currentTime);
  await until(async () => (await time()) > 0.2, "the video advances");
  const now = await time();
  await until(async () => (await time()) !== now, "the video goes on");
  await shot(page, "share");
}));

await check("space and the button pause and play", () => visit({}, async (page) => {
  await page.goto(shared);
  const paused = () => page.locator("video").evaluate((video) => video.paused);
  await until(async () => !(await paused()), "playing");
  await page.keyboard.press("Space");
  await until(paused, "paused by space");
  equal((await page.locator("#toggle").innerText()).trim(), "Play", "what the button says");
  const at = await page.locator("video").evaluate((video) => video.currentTime);
  truthy(await rests(page, "#stage"), "nothing moves");
  equal(await page.locator("video").evaluate((video) => video.currentTime), at, "stopped at");
  await page.keyboard.press("Space");
  await until(async () => !(await paused()), "playing again");
  await page.locator("#toggle").focus();
  await page.keyboard.press("Enter");
  await until(paused, "paused by the button");
}));

await check("a GIF without its MP4 plays, pauses and plays as a picture", () => visit({}, async (page) => {
  await page.route(/\.mp4(\?|$)/, (route) => route.abort());
  await page.goto(shared);
  await page.locator("#stage picture img").waitFor();
  await until(() => page.locator("#stage picture img").evaluate((image) => image.complete && image.naturalWidth > 0), "shown");
  truthy(await moves(page, "#stage"), "it moves");
  await page.keyboard.press("Space");
  await page.locator("#stage canvas").waitFor();
  truthy(await rests(page, "#stage"), "it rests");
  await page.keyboard.press("Space");
  truthy(await moves(page, "#stage"), "it moves again");
}));

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? "with scripts" : "without scripts";
  await check(`nothing moves where less motion is wanted, ${how}`, () => visit({ reducedMotion: "reduce", javaScriptEnabled },
    async (page) => {
      const films = [];
      page.on("request", (request) => { if (/\.mp4(\?|$)/.test(request.url())) films.push(request.url()); });
      await page.goto(shared);
      await page.waitForLoadState("networkidle");
      truthy(await rests(page, "#stage"), "it rests");
      equal(films.length, 0, "films loaded");
      await shot(page, `reduced-${javaScriptEnabled ? "script" : "plain"}`);
      if (!javaScriptEnabled) {
        truthy(/\.mp4(\?|$)/.test(await page.locator(".still").getAttribute("href")), "a way to play it");
        return;
      }
      await page.keyboard.press("Space");
      await until(() => page.locator("video").evaluate((video) => video.currentTime > 0), "plays when asked");
    }));
}

await check("until the media are there a blur of them is shown, without scripts too", () => visit({ javaScriptEnabled: false }, async (page) => {
  const { share } = await uploaded(file("blur.gif", gif({ width: 320, height: 240, salt: unique() })));
  await page.route("**/a/**", (route) => route.abort());
  await page.goto(share.short_url);
  const wash = page.locator("#stage .wash");
  await until(() => wash.evaluate((image) => image.complete && image.naturalWidth === 16), "the placeholder");
  const [over, stage] = [await wash.boundingBox(), await page.locator("#stage").boundingBox()];
  truthy(over.width >= stage.width && over.height >= stage.height, "it fills the stage");
  await shot(page, "placeholder");
}));

await check("a picture that cannot move has no control", () => visit({}, async (page) => {
  const still = await uploaded(file("still.gif", gif({ frames: 1, salt: unique() })));
  await page.goto(still.share.short_url);
  equal(await page.locator("#toggle").count(), 0, "controls");
  truthy(await page.locator("#media").evaluate((image) => image.complete && image.naturalWidth === 64), "shown");
}));

await check("by keyboard alone: from the first tab to the copied link", () => visit({ permissions: ["clipboard-read", "clipboard-write"] },
  async (page) => {
    await page.goto(url);
    const chosen = new Promise((resolve) => { page.on("filechooser", resolve); });
    const name = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim());
    for (let tabs = 0; (await name()) !== "pick"; tabs += 1) {
      truthy(tabs < 10, "the button is within ten tabs");
      await page.keyboard.press("Tab");
    }
    truthy(await page.evaluate(() => document.activeElement.matches(":focus-visible")
      && getComputedStyle(document.activeElement).outlineStyle !== "none"), "a focus ring");
    await page.keyboard.press("Enter");
    await (await chosen).setFiles(file("keyboard.gif", gif({ salt: unique() })));
    const link = await linked(page);
    await until(async () => (await name()) === "Copy link", "the focus is on the copy button");
    await page.keyboard.press("Enter");
    await until(async () => (await name()) === "Copied", "the button says so");
    equal(await page.evaluate(() => navigator.clipboard.readText()), link, "the clipboard");
    await until(async () => (await page.locator("#live").textContent()).includes("Copied"), "told aloud", 3);
  }));

await check("by keyboard alone: a link that ends after so many visits", () => visit({}, async (page) => {
  await page.goto(url);
  await page.locator("#words summary").focus();
  await page.keyboard.press("Enter");
  const field = page.getByLabel("Link ends after so many visits");
  for (let tabs = 0; !(await field.evaluate((input) => input === document.activeElement)); tabs += 1) {
    truthy(tabs < 10, "the field is within ten tabs");
    await page.keyboard.press("Tab");
  }
  let chosen = 0;
  page.on("filechooser", () => { chosen += 1; });
  await page.keyboard.type("0");
  await page.keyboard.press("Enter"); // to choose files for this
  await page.locator("#pick").click();
  truthy(await field.evaluate((input) => !input.validity.valid && input === document.activeElement), "it is shown what is wrong");
  await page.setInputFiles("#file", file("refused.gif", gif({ salt: unique() })));
  equal(await page.locator(".card").count(), 0, "cards");
  equal(chosen, 0, "file dialogs");
  await field.fill("2");
  await shot(page, "limited-field");
  const dialog = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  await (await dialog).setFiles(file("limited.gif", gif({ salt: unique() })));
  const link = await linked(page);
  truthy((await page.locator(".card .status").innerText()).includes("2 of 2 visits left"), await page.locator(".card .status").innerText());
  equal(await page.locator(".card .copies").innerText(), "Open page", "forms that nobody else could see");
  equal(await field.inputValue(), "", "the next one has no limit");
  await shot(page, "limited");
  for (const [status, what] of [[200, "first"], [200, "second"], [410, "third"]]) equal((await fetch(link)).status, status, what);
}));

await check("several dropped files get a card each; what is no picture says so", () => visit({}, async (page) => {
  await page.goto(url);
  const files = [["one.gif", gif({ salt: unique() })], ["two.gif", gif({ salt: unique() })], ["notes.gif", Buffer.from("just text")]];
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const [fileName, bytes] of list) data.items.add(new File([new Uint8Array(bytes)], fileName));
    return data;
  }, files.map(([fileName, bytes]) => [fileName, [...bytes]]));
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  truthy(await page.evaluate(() => document.documentElement.classList.contains("dragging")), "the page shows where to drop");
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await until(async () => (await page.locator(".card .link:visible").count()) === 2, "two links");
  const notice = page.locator(".card", { hasText: "notes.gif" }).locator(".notice");
  await notice.waitFor();
  truthy((await notice.innerText()).includes("does not work here"), await notice.innerText());
  await shot(page, "several");
}));

await check("a pasted picture is uploaded", () => visit({}, async (page) => {
  await page.goto(url);
  await page.evaluate((bytes) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([new Uint8Array(bytes)], "image.gif", { type: "image/gif" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  }, [...gif({ salt: unique() })]);
  await linked(page);
}));

await check("an upload shows how far it is and can be cancelled", () => visit({}, async (page, context) => {
  await page.goto(url);
  const network = await context.newCDPSession(page);
  await network.send("Network.emulateNetworkConditions",
    { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 200 * 1024 });
  const large = Buffer.concat([gif({ salt: unique() }).subarray(0, -1), Buffer.alloc(3e6, 0)]);
  await page.setInputFiles("#file", file("large.gif", large));
  const value = () => page.locator(".card progress").getAttribute("value").then(Number);
  await until(async () => (await value()) > 2 && (await value()) < 90, "the bar moves");
  truthy(/ of 3\.\d MB/.test(await page.locator(".card .status").innerText()), await page.locator(".card .status").innerText());
  await page.locator(".card .cancel").click();
  await until(async () => (await page.locator(".card").count()) === 0, "the card is gone");
}));

await check("a lost connection and a lost session are told, and trying again works", () => visit({}, async (page, context) => {
  await page.goto(url);
  await context.setOffline(true);
  await page.setInputFiles("#file", file("offline.gif", gif({ salt: unique() })));
  const notice = page.locator(".card .notice");
  await notice.waitFor();
  truthy((await notice.innerText()).includes("offline"), await notice.innerText());
  await context.setOffline(false);
  const cookies = await context.cookies();
  if (cookies.length > 0) {
    await context.clearCookies();
    await page.locator(".card .retry").click();
    await page.locator(".card .signin").waitFor();
    truthy((await notice.innerText()).includes("not signed in"), await notice.innerText());
    await context.addCookies(cookies);
  }
  await page.locator(".card .retry").click();
  await linked(page);
}));

await check("words of a card can be changed afterwards", () => visit({}, async (page) => {
  await page.goto(url);
  await page.setInputFiles("#file", file("edit.gif", gif({ salt: unique() })));
  const link = await linked(page);
  await page.locator(".card .edit summary").click();
  await page.locator(".card .edit [name=title]").fill("A better title");
  await page.locator(".card .edit [name=tags]").fill("b, a");
  await page.locator(".card .edit .primary").click();
  await until(async () => (await page.locator(".card .said").innerText()) === "Saved.", "saved");
  equal(await page.locator(".card .name").innerText(), "A better title", "the card's name");
  await page.goto(link);
  equal(await page.locator("h1").innerText(), "A better title", "the page's title");
}));

await check("a stranger is told how to sign in, and a wrong link leads to a page that helps", () => visit({ storageState: undefined },
  async (page) => {
    await page.goto(url);
    truthy((await page.locator("main").innerText()).includes("gifd login"), "how to sign in");
    equal(await page.locator("#pick").count(), 0, "upload buttons");
    const answer = await page.goto(`${url}/s/noSuchCd`);
    equal(answer.status(), 404, "status");
    truthy((await page.locator("h1").innerText()).length > 5, "words");
  }));

await check("texts of a stranger's making stay texts", () => visit({}, async (page) => {
  const title = "\"><img src=x onerror=document.title=1><script>document.title=2</script>";
  const made = await uploaded(file("hostile.gif", gif({ salt: unique() })), { title, tags: "<i>,\"'", description: title });
  await page.goto(made.share.short_url);
  equal(await page.locator("h1").textContent(), title, "the title");
  truthy((await page.title()).startsWith(title), "the window's title");
  equal(await page.locator("main img[src=x], main script").count(), 0, "elements that the title made");
}));

await check("a phone sees all of it without scrolling sideways", () => visit(
  { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: "dark" },
  async (page) => {
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
    await page.goto(url);
    truthy(await fits(), "the upload page");
    await page.setInputFiles("#file", sample("Rotating_earth", { width: 400, height: 400 }));
    await linked(page);
    truthy(await fits(), "a card");
    await shot(page, "phone-uploaded");
    const wide = await uploaded(file("wide.gif", gif({ width: 900, height: 40, salt: unique() })),
      { title: "w".repeat(300), tags: "t".repeat(60), description: "d".repeat(300) });
    await page.goto(wide.share.short_url);
    truthy(await fits(), "the share page");
    await page.goto(shared);
    await shot(page, "phone-share");
  }));

await check("a visit of the page is the click that counts", async () => {
  const made = await uploaded(file("click.gif", gif({ salt: unique() })));
  await visit({}, async (page) => { await page.goto(made.share.short_url); await page.waitForLoadState("networkidle"); });
  await until(async () => {
    const { json } = await api("GET", `/api/v1/shares/${made.share.code}`);
    return (json.share || json).clicks === 1;
  }, "one click", 5);
});

await check("a film or a picture that was seen for a second is one play", async () => {
  const plays = async (code) => (await api("GET", `/api/v1/shares/${code}/metrics`)).json;
  const cases = { film: file("play.gif", gif({ frames: 12, width: 320, height: 240, salt: unique() })),
    picture: file("seen.gif", gif({ frames: 1, salt: unique() })) };
  for (const [name, what] of Object.entries(cases)) {
    const { share } = await uploaded(what);
    await visit({}, async (page) => {
      const told = [];
      page.on("request", (request) => { if (request.url().endsWith("/api/v1/plays")) told.push(request); });
      const answer = page.waitForResponse((response) => response.url().endsWith("/api/v1/plays"));
      await page.goto(`${share.short_url}?via=slack`);
      equal((await answer).status(), 204, name);
      equal((await told[0].allHeaders()).cookie, undefined, "no cookie goes along");
      await page.waitForTimeout(1500);
      equal(told.length, 1, `${name}: told once`);
    });
    await until(async () => (await plays(share.code)).plays === 1, `${name}: one play`, 5);
    const now = await plays(share.code);
    equal(now.by_verdict.human.plays, 1, `${name}: of a person`);
    equal(now.by_platform.slack.plays, 1, `${name}: reached from Slack`);
    await until(async () => (await plays(share.code)).by_platform.slack.clicks === 1, `${name}: the click too`, 5);
    truthy((await plays(share.code)).views >= 1, `${name}: what the page shows is seen for the share`);
  }
});

await check("visits of a browser are a person's, and those of a program with a browser's name beside them are not", async () => {
  const { share } = await uploaded(file("truth.gif", gif({ frames: 6, salt: unique() })));
  const other = await uploaded(file("x.gif", gif({ frames: 5, salt: unique() })));
  await visit({}, async (page) => {
    const told = page.waitForResponse((response) => response.url().endsWith("/api/v1/plays"));
    await page.goto(share.short_url);
    await told;
  });
  for (const method of ["GET", "HEAD", "HEAD"]) {
    await fetch(other.share.short_url, { method, headers: { "user-agent": userAgent } });
  }
  const told = async (code) => (await api("GET", `/api/v1/shares/${code}/metrics?reasons=1`)).json;
  await until(async () => (await told(other.share.code)).clicks === 0, "what a program asked for counts no more", 60);
  const person = await told(share.code);
  equal(person.clicks, 1, "the person's click");
  equal(person.by_reason.find((by) => by.clicks === 1).reason, "nothing", "its reason");
  truthy(person.views >= 1 && person.by_verdict.human.plays === 1, JSON.stringify(person));
});

await check("nobody is told of who asked not to be tracked", async () => {
  const { share } = await uploaded(file("private.gif", gif({ frames: 1, salt: unique() })));
  for (const name of ["doNotTrack", "globalPrivacyControl"]) {
    await visit({}, async (page) => {
      let told = 0;
      page.on("request", (request) => { if (request.url().endsWith("/api/v1/plays")) told += 1; });
      await page.addInitScript((word) => Object.defineProperty(navigator, word, { value: word === "doNotTrack" ? "1" : true }), name);
      await page.goto(share.short_url);
      await page.waitForTimeout(1800);
      equal(told, 0, name);
    });
  }
});

await check("the page keeps its policy", async () => {
  const answer = await fetch(shared);
  const policy = answer.headers.get("content-security-policy") || "";
  truthy(policy.includes("default-src 'none'") && !policy.includes("unsafe-inline"), policy);
  const page = await answer.text();
  truthy(!/<style|\sstyle=|\son\w+=|<script(?![^>]*\s(src=|type="application\/ld\+json"))/.test(page), "nothing inline");
});

await browser.close();
summary();
