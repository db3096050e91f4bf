// What an upload adds to a form: its progress from htmx's events, a button to stop it, and, for a block
// device, whether the file fits. Without JavaScript the browser shows a progress of its own.
"use strict";

const MB = 2 ** 20; // bytes; what Albatross counts block devices in

function progressOf(event, text, percent) {
  const box = event.target.closest("form")?.querySelector("[data-progress]");
  if (!box) return;
  box.hidden = false;
  box.removeAttribute("role");
  if (percent === undefined) box.setAttribute("role", "alert");
  box.querySelector("label").textContent = text;
  box.querySelector("[data-stop]").hidden = percent === undefined;
  const bar = box.querySelector("progress");
  bar.hidden = percent === undefined;
  if (percent !== undefined) bar.value = percent;
}

document.addEventListener("htmx:beforeSend", (event) => {
  if (event.target.closest("form")?.querySelector("[data-progress]")) progressOf(event, "Sending 0 %", 0);
});

document.addEventListener("htmx:xhr:progress", (event) => {
  if (!event.detail.lengthComputable) return;
  const percent = Math.floor((event.detail.loaded / event.detail.total) * 100);
  progressOf(event, percent < 100 ? `Sending ${percent} %` : "All of it was sent; now it is looked at.", percent);
});

document.addEventListener("click", (event) => {
  const stop = event.target.closest("[data-stop]");
  if (stop) htmx.trigger(stop.closest("form"), "htmx:abort");
});

// Nothing arrived, or the server gave up: say so instead of standing still at some percentage.
const ENDS = {
  "htmx:sendAbort": "Stopped. Nothing was kept.",
  "htmx:sendError": "It did not arrive. Nothing was kept; send it again.",
  "htmx:responseError": "It did not arrive. Nothing was kept; send it again.",
};
for (const [name, text] of Object.entries(ENDS)) document.addEventListener(name, (event) => progressOf(event, text));

// --- whether a file fits on a block device, before it is sent -----------------------------------------

document.addEventListener("change", async (event) => {
  const form = event.target.closest("form");
  const said = form?.querySelector("[data-fits]");
  if (!said) return;
  const file = form.querySelector("input[type=file]").files[0];
  said.hidden = !file;
  if (!file) return;
  const room = Number(said.dataset.fits);
  const packed = await isPacked(file, form.elements.packing.value);
  said.classList.toggle("bad", !packed && file.size > room);
  said.querySelector("p").textContent = fits(file.size, room, packed);
});

// What the server makes of it: gzip is known by its beginning (RFC 1952), zlib has none that is its own.
async function isPacked(file, packing) {
  if (packing !== "auto") return packing !== "plain";
  const [first, second, third] = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return first === 0x1f && second === 0x8b && third === 8;
}

function fits(size, room, packed) {
  const file = `The file has ${megabytes(size)}`;
  if (packed) return `${file}, packed. What is in it is measured when it is here, before anything is touched.`;
  if (size > room) return `${file}; the device has ${megabytes(room)}. It does not fit.`;
  return size === room ? `${file}, as many as the device.` : `${file}; the device has ${megabytes(room)}.`;
}

function megabytes(size) {
  return `${(size / MB).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`;
}
