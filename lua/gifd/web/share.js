// The share page's one control: pause and play, by button or space, for a video or an animated picture. Who asked the
// system for less motion starts with a still.
"use strict";

{
  const stage = document.getElementById("stage");
  const toggle = document.getElementById("toggle");
  const word = document.getElementById("toggle-word");
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  let player;

  function show(playing) {
    stage.classList.toggle("paused", !playing);
    word.textContent = playing ? "Pause" : "Play";
  }

  // A video. With reduced motion none of its sources was fit to load: playing gives it one.
  function filmPlayer(video) {
    const play = () => {
      if (!video.currentSrc || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) video.src = toggle.dataset.play;
      video.play().catch(() => show(false));
    };
    for (const name of ["play", "pause"]) video.addEventListener(name, () => show(!video.paused));
    return { playing: () => !video.paused, play, pause: () => video.pause(), hold: () => { video.autoplay = false; video.pause(); } };
  }

  // An animated picture cannot be stopped: a drawing of it takes its place.
  function picturePlayer(image) {
    const canvas = document.createElement("canvas");
    let playing = true;
    const draw = () => {
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      canvas.getContext("2d").drawImage(image, 0, 0);
    };
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", image.alt);
    image.closest("picture").after(canvas);
    const freeze = () => { if (!playing) { draw(); stage.classList.add("frozen"); } };
    const set = (on) => { playing = on; show(on); };
    return {
      playing: () => playing,
      pause() {
        set(false);
        if (image.complete && image.naturalWidth) freeze(); else image.addEventListener("load", freeze, { once: true });
      },
      play() {
        set(true);
        for (const source of image.parentNode.querySelectorAll("source")) source.remove();
        image.src = toggle.dataset.play;
        stage.classList.remove("frozen");
      },
      hold() { this.pause(); },
    };
  }

  function setPlayer(element) {
    player = element.matches("video") ? filmPlayer(element) : picturePlayer(element);
    show(player.playing());
    if (reduced.matches || stage.classList.contains("calm")) player.hold();
  }

  // A video that cannot be played here gives way to the original picture.
  function fallBack(video) {
    const picture = document.createElement("picture");
    const image = document.createElement("img");
    image.alt = video.getAttribute("aria-label");
    image.src = toggle.dataset.play = toggle.dataset.picture;
    picture.append(image);
    video.replaceWith(picture);
    setPlayer(image);
  }

  const media = document.getElementById("media");
  setPlayer(media);
  if (media.matches("video") && toggle.dataset.picture) {
    const failed = () => { if (media.isConnected && (!reduced.matches || media.src)) fallBack(media); };
    media.querySelector("source:last-of-type").addEventListener("error", failed);
    media.addEventListener("error", failed);
    // An error from before this script is not told again. While a source is being chosen there is none either: wait.
    setTimeout(() => { if (media.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) failed(); }, 1000);
  }
  toggle.hidden = false;

  const flip = () => (player.playing() ? player.pause() : player.play());
  toggle.addEventListener("click", flip);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("a, button, input, textarea, select, summary")) return;
    event.preventDefault();
    if (!event.repeat) flip();
  });
  reduced.addEventListener("change", () => { if (reduced.matches) player.pause(); });
}
