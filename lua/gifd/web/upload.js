// The upload page: files come by button, drop or paste; each gets a card that goes from progress to a link. Two travel at
// a time, the rest wait. What a card shows is the file itself, so it plays before the server has answered.
"use strict";

{
  const TOGETHER = 2;
  const WATCH = 90; // seconds after an upload in which its card follows what the server makes of it
  const drop = document.getElementById("drop");
  const picker = document.getElementById("file");
  const fields = document.getElementById("fields");
  const list = document.getElementById("uploads");
  const most = Number(drop.dataset.max);
  const waiting = [];
  let travelling = 0;

  function size(bytes) {
    if (bytes < 1000) return `${bytes} bytes`;
    return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }

  const escaped = (text) => text.replace(/[&<>"'`]/g, (c) => `&#${c.charCodeAt(0)};`);
  const path = (url) => { const u = new URL(url, location.href); return u.pathname + u.search; };
  const trouble = (title, text, more) => Object.assign({ title, text, reasons: [] }, more);

  // What went wrong, in words that help. `answer` is the parsed problem+json, or null.
  function explain(status, answer) {
    const detail = answer && answer.detail ? `${answer.detail[0].toUpperCase()}${answer.detail.slice(1)}.` : "";
    const reasons = answer && answer.errors ? answer.errors.map((e) => `${e.pointer.replace(/^\//, "")}: ${e.detail}`) : [];
    const id = answer && answer.request_id ? ` If you report this, mention ${answer.request_id}.` : "";
    switch (status) {
      case 0: return trouble("The connection was lost.", navigator.onLine
        ? "The server could not be reached, or it hung up." : "This device is offline.", { again: true });
      case 401: return trouble("You are not signed in any more.", "Sign in, then try again: the file is still here.",
        { again: true, signin: true });
      case 403: return trouble("You may not upload here.", detail);
      case 413: return trouble("This file is too large.", detail);
      case 415: return trouble("This kind of file does not work here.",
        `${answer && answer.detail ? `It is ${answer.detail}. ` : ""}Try a GIF, WebP, PNG, MP4 or WebM.`);
      case 400: return trouble("The upload was not understood.", detail, { reasons });
      case 422: return answer && answer.code === "bad_media"
        ? trouble("This file is damaged or too big to show.", detail, { reasons })
        : trouble("Something you wrote was not accepted.", reasons.length ? "" : detail, { reasons });
      case 429: return trouble("That was a lot at once.", "Wait a moment, then try again.", { again: true });
      case 507: return trouble("The server has no room left.", "Whoever runs it has to make some. Your file was not kept.",
        { again: true });
      case 503: return trouble("The server is busy.", "Try again in a moment.", { again: true });
      default: return trouble(answer && answer.title ? `${answer.title}.` : "That did not work.", detail + id, { again: true });
    }
  }

  const verdicts = {
    pending: ["Waiting for a check.", "Your link works for others as soon as it has been looked at."],
    flagged: ["Held for review.", "Only you can see it until somebody has looked at it."],
    rejected: ["Not published.", "It was found not to fit the rules of this site. Only you can see it."],
    quarantined: ["Not published.", "It has been taken aside and nobody else can see it."],
    expired: ["Expired.", "The time that was set for it is over."],
    failed: ["Only the original is there.", "No MP4 or preview picture could be made of it."],
  };

  // Which of share and asset holds the link back, and why -> { state, title, text, reasons } or null
  function held(asset, share) {
    const ranked = ["quarantined", "rejected", "flagged", "pending", "expired", "failed"];
    for (const state of ranked) {
      const about = [share, asset].filter((one) => one.state === state);
      if (about.length === 0) continue;
      const [title, text] = verdicts[state];
      const reasons = about.flatMap((one) => one.reasons || []).concat(state === "failed" && asset.reason ? [asset.reason] : []);
      return { state, title, text, reasons: [...new Set(reasons)] };
    }
    return null;
  }

  // What can be copied besides the link: [label, what, text]
  function forms(asset, share) {
    const page = share.short_url;
    const title = share.title || "GIF";
    const ending = { "image/gif": ".gif", "image/png": ".png", "video/mp4": ".mp4" }[asset.type];
    const original = ending ? page + ending : asset.url;
    const picture = asset.type.startsWith("image/");
    const ready = (name, type) => asset.renditions.find((r) => r.name === name && r.type === type && r.state === "ready");
    const poster = ready("poster", "image/jpeg");
    const mp4 = ready("mp4", "video/mp4");
    const shown = picture ? original : poster && poster.url;
    const text = title.replace(/[[\]\\`*_<>!]/g, "\\$&").replace(/\s+/g, " ");
    const out = [];
    if (share.max_visits) return out; // only its page shows it
    if (share.canonical_url !== asset.url && share.canonical_url !== page) out.push(["Page", "page", share.canonical_url]);
    if (shown) out.push(["Markdown", "Markdown", `[![${text}](${shown})](${page})`]);
    const movie = mp4 && asset.frames > 1 ? mp4 : !picture && asset.type === "video/mp4" ? asset : null;
    const element = movie
      ? `<video src="${escaped(`${page}.mp4`)}" width="${movie.width}" height="${movie.height}" title="${escaped(title)}" autoplay loop muted playsinline></video>`
      : `<img src="${escaped(original)}" width="${asset.width}" height="${asset.height}" alt="${escaped(title)}">`;
    if (movie || picture) out.push(["HTML", "HTML", `<a href="${escaped(page)}">${element}</a>`]);
    if (picture) out.push([asset.type === "image/gif" ? "GIF" : "Image", "address of the picture", original]);
    if (movie) out.push(["MP4", "address of the MP4", `${page}.mp4`]);
    return out;
  }

  // The file itself, playing; a still of it for those who want less motion.
  function preview(box, file, alt) {
    const url = URL.createObjectURL(file);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (file.type.startsWith("video/")) {
      const video = document.createElement("video");
      Object.assign(video, { src: url, muted: true, loop: true, autoplay: !still, playsInline: true, controls: still });
      video.setAttribute("aria-label", alt);
      box.replaceChildren(video);
      return url;
    }
    const image = document.createElement("img");
    image.alt = alt;
    image.onerror = () => box.replaceChildren();
    image.onload = () => {
      if (!still) return;
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
      canvas.getContext("2d").drawImage(image, 0, 0);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", alt);
      box.replaceChildren(canvas);
    };
    if (!still) box.replaceChildren(image);
    image.src = url;
    return url;
  }

  class Card {
    constructor(file, words) {
      this.file = file;
      this.words = words;
      this.name = words.title || file.name || "Pasted picture";
      this.root = document.getElementById("card").content.firstElementChild.cloneNode(true);
      this.part = (selector) => this.root.querySelector(selector);
      this.part(".name").textContent = this.name;
      this.root.setAttribute("aria-label", this.name);
      this.part(".cancel").addEventListener("click", () => this.cancel());
      this.part(".cancel").setAttribute("aria-label", `Cancel ${this.name}`);
      this.part(".retry").addEventListener("click", () => this.queue());
      this.part(".edit form").addEventListener("submit", (event) => { event.preventDefault(); this.save(); });
      this.address = preview(this.part(".preview"), file, this.name);
      list.prepend(this.root);
    }

    status(text) { this.part(".status").textContent = text; }

    progress(value) {
      const bar = this.part("progress");
      bar.hidden = value === null;
      if (value === undefined) bar.removeAttribute("value"); else if (value !== null) bar.value = value;
    }

    notice(what) {
      const box = this.part(".notice");
      box.hidden = !what;
      if (!what) return;
      box.dataset.state = what.state || "failed";
      box.querySelector("strong").textContent = what.title;
      box.querySelector("span").textContent = what.text;
      box.querySelector("ul").replaceChildren(...what.reasons.map((reason) => {
        const item = document.createElement("li");
        item.textContent = reason;
        return item;
      }));
    }

    queue() {
      this.notice(null);
      this.part(".retry").hidden = this.part(".signin").hidden = true;
      this.part(".cancel").hidden = false;
      if (this.file.size === 0) return this.failed(trouble("This file is empty.", "There is nothing in it to upload."));
      if (most && this.file.size > most) {
        return this.failed(trouble("This file is too large.", `It has ${size(this.file.size)}, and the limit is ${size(most)}.`));
      }
      this.status(`${size(this.file.size)} · waiting`);
      this.progress(0);
      waiting.push(this);
      next();
    }

    send() {
      const form = new FormData();
      for (const [name, text] of Object.entries(this.words)) if (text) form.append(name, text);
      form.append("file", this.file, this.file.name || "pasted");
      const xhr = this.xhr = new XMLHttpRequest();
      xhr.open("POST", "/api/v1/assets");
      xhr.setRequestHeader("Prefer", "wait=5");
      xhr.setRequestHeader("Accept", "application/json, application/problem+json");
      xhr.responseType = "text";
      xhr.upload.onprogress = (event) => {
        if (!event.lengthComputable) return;
        this.progress(100 * event.loaded / event.total);
        this.status(`${size(event.loaded)} of ${size(event.total)}`);
      };
      xhr.upload.onload = () => { this.progress(undefined); this.status("Uploaded. Making it play everywhere…"); };
      xhr.onloadend = () => {
        if (this.xhr !== xhr) return;
        this.xhr = null;
        let answer = null;
        try { answer = JSON.parse(xhr.responseText); } catch { /* not from the server itself */ }
        if ((xhr.status === 200 || xhr.status === 201) && answer) this.finished(answer);
        else this.failed(explain(xhr.status, answer));
        travelling -= 1;
        next();
      };
      this.status("Starting…");
      say(`Uploading ${this.name}`);
      xhr.send(form);
    }

    cancel() {
      const place = waiting.indexOf(this);
      if (place >= 0) waiting.splice(place, 1);
      if (this.xhr) {
        const xhr = this.xhr;
        this.xhr = null;
        xhr.abort();
        travelling -= 1;
        next();
      }
      URL.revokeObjectURL(this.address);
      this.root.remove();
      say(`Cancelled ${this.name}`);
      document.getElementById("pick").focus();
    }

    failed(what) {
      this.progress(null);
      this.status("");
      this.notice(what);
      this.part(".cancel").textContent = "Remove";
      this.part(".cancel").setAttribute("aria-label", `Remove ${this.name}`);
      this.part(".retry").hidden = !what.again;
      this.part(".signin").hidden = !what.signin;
      say(`${this.name}: ${what.title} ${what.text} ${what.reasons.join(", ")}`);
    }

    finished({ asset, share }) {
      this.until = Date.now() + WATCH * 1000;
      this.progress(null);
      this.part(".cancel").hidden = true;
      this.show(asset, share);
      const form = this.part(".edit form").elements;
      form.title.value = share.title;
      form.tags.value = share.tags.join(", ");
      form.description.value = share.description || "";
      const notice = held(asset, share);
      say(`${this.name}: the link is ready. ${notice ? `${notice.title} ${notice.text}` : ""}`);
      const focus = document.activeElement;
      if (!focus || focus === document.body || focus.id === "pick" || this.root.contains(focus)) {
        this.part(".link button").focus({ preventScroll: true });
      }
      this.root.scrollIntoView({ block: "nearest" });
    }

    // What the server has of it now; looked at again while something is still being made or judged.
    show(asset, share) {
      this.asset = asset;
      this.share = share;
      const making = asset.state === "probed" || asset.state === "rendering" || asset.state === "new";
      const moving = asset.frames > 1 ? ` · ${(asset.duration_ms / 1000).toFixed(1)} s` : "";
      this.part(".name").textContent = share.title || this.file.name || this.name;
      const visits = share.max_visits ? ` · ${share.visits_left} of ${share.max_visits} visits left` : "";
      this.status(`${asset.width} × ${asset.height}${moving} · ${size(asset.bytes)}${visits}${making ? " · the MP4 is being made…" : ""}`);
      this.notice(held(asset, share));
      const page = share.short_url;
      this.part(".url").value = page;
      this.part(".link button").dataset.copy = page;
      this.part(".link").hidden = this.part(".copies").hidden = this.part(".edit").hidden = false;
      this.copies(forms(asset, share), page);
      if ((making || asset.state === "pending" || share.state === "pending") && Date.now() < this.until) {
        setTimeout(() => this.look(), 1500);
      }
    }

    // Buttons that are there already stay, so that the focus on one of them does too.
    copies(wanted, page) {
      const box = this.part(".copies");
      const old = new Map([...box.querySelectorAll("button")].map((button) => [button.dataset.what, button]));
      const buttons = wanted.map(([label, what, text]) => {
        const button = old.get(what) || document.createElement("button");
        if (!old.has(what)) { button.type = "button"; button.textContent = label; }
        button.dataset.what = what;
        button.setAttribute("aria-label", `Copy ${what}`);
        button.dataset.copy = text;
        return button;
      });
      const open = box.querySelector("a") || document.createElement("a");
      open.className = "button";
      open.textContent = "Open page";
      open.href = path(page);
      const word = box.querySelector(".word") || document.createElement("span");
      word.className = "word";
      word.textContent = "Copy";
      word.hidden = buttons.length === 0;
      for (const element of [open, word, ...buttons]) if (element.parentNode !== box) box.append(element);
    }

    async look() {
      try {
        const [asset, share] = await Promise.all([`assets/${this.asset.id}`, `shares/${this.share.code}`].map(async (what) => {
          const response = await fetch(`/api/v1/${what}`, { headers: { Accept: "application/json" } });
          if (!response.ok) throw new Error(response.status);
          return response.json();
        }));
        this.show(asset.asset || asset, share.share || share);
      } catch {
        if (Date.now() < this.until) setTimeout(() => this.look(), 5000);
      }
    }

    async save() {
      const { title, tags, description } = this.part(".edit form").elements;
      const said = this.part(".said");
      said.textContent = "Saving…";
      try {
        const response = await fetch(`/api/v1/shares/${this.share.code}`, {
          method: "PATCH",
          headers: { "Content-Type": "application/json", Accept: "application/json, application/problem+json" },
          body: JSON.stringify({ title: title.value.trim(), tags: split(tags.value), description: description.value.trim() }),
        });
        const answer = await response.json();
        if (!response.ok) {
          const what = explain(response.status, answer);
          said.textContent = [what.title, what.text, ...what.reasons].join(" ");
          return;
        }
        said.textContent = "Saved.";
        this.until = Date.now() + WATCH * 1000;
        this.show(this.asset, answer.share || answer);
      } catch {
        said.textContent = explain(0).title;
      }
    }
  }

  const split = (text) => text.split(",").map((tag) => tag.trim()).filter(Boolean);

  function next() {
    while (travelling < TOGETHER && waiting.length > 0) {
      travelling += 1;
      waiting.shift().send();
    }
  }

  // A limit that cannot be understood must not become none.
  function understood() {
    if (fields.checkValidity()) return true;
    document.getElementById("words").open = true;
    fields.reportValidity();
    return false;
  }

  // The words go with these files and then make room for the next ones; who can see it stays.
  function take(files) {
    if (files.length === 0 || !understood()) return;
    const words = Object.fromEntries([...new FormData(fields)].map(([name, text]) => [name, text.trim()]));
    words.tags = split(words.tags).join(",");
    const cards = [...files].reverse().map((file) => new Card(file, words)).reverse();
    for (const card of cards) card.queue();
    for (const name of ["title", "tags", "description", "max_visits"]) fields.elements[name].value = "";
    document.getElementById("words").open = false;
  }

  document.getElementById("pick").addEventListener("click", () => { if (understood()) picker.click(); });
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = "";
  });
  fields.addEventListener("submit", (event) => { event.preventDefault(); picker.click(); });

  const carriesFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const marked = (on) => document.documentElement.classList.toggle("dragging", on);
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    marked(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) marked(false); });
  document.addEventListener("drop", (event) => {
    marked(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData || event.clipboardData.files.length === 0) return;
    event.preventDefault();
    take([...event.clipboardData.files]);
  });
  addEventListener("beforeunload", (event) => { if (travelling > 0) event.preventDefault(); });
}
