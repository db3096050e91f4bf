// Draws what was used, from the numbers in the page. Without this file there is the table below the charts.
"use strict";

const HEIGHT = 150;
const drawn = new Map(); // chart by figure

function draw(section) {
  const numbers = section.querySelector("script");
  if (!numbers) return;
  const data = JSON.parse(numbers.textContent);
  section.querySelector(".charts").hidden = false;
  for (const figure of section.querySelectorAll("[data-lines]")) drawn.set(figure, chart(figure, data));
}

const moment = (seconds) => new Date(seconds * 1000).toISOString();

function chart(figure, data) {
  const ink = getComputedStyle(figure);
  const axis = { stroke: ink.color, font: "12px system-ui", grid: { stroke: ink.borderTopColor, width: 1 }, ticks: { show: false } };
  const days = data.until - data.since > 2 * 86400;
  const times = { ...axis, space: 70, size: 30, values: (plot, splits) => splits.map((seconds) => moment(seconds).slice(...(days ? [5, 10] : [11, 16]))) };
  const lines = figure.dataset.lines.split(" ");
  const keys = [...figure.querySelectorAll(".key")].map((key) => getComputedStyle(key).color);
  const options = {
    width: figure.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false } },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    scales: { x: { range: [data.since, data.until] }, y: { range: (plot, least, most) => [0, Math.max((most || 0) * 1.1, 1)] } },
    axes: [times, { ...axis, size: 48 }],
    series: [{}, ...lines.map((line, at) => ({ stroke: keys[at], width: 1.5, dash: at ? [6, 3] : [], points: { show: false } }))],
    hooks: {
      draw: [(plot) => mark(plot, data.change, ink.color)],
      setCursor: [(plot) => tell(figure, plot, lines)],
    },
  };
  return new uPlot(options, [data.times, ...lines.map((line) => data.lines[line])], figure);
}

// The last upgrade is an upright line.
function mark(plot, change, colour) {
  if (change === null || change < plot.scales.x.min || change > plot.scales.x.max) return;
  const at = Math.round(plot.valToPos(change, "x", true));
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([4, 4]);
  plot.ctx.lineWidth = devicePixelRatio;
  plot.ctx.beginPath();
  plot.ctx.moveTo(at, plot.bbox.top);
  plot.ctx.lineTo(at, plot.bbox.top + plot.bbox.height);
  plot.ctx.stroke();
  plot.ctx.restore();
}

// What is under the pointer, in words beside the name.
function tell(figure, plot, lines) {
  const at = plot.cursor.idx;
  const said = figure.querySelector("output");
  if (at == null || plot.data[1][at] == null) return (said.textContent = "");
  const time = moment(plot.data[0][at]).slice(5, 16).replace("T", " ");
  const values = lines.map((line, place) => plot.data[place + 1][at]?.toLocaleString("en", { maximumFractionDigits: 1 }) ?? "?");
  said.textContent = `${time} · ${values.join(" / ")} ${figure.dataset.unit}`;
}

function forget() {
  for (const [figure, plot] of drawn) {
    if (figure.isConnected) continue;
    plot.destroy();
    drawn.delete(figure);
  }
}

function again() {
  forget();
  for (const plot of drawn.values()) plot.destroy();
  drawn.clear();
  for (const section of document.querySelectorAll("[data-charts]")) draw(section);
}

// A chart is as wide as its place, in the colours of the theme; another component is drawn when it comes.
document.addEventListener("htmx:load", () => {
  forget();
  for (const section of document.querySelectorAll("[data-charts]")) if (!section.querySelector("canvas")) draw(section);
});
addEventListener("resize", () => {
  for (const [figure, plot] of drawn) plot.setSize({ width: figure.clientWidth, height: HEIGHT });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
again();
