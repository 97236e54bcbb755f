// The charts of the last 15 minutes: four of them, one cursor. Drawn by uPlot; what they show stands as text in their captions.
/* global uPlot */

import { el, say } from "./dom.js";
import { bitRate, clock, count, rate, scaled, share } from "./units.js";
import { colour, onTheme } from "./theme.js";

/** Seconds shown at the most. */
export const SPAN = 900;

/** Seconds shown while there are fewer. */
const LEAST = 60;

const CHARTS = [
  { title: "Throughput", keys: ["bits"], names: [""], read: bitRate, axis: (n) => scaled(n, "bit/s").join(" ") },
  { title: "Packets", keys: ["packets"], names: [""], read: (n) => rate(n, "packets/s"), axis: (n) => scaled(n, "/s").join(" ") },
  { title: "Flows", keys: ["flows", "created"], names: ["live", "new/s"], read: count, axis: (n) => scaled(n, "", true).join(" ") },
  { title: "Trouble", keys: ["retransmitted", "lost"], names: ["retransmitted segments", "frames lost"], read: share, axis: (n) => share(n) },
];

/** The height of a chart in which nothing is. */
const EMPTY = 1e-9;

function label(plot, n, chart) {
  if (n === 0) return "0";
  return plot.scales.y.max === EMPTY ? "" : chart.axis(n).replace(/\.0+(?=\D|$)/, "");
}

/** The four charts, over one history. */
export class Charts {
  constructor(place) {
    this.history = { time: [] };
    this.pointed = null;
    this.plots = CHARTS.map((chart) => ({ chart, plot: null, ...this.frame(place, chart) }));
    this.width = 0;
    onTheme(() => this.build());
    new ResizeObserver(() => this.fit()).observe(place);
  }

  frame(place, chart) {
    const value = el("span", {});
    const hold = el("div", { class: "plot", "aria-hidden": "true" });
    place.append(el("figure", { class: "chart" }, el("figcaption", {}, el("b", {}, chart.title), value), hold));
    return { value, hold };
  }

  /** Shows this history: `time` in UNIX seconds, and one list of the same length for each key; null where nothing is known. */
  show(history) {
    this.history = history;
    if (!this.plots[0].plot) this.build();
    for (const { chart, plot } of this.plots) plot?.setData([history.time, ...chart.keys.map((key) => history[key])]);
    this.caption();
  }

  fit() {
    for (const { plot, hold } of this.plots) {
      if (plot && hold.clientWidth > 0) plot.setSize({ width: hold.clientWidth, height: hold.clientHeight });
    }
  }

  build() {
    if (this.history.time.length === 0) return;
    for (const entry of this.plots) {
      entry.plot?.destroy();
      entry.plot = new uPlot(this.options(entry), [this.history.time, ...entry.chart.keys.map((key) => this.history[key])], entry.hold);
    }
  }

  options({ chart, hold }) {
    const [ink, grid] = [colour("faint"), colour("grid")];
    const strokes = chart.title === "Trouble" ? [colour("c1"), colour("bad")] : [colour("water"), colour("c1")];
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
    return {
      width: hold.clientWidth || 300,
      height: hold.clientHeight || 168,
      padding: [6, 24, 0, 0],
      legend: { show: false },
      cursor: { y: false, sync: { key: "parshall" }, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: true, range: () => this.range() },
        y: { range: (_, low, high) => [0, high > 0 ? high * 1.12 : EMPTY] },
      },
      axes: [
        { ...axis, space: 90, size: 26, values: (_, times) => times.map((time) => clock(new Date(time * 1000)).slice(0, this.length > 300 ? 5 : 8)) },
        { ...axis, space: 34, size: 74, values: (plot, numbers) => numbers.map((n) => label(plot, n, chart)) },
      ],
      series: [
        {},
        ...chart.keys.map((key, n) => ({
          stroke: strokes[n],
          width: 1.6,
          fill: n === 0 ? `${strokes[n]}1f` : undefined,
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: { setCursor: [(plot) => this.point(plot.cursor.idx)] },
    };
  }

  range() {
    const last = this.history.time.at(-1) ?? Date.now() / 1000;
    return [last - Math.max(LEAST, this.length), last];
  }

  /** Seconds of history that there are. */
  get length() {
    const { time } = this.history;
    return time.length > 0 ? Math.min(SPAN, time.at(-1) - time[0]) : 0;
  }

  point(index) {
    this.pointed = index ?? null;
    this.caption();
  }

  caption() {
    const { time } = this.history;
    const at = this.pointed !== null && this.pointed < time.length ? this.pointed : time.length - 1;
    const when = this.pointed === null || at < 0 ? "" : `${clock(new Date(time[at] * 1000))}   `;
    for (const { chart, value } of this.plots) {
      const parts = chart.keys.map((key, n) => `${chart.read(this.history[key]?.[at] ?? NaN)} ${chart.names[n]}`.trim());
      say(value, `${when}${parts.join(", ")}`);
    }
  }
}
