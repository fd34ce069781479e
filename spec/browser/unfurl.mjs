// A share's link as programs read it that preview links: Open Graph through open-graph-scraper, and oEmbed by discovery.
// GIFD_SHARE names the link; without it one is made with GIFD_TOKEN.
import ogs from "open-graph-scraper";
import { api, check, equal, file, gif, sample, summary, truthy, unique, uploaded, url } from "./browser.mjs";

const list = (value) => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

async function scrape(link, userAgent) {
  const { result, html } = await ogs({ url: link, fetchOptions: userAgent ? { headers: { "user-agent": userAgent } } : {} });
  return { ...result, html };
}

async function bytesAt(link) {
  const response = await fetch(link);
  equal(response.status, 200, link);
  return { type: response.headers.get("content-type"), bytes: (await response.arrayBuffer()).byteLength };
}

async function knownBy(link) {
  const { status, json } = await api("GET", `${new URL(link).pathname}.json`);
  equal(status, 200, "the share's JSON");
  return json;
}

const words = { title: "Cats & \"dogs\" <3", tags: "cat,dog", description: "Two of them.\nLooping." };
const link = process.env.GIFD_SHARE || (await uploaded(sample("walk-cycle"), words)).share.short_url;
const { asset, share } = await knownBy(link);
const seen = await scrape(link).catch((error) => {
  throw new Error(`${link} cannot be read: ${error.result ? error.result.error : error}`);
});
const rendition = (name) => asset.renditions.find((one) => one.name === name && one.state === "ready");
const mp4 = rendition("mp4");

await check("title, description, address", () => {
  if (share.title) equal(seen.ogTitle, share.title.replace(/\s+/g, " ").trim(), "og:title");
  truthy(seen.ogTitle, "og:title");
  if (share.description) equal(seen.ogDescription, share.description.replace(/\s+/g, " ").trim().slice(0, 500), "og:description");
  equal(seen.ogUrl, share.short_url, "og:url");
  truthy(seen.ogSiteName, "og:site_name");
  equal(seen.ogType, mp4 || asset.type.startsWith("video/") ? "video.other" : "website", "og:type");
  equal(seen.twitterCard, "summary_large_image", "twitter:card");
});

await check("og:image has the size and type that it says, and is the GIF if there is one", async () => {
  const image = list(seen.ogImage)[0];
  const meant = asset.type === "image/gif" && asset.bytes <= 8e6 ? asset : rendition("poster") || asset;
  equal(Number(image.width), meant.width, "width");
  equal(Number(image.height), meant.height, "height");
  equal(image.type, meant.type, "type");
  const got = await bytesAt(image.url);
  equal(got.type, meant.type, "Content-Type");
  equal(got.bytes, meant.bytes, "bytes");
});

if (mp4) {
  await check("og:video has the size and type that it says", async () => {
    const video = list(seen.ogVideo)[0];
    equal(Number(video.width), mp4.width, "width");
    equal(Number(video.height), mp4.height, "height");
    equal(video.type, "video/mp4", "type");
    const got = await bytesAt(video.url);
    equal(got.type, "video/mp4", "Content-Type");
    equal(got.bytes, mp4.bytes, "bytes");
  });
}

await check("the tags come first", () => {
  truthy(seen.html.indexOf("twitter:card") < 8192, "within 8 KB");
});

await check("oEmbed is discovered and answers", async () => {
  const href = seen.html.match(/<link rel="alternate" type="application\/json\+oembed" href="([^"]+)"/)[1].replaceAll("&amp;", "&");
  const response = await fetch(`${href}&maxwidth=100`);
  equal(response.status, 200, "status");
  const said = await response.json();
  equal(said.version, "1.0", "version");
  equal(said.title, seen.ogTitle, "title");
  equal(said.type, asset.type.startsWith("video/") ? "video" : "photo", "type");
  truthy(said.width <= 100, "maxwidth");
  if (said.type === "photo") equal((await bytesAt(said.url)).type, asset.type, "what the photo is");
});

await check("Discord and Slack are offered the GIF alone", async () => {
  if (asset.type !== "image/gif" || asset.bytes > 5e6) return;
  for (const agent of ["Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", "Slackbot-LinkExpanding 1.0"]) {
    const offered = await scrape(link, agent);
    equal(list(offered.ogImage)[0].type, "image/gif", agent);
    equal(list(offered.ogVideo).length, 0, agent);
  }
});

if (!process.env.GIFD_SHARE) {
  await check("a share without a title has one in its preview", async () => {
    const made = await uploaded(file("untitled.gif", gif({ salt: unique() })));
    const untitled = await scrape(made.share.short_url);
    truthy(/^GIF from /.test(untitled.ogTitle), untitled.ogTitle);
  });
  await check("an unlisted share is kept from robots, and unfurls", async () => {
    const made = await uploaded(file("unlisted.gif", gif({ salt: unique() })), { visibility: "unlisted", title: "Unlisted" });
    const unlisted = await scrape(made.share.short_url);
    equal(unlisted.ogTitle, "Unlisted", "og:title");
    truthy(/<meta name="robots" content="noindex">/.test(unlisted.html), "noindex");
  });
  await check("a private share tells strangers nothing", async () => {
    const made = await uploaded(file("private.gif", gif({ salt: unique() })), { visibility: "private", title: "Secret words" });
    const response = await fetch(made.share.short_url);
    equal(response.status, 404, "status");
    truthy(!(await response.text()).includes("Secret words"), "its words");
    equal((await fetch(`${url}/oembed?url=${encodeURIComponent(made.share.short_url)}`)).status, 404, "oEmbed");
  });
}

summary();
