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
  const said = event.target.closest("form")?.querySelector("[data-fits]");
  if (event.target.type !== "file" || !said) return;
  const file = event.target.files[0];
  said.hidden = !file;
  if (!file) return;
  const [room, size] = [Number(said.dataset.fits), file.size];
  const compressed = isCompressed(new Uint8Array(await file.slice(0, 2).arrayBuffer()));
  const tooMuch = !compressed && size > room;
  said.classList.toggle("bad", tooMuch);
  said.querySelector("p").textContent = fits(size, room, compressed);
});

// The beginnings of gzip (RFC 1952) and zlib (RFC 1950); the server looks closer.
function isCompressed([first, second]) {
  if (first === 0x1f && second === 0x8b) return true;
  return (first & 0x0f) === 8 && first >> 4 <= 7 && ((first << 8) | second) % 31 === 0;
}

function fits(size, room, compressed) {
  const file = `The file has ${megabytes(size)}`;
  if (compressed) return `${file} and looks compressed. What is in it is measured when it is here, before anything is touched.`;
  if (size > room) return `${file}; the device has ${megabytes(room)}. It does not fit.`;
  return size === room ? `${file}, as many as the device.` : `${file}; the device has ${megabytes(room)}.`;
}

function megabytes(size) {
  return `${(size / MB).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`;
}
