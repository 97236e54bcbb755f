// The page's clock: asks once a second, shows what came, says so when nothing comes.

import { $, el, fill, say } from "./dom.js";
import { ask } from "./probe.js";
import { Charts, SPAN } from "./charts.js";
import { Flows } from "./flows.js";
import { History, Stats } from "./model.js";
import { Talkers } from "./talkers.js";
import { startTheme } from "./theme.js";
import { clock, span } from "./units.js";
import * as panels from "./panels.js";

const PERIOD = 1000;
/** Published longer ago than this, the numbers are late. Unit: seconds. */
const LATE = 5;

const stats = new Stats();
const past = new History();
let heard = null;
let restarted = null;
let explained = null;
let distributions = null;
let turn = 0;

startTheme($("theme"));
const charts = new Charts($("charts"));
const flows = new Flows();
const talkers = new Talkers((filter) => flows.show(filter));
let trips = panels.ROUND_TRIPS[0][0];
fill($("rtt-kind"), $("rtt-kind").firstElementChild, ...panels.ROUND_TRIPS.map(([name, text], n) =>
  el("label", {}, el("input", { type: "radio", name: "rtt", value: name, checked: n === 0, change: () => chooseTrips(name) }), el("span", {}, text))));

function chooseTrips(name) {
  trips = name;
  if (distributions) panels.roundTrips(distributions, trips);
}

function state(kind, text) {
  $("state").dataset.state = kind;
  say($("state"), text);
  document.body.classList.toggle("stale", kind === "gone");
}

function notice(text, mild = false) {
  $("notice").hidden = !text;
  $("notice").classList.toggle("mild", mild);
  say($("notice"), text ?? "");
}

/** Says that nobody answers, once; the numbers on the page stay, and are grey. */
function silent(error) {
  const since = heard ? `no answer since ${clock(heard)}` : "no answer yet";
  state("gone", since);
  const what = `${error.message[0].toUpperCase()}${error.message.slice(1)}`;
  notice(heard ? `${what}. What is shown is from ${clock(heard)}; this page keeps asking.` : `${what}. This page keeps asking.`);
  document.title = "parshall: no answer";
}

function alive(answer) {
  heard = new Date();
  const late = answer.published_seconds_ago > LATE;
  if (answer.state === "ended") state("ended", "ended: final numbers");
  else if (late) state("late", `counted ${span(answer.published_seconds_ago)} ago`);
  else if (answer.started_ns === 0) state("late", "starting");
  else state("live", "live");
  if (restarted && Date.now() - restarted < 60_000) notice(`The probe was started anew at ${clock(new Date(answer.started_ns / 1e6))}; its numbers begin again.`, true);
  else notice(null);
  document.title = answer.books.closed ? "parshall" : "parshall: the books do not close";
}

function about(answer) {
  const ports = answer.ports.map((port) => `${port.name}${port.link_up ? "" : " (no link)"}`);
  const source = answer.mode === "read" ? "reading captures" : ports.join(", ");
  say($("probe"), `${location.host} \u00b7 ${source} \u00b7 ${answer.state === "ended" ? "ran" : "up"} ${span(answer.uptime_seconds)}`);
  const dpdk = answer.version.dpdk_runtime ? `, ${answer.version.dpdk_runtime.replace(/^(DPDK )?/, "DPDK ")}` : "";
  const since = answer.started_ns > 0 ? `, counts since ${new Date(answer.started_ns / 1e6).toLocaleString("en-GB")}` : "";
  say($("version"), `parshall ${answer.version.parshall} (${answer.version.git})${dpdk}${since}`);
}

async function numbers() {
  const answer = await ask("/api/v1/stats");
  if (stats.take(answer)) {
    restarted = Date.now();
    past.clear();
  }
  past.take(await ask("/api/v1/history", { since: past.since }));
  alive(answer);
  about(answer);
  panels.books(answer);
  panels.figures(answer, past);
  panels.workers(answer);
  panels.loss(answer, past, explained);
  panels.mix(stats);
  panels.tcp(stats);
  charts.show(past.columns());
  say($("history-title"), charts.length >= SPAN - 30 ? "The last 15 minutes" : `The last ${span(Math.max(1, charts.length))}`);
}

/** What is dearer, or moves slower, less often. */
async function details() {
  if (turn % 2 === 0 && !flows.held) await flows.refresh();
  if (turn % 5 === 0) {
    await talkers.refresh();
    explained = await ask("/api/v1/explain/drops");
    distributions = await ask("/api/v1/histograms");
    panels.roundTrips(distributions, trips);
  }
}

async function beat() {
  const began = performance.now();
  try {
    await numbers();
    await details();
    turn += 1;
  } catch (error) {
    if (error.status === undefined) throw error;
    silent(error);
  } finally {
    const wait = document.hidden ? 10 * PERIOD : PERIOD;
    setTimeout(beat, Math.max(100, wait - (performance.now() - began)));
  }
}

beat();
