// Progress of an upload, drawn from htmx's events; without JavaScript the browser shows its own.
"use strict";

document.addEventListener("htmx:xhr:progress", (event) => {
  const form = event.target.closest("form");
  const box = form?.querySelector("[data-progress]");
  if (!box || !event.detail.lengthComputable) return;
  const percent = Math.floor((event.detail.loaded / event.detail.total) * 100);
  box.hidden = false;
  box.querySelector("progress").value = percent;
  box.querySelector("[data-percent]").textContent = percent;
});

// Nothing arrived, or the server gave up: say so instead of standing still at some percentage.
for (const name of ["htmx:sendError", "htmx:responseError"]) {
  document.addEventListener(name, (event) => {
    const box = event.target.closest("form")?.querySelector("[data-progress]");
    if (!box) return;
    box.hidden = false;
    box.querySelector("label").textContent = "It did not arrive. Nothing was kept; send it again.";
  });
}
