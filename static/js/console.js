// Follows a console. Lines are untrusted: they become text, never markup.
"use strict";

const MAX_LINES = 5000;
const box = document.getElementById("console");
const state = document.getElementById("console-state");
const pause = document.getElementById("pause");
const local = document.getElementById("local");
const search = document.getElementById("search");
const download = document.getElementById("download");
const unfiltered = download.href.split("?")[0];
let waiting = []; // lines that came and are not drawn yet
let paused = false;

function show(tone, word) {
  state.className = `badge ${tone}`;
  state.textContent = word;
}

function clock(at) {
  if (local.getAttribute("aria-pressed") !== "true") return at.toISOString().slice(11, 19);
  return at.toLocaleTimeString([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

// The text with what is looked for marked.
function mark(span, text, words) {
  const small = text.toLowerCase();
  if (!words || small.length !== text.length) {
    span.textContent = text;
    return;
  }
  const parts = [];
  let at = 0;
  for (let found; (found = small.indexOf(words, at)) >= 0; at = found + words.length) {
    const hit = document.createElement("mark");
    hit.textContent = text.slice(found, found + words.length);
    parts.push(text.slice(at, found), hit);
  }
  span.replaceChildren(...parts, text.slice(at));
}

function element(line) {
  const row = document.createElement("div");
  row.className = line.ours ? "line gap" : "line";
  const time = document.createElement("time");
  const at = new Date(line.ts);
  time.dateTime = at.toISOString();
  time.title = at.toISOString().replace("T", " ").replace("Z", " UTC");
  time.textContent = clock(at);
  const place = document.createElement(line.id ? "a" : "span");
  if (line.id) {
    row.id = `l-${line.id}`;
    place.href = `?line=${line.id}#l-${line.id}`;
  }
  place.append(time);
  const text = document.createElement("span");
  text.textContent = line.text;
  row.append(place, text);
  return row;
}

// Hides a row that lacks what is looked for, and marks it in the others.
function sift(row) {
  const words = search.value.toLowerCase();
  const span = row.lastChild;
  const text = span.textContent;
  row.hidden = !text.toLowerCase().includes(words);
  if (!row.hidden && (words || span.firstElementChild)) mark(span, text, words);
}

function draw() {
  if (paused || !waiting.length) return;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  box.querySelector("[data-empty]")?.remove();
  const rows = waiting.slice(-MAX_LINES).map(element);
  waiting = [];
  rows.forEach(sift);
  box.append(...rows);
  while (box.childElementCount > MAX_LINES) box.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function look() {
  // The server left out lines that lack the words of the address: what else is looked for, it has to tell.
  const words = box.dataset.words;
  if (words && !search.value.toLowerCase().includes(words.toLowerCase())) {
    location.search = search.value ? `?q=${encodeURIComponent(search.value)}` : "";
    return;
  }
  for (const row of box.children) sift(row);
  download.href = search.value ? `${unfiltered}?q=${encodeURIComponent(search.value)}` : unfiltered;
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Follow" : "Pause";
  draw();
  if (!paused) box.scrollTop = box.scrollHeight;
});
local.addEventListener("click", () => {
  local.setAttribute("aria-pressed", local.getAttribute("aria-pressed") !== "true");
  for (const time of box.querySelectorAll("time")) time.textContent = clock(new Date(time.dateTime));
});
search.addEventListener("input", look);
search.form.addEventListener("submit", (event) => {
  if (search.value === box.dataset.words) event.preventDefault(); // else the server looks through all it keeps
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    look();
    box.focus();
  }
});

// A link to one line leads to it; otherwise the end is shown.
const here = box.querySelector(".here");
if (here) here.scrollIntoView({ block: "center" });
else box.scrollTop = box.scrollHeight;

const source = new EventSource(`${box.dataset.stream}?after=${encodeURIComponent(box.dataset.last)}`);
const take = (line) => {
  waiting.push(line);
  if (waiting.length > 2 * MAX_LINES) waiting = waiting.slice(-MAX_LINES);
};
source.onopen = () => show("ok", "following");
source.onerror = () => show("warn", source.readyState === EventSource.CLOSED ? "closed: reload the page" : "connecting again");
source.onmessage = (event) => take({ ...JSON.parse(event.data), id: event.lastEventId });
source.addEventListener("notice", (event) => take({ ...JSON.parse(event.data), id: event.lastEventId, ours: true }));
const GAP = "Lines are missing here: they came faster than they could be kept.";
source.addEventListener("gap", (event) => take({ ts: Date.now(), text: GAP, ...JSON.parse(event.data), ours: true }));
setInterval(draw, 200); // a burst of lines is drawn at once
