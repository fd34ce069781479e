// Tells the server once that what is here was seen and playing for a second; a picture that stands still, that it was
// seen. Nobody who asked not to be tracked is told of, and no cookie goes along.
"use strict";

{
  const STEP = 100; // ms
  const WHOLE = 1000;
  const stage = document.getElementById("stage");
  let shown = false;
  let lasted = 0;

  const playing = () => {
    const video = stage.querySelector("video");
    if (video) return !video.paused && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    const image = stage.querySelector("picture img");
    return Boolean(image && image.complete && image.naturalWidth) && !stage.classList.contains("paused");
  };

  function tell() {
    const body = { asset_id: stage.dataset.asset, share: stage.dataset.share };
    const via = new URLSearchParams(location.search).get("via");
    if (via) body.via = via.slice(0, 32);
    fetch("/api/v1/plays", { method: "POST", keepalive: true, credentials: "omit", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" } }).catch(() => {});
  }

  if (navigator.doNotTrack !== "1" && !navigator.globalPrivacyControl && !globalThis.globalPrivacyControl) {
    const watch = new IntersectionObserver((seen) => { shown = seen[seen.length - 1].intersectionRatio >= 0.5; },
      { threshold: [0, 0.5, 1] });
    watch.observe(stage);
    const clock = setInterval(() => {
      lasted = shown && !document.hidden && playing() ? lasted + STEP : 0;
      if (lasted < WHOLE) return;
      clearInterval(clock);
      watch.disconnect();
      tell();
    }, STEP);
  }
}
