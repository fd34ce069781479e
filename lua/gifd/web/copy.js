// Copy buttons of every page: a button with data-copy puts that text on the clipboard and says so.
"use strict";

document.documentElement.classList.add("js");

const live = document.getElementById("live");

// Tells people who do not look at the screen.
function say(text) {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 50);
}

// Browsers keep navigator.clipboard from pages without https: those select and copy as of old.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    const before = document.activeElement;
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (before) before.focus();
    return done;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || button.classList.contains("done")) return;
  const label = button.textContent;
  const done = await copyText(button.dataset.copy);
  say(done ? `Copied: ${button.dataset.what}` : "Your browser did not allow copying");
  button.textContent = done ? "Copied" : "Not allowed";
  button.classList.toggle("done", done);
  setTimeout(() => {
    button.textContent = label;
    button.classList.remove("done");
  }, 1600);
});

// A click into an address selects all of it.
document.addEventListener("focusin", (event) => {
  if (event.target.matches("input.url")) event.target.select();
});

for (const element of document.querySelectorAll("[data-copy], [data-copies]")) element.hidden = false;
