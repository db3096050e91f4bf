// Follows a console. Lines are untrusted: they become text, never markup.
"use strict";

const MAX_LINES = 5000;
const box = document.getElementById("console");
const state = document.getElementById("console-state");
const pause = document.getElementById("pause");
const search = document.getElementById("search");
let waiting = [];
let paused = false;

function show(tone, word) {
  state.className = `badge ${tone}`;
  state.textContent = word;
}

function element(line) {
  const row = document.createElement("div");
  row.className = line.ours ? "line gap" : "line";
  const time = document.createElement("time");
  const at = new Date(line.ts);
  time.dateTime = at.toISOString();
  time.textContent = at.toISOString().slice(11, 19);
  const text = document.createElement("span");
  text.textContent = line.text;
  row.append(time, text);
  return row;
}

function fits(row) {
  return row.lastChild.textContent.toLowerCase().includes(search.value.toLowerCase());
}

function draw() {
  if (paused || !waiting.length) return;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  box.querySelector("[data-empty]")?.remove();
  const rows = waiting.slice(-MAX_LINES).map(element);
  waiting = [];
  for (const row of rows) row.hidden = !fits(row);
  box.append(...rows);
  while (box.childElementCount > MAX_LINES) box.firstElementChild.remove();
  if (atEnd) box.scrollTop = box.scrollHeight;
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Follow" : "Pause";
  draw();
  if (!paused) box.scrollTop = box.scrollHeight;
});
search.addEventListener("input", () => {
  for (const row of box.children) row.hidden = !fits(row);
});

const source = new EventSource(`${box.dataset.stream}?after=${encodeURIComponent(box.dataset.last)}`);
const take = (line) => {
  waiting.push(line);
  if (waiting.length > MAX_LINES) waiting.shift();
};
source.onopen = () => show("ok", "following");
source.onerror = () => show("warn", source.readyState === EventSource.CLOSED ? "closed: reload the page" : "connecting again");
source.onmessage = (event) => take(JSON.parse(event.data));
source.addEventListener("notice", (event) => take({ ...JSON.parse(event.data), ours: true }));
source.addEventListener("gap", () => take({ ts: Date.now(), text: "Lines are missing here: they came faster than they could be kept.", ours: true }));
setInterval(draw, 200); // a burst of lines is drawn at once
box.scrollTop = box.scrollHeight;
