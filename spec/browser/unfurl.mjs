// A share's link as programs read it that preview links: through open-graph-scraper, unfurl.js, link-preview-js and
// oembed-extractor, whose answers have to agree; and oEmbed by discovery.
// GIFD_SHARE names the link; without it one is made with GIFD_TOKEN.
import { extract } from "@extractus/oembed-extractor";
import { getPreviewFromContent } from "link-preview-js";
import ogs from "open-graph-scraper";
import { unfurl } from "unfurl.js";
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
  truthy(got.bytes <= meant.bytes, "bytes"); // a smaller GIF may have been made meanwhile
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

await check("unfurl.js, link-preview-js and oembed-extractor see the same", async () => {
  const image = list(seen.ogImage)[0].url;
  const other = await unfurl(link);
  equal(other.open_graph.title, seen.ogTitle, "unfurl.js: title");
  equal(other.open_graph.images[0].url, image, "unfurl.js: image");
  equal(other.canonical_url, share.short_url, "unfurl.js: canonical");
  truthy(other.theme_color, "unfurl.js: theme-color");
  equal(other.oEmbed.type, asset.type.startsWith("video/") ? "video" : "photo", "unfurl.js: oEmbed");
  const response = await fetch(link);
  const headers = Object.fromEntries(response.headers);
  const preview = await getPreviewFromContent({ url: link, headers, data: await response.text() });
  equal(preview.title, seen.ogTitle, "link-preview-js: title");
  equal(preview.images[0], image, "link-preview-js: image");
  if (mp4) equal(preview.videos[0].url, list(seen.ogVideo)[0].url, "link-preview-js: video");
  const embed = await extract(link);
  equal(embed.title, seen.ogTitle, "oembed-extractor: title");
  equal(embed.version, "1.0", "oembed-extractor: version");
});

await check("what the API says each platform shows is what its program is offered", async () => {
  const agents = {
    discord: "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    slack: "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    teams: "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    twitter: "Twitterbot/1.0",
    facebook: "facebookexternalhit/1.1",
    whatsapp: "WhatsApp/2.23.20.0",
    mastodon: "http.rb/5.1.1 (Mastodon/4.3.0; +https://mastodon.example/)",
  };
  for (const [name, agent] of Object.entries(agents)) {
    const offered = await scrape(link, agent);
    const { status, json } = await api("GET", `/api/v1/shares/${share.code}/unfurl?as=${name}`);
    equal(status, 200, name);
    const said = json.platforms[0];
    equal(list(offered.ogImage)[0]?.url, said.image?.url, `${name}: image`);
    equal(list(offered.ogVideo)[0]?.url, said.video?.url, `${name}: video`);
    const got = await bytesAt(said.image.url);
    equal(got.type, said.image.type, `${name}: type`);
    truthy(got.bytes <= said.image.bytes, `${name}: bytes`); // a smaller GIF may have been made meanwhile
  }
});

await check("the page is data for search engines and the fediverse, too", async () => {
  const data = JSON.parse(seen.html.match(/<script type="application\/ld\+json">([^<]*)<\/script>/)[1]);
  equal(data["@context"], "https://schema.org", "context");
  equal(data.name, seen.ogTitle, "name");
  const activity = seen.html.match(/<link rel="alternate" type="application\/activity\+json" href="([^"]+)"/)[1];
  const response = await fetch(activity, { headers: { accept: "application/activity+json" } });
  equal(response.headers.get("content-type"), "application/activity+json", "type");
  const note = await response.json();
  equal(note.type, "Note", "note");
  equal(note.url, share.short_url, "its page");
});

await check("Discord and Slack are offered the GIF alone", async () => {
  if (asset.type !== "image/gif" || asset.bytes > 2e6) return;
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
