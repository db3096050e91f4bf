// Follows the operation that is under way here: each step shows at once. Without a stream the page asks every few seconds.
//
// <div data-follow="/api/v1/operations/1/events/" hx-get="…" hx-trigger="news, every 2s">
"use strict";

const GATHER = 150; // milliseconds; what comes together is asked for once
const STREAMING = 10_000; // milliseconds between two polls while a stream tells the news
let stream = null;
let followed = "";
let asked = 0; // when the page last asked
let due = 0;

const place = () => document.querySelector("[data-follow]");

function news() {
  due ||= setTimeout(ask, GATHER);
}

function ask() {
  due = 0;
  const here = place();
  if (!here) return;
  if (here.classList.contains("htmx-request")) return news(); // its answer may be older than the news
  htmx.trigger(here, "news");
}

function leave() {
  stream?.close();
  stream = null;
  followed = "";
}

// A hidden page follows nothing: a browser has few connections to one server, and all its windows share them.
function follow() {
  const wanted = document.hidden ? "" : (place()?.dataset.follow ?? "");
  if (wanted === followed) return;
  leave();
  if (!wanted) return;
  followed = wanted;
  stream = new EventSource(wanted);
  for (const kind of ["event", "operation", "end"]) stream.addEventListener(kind, news);
  stream.addEventListener("end", () => stream.close()); // the next page follows the next one
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== place()) return;
  const polled = !event.detail.requestConfig.triggeringEvent;
  if (polled && stream?.readyState === EventSource.OPEN && Date.now() - asked < STREAMING) return event.preventDefault();
  asked = Date.now();
});
document.addEventListener("htmx:load", follow);
document.addEventListener("visibilitychange", follow);
addEventListener("pagehide", leave);
addEventListener("pageshow", follow);
follow();
