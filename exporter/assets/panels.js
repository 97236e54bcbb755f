// The panels that are filled anew once a second: books, figures, workers, loss, protocols, round trips, TCP events.

import { $, el, fill, gauge, say, svg, table } from "./dom.js";
import { bitRate, bytes, count, int, rate, scaled, share, span } from "./units.js";
import { protocols, quantile } from "./model.js";

const OUTCOMES = {
  flow: "in flows", filtered: "left out by the filter", non_ip: "not IP", fragment_orphan: "fragments without their first", malformed: "malformed",
  unsupported_link: "of a link type not known", sampled_out: "sampled out", duplicate: "mirror duplicates", table_full: "no room in the flow table",
};
const BAD = new Set(["table_full"]);
const dot = (n) => el("span", { class: `dot f${n}`, "aria-hidden": "true" });

function strip(place, parts) {
  const whole = parts.reduce((all, [, value]) => all + value, 0);
  place.hidden = whole === 0;
  fill(place, ...parts.filter(([, value]) => value > 0).map(([, value, css]) => {
    const piece = el("i", { class: css });
    piece.style.flexGrow = String(value / whole);
    piece.style.flexBasis = "0";
    return piece;
  }));
  place.setAttribute("aria-label", parts.map(([name, value]) => `${name} ${share(value / whole)}`).join(", "));
}

/** The plain sentence, what stands behind it, and every outcome. */
export function books(stats) {
  const { books: sums, outcomes, loss } = stats;
  const empty = sums.frames_taken === 0 && sums.closed;
  const sentence = stats.sentence ?? `${sums.closed ? "all" : "not all"} ${int(sums.frames_taken)} frames accounted for`;
  say($("books-sentence"), empty ? "No frame has arrived yet." : `${sentence[0].toUpperCase()}${sentence.slice(1)}.`);
  $("books-sentence").classList.toggle("wrong", !sums.closed);
  const before = loss?.before_probe ?? { missed: 0, errors: 0, nombuf: 0 };
  const lost = before.missed + before.errors;
  const parts = [];
  if (!sums.closed) {
    parts.push(`The books do not close: ${int(sums.frame_closure_error)} frames, ${int(sums.flow_closure_error)} packets of flows. This is a fault of the probe. `);
  }
  if (!empty) parts.push(`${int(sums.packets_in_flows)} belong to flows: ${int(sums.packets_in_records)} in finished records, ${int(sums.packets_in_live_flows)} in live ones. `);
  if (lost > 0) {
    parts.push(el("strong", {}, `${int(lost)} more were lost before the probe (${share(lost / (lost + sums.frames_taken))}).`));
  } else {
    parts.push("Nothing was lost before the probe.");
  }
  const records = (loss?.detail.records_at_rings ?? 0) + (loss?.detail.records_at_sinks ?? 0);
  if (records > 0) parts.push(" ", el("strong", {}, `${int(records)} flow records were lost behind it.`));
  $("books-more").classList.toggle("lossy", lost > 0 || records > 0);
  fill($("books-more"), ...parts);
  const order = Object.keys(OUTCOMES);
  const names = [...order.filter((name) => name in outcomes), ...Object.keys(outcomes).filter((name) => !order.includes(name))];
  const rows = names.map((name, n) => [OUTCOMES[name] ?? name, outcomes[name], BAD.has(name) ? "f8" : `f${n % 8}`]);
  strip($("books-bar"), rows);
  fill($("books-legend"), ...rows.filter(([, value]) => value > 0).map(([name, value, css]) =>
    el("li", {}, el("span", { class: `dot ${css}`, "aria-hidden": "true" }), el("b", {}, int(value)), ` ${name}`)));
}

function figure(title, [value, unit], also, bad = false) {
  return el("dl", { class: bad ? "figure bad" : "figure" }, el("dt", {}, title),
    el("dd", { class: "value" }, value, unit ? el("small", {}, unit) : null), el("dd", { class: "also" }, also));
}

const spanParts = (seconds) => (seconds === null ? ["\u2013", ""] : span(seconds).split("\u202f").slice(0, 2));

/** Six numbers that say how it goes. */
export function figures(stats, history) {
  const rates = stats.rates;
  const known = (value) => value ?? NaN;
  const frame = rates?.packets_per_second > 0 ? rates.wire_bits_per_second / 8 / rates.packets_per_second : NaN;
  const rtt = history.roundTrips();
  const [data, again] = [history.lately(60, (one) => one.counts.data), history.lately(60, (one) => one.counts.retransmitted)];
  const busiest = stats.workers.reduce((most, worker) => ((worker.load ?? -1) > (most?.load ?? -1) ? worker : most), null);
  const room = busiest?.headroom?.could_take_packets_per_second;
  const lost = rates?.lost_packets_per_second ?? 0;
  fill($("figures"),
    figure("Throughput", scaled(known(rates?.wire_bits_per_second), "bit/s"), Number.isFinite(frame) ? `${int(frame)}\u202fB a frame` : "on the wire, without FCS"),
    figure("Packets", scaled(known(rates?.packets_per_second), "/s"), lost > 0 ? `${rate(lost, "/s")} lost before` : "none lost before", lost > 0),
    figure("Live flows", scaled(stats.flows.active, "", true), `${rate(known(rates?.flows_created_per_second), "new/s")}`),
    figure("Round trip to servers", spanParts(rtt?.server.p50 ?? null), rtt ? `clients' side ${span(rtt.client.p50 ?? NaN)}` : "nothing measured yet"),
    figure("Sent again", share(data > 0 ? again / Math.max(data, again) : NaN).split("\u202f"), data > 0 ? `${count(again)} segments, 1 min` : "no TCP data in 1 min"),
    figure("Busiest worker", share(known(busiest?.load)).split("\u202f"), Number.isFinite(room) ? `could take ${rate(room, "/s")}` : `${stats.workers.length} ${stats.workers.length === 1 ? "worker" : "workers"}`, busiest?.load > 0.95),
  );
}

const level = (load) => (load > 0.95 ? "bad" : load > 0.8 ? "warn" : "");

/** Each worker, and how much more it could take. */
export function workers(stats) {
  const rows = stats.workers.map((worker) => {
    const room = worker.headroom ?? {};
    const load = worker.load ?? NaN;
    return [
      `${worker.worker}`, { in: `lcore ${worker.lcore}`, class: "dim" }, { in: gauge(load, level(load)), class: "meter" }, share(load), rate(room.packets_per_second ?? NaN, "/s"),
      rate(room.could_take_packets_per_second ?? NaN, "/s"), span((room.nanoseconds_per_packet ?? NaN) / 1e9), int(worker.active_flows),
    ];
  });
  const columns = [
    ["Worker"], ["", false, "wide-only"], ["", false, "wide-only"], ["Load", true], ["Packets", true], ["Could take", true],
    ["Time each", true, "wide-only"], ["Flows", true],
  ];
  fill($("workers"), rows.length > 0 ? table(columns, rows, "Load of each worker") : el("p", { class: "empty" }, "No worker has reported yet."));
  const mbufs = stats.mempools.map((pool) => `${share(1 - pool.free / Math.max(1, pool.size))} of ${int(pool.size)} mbufs in use`);
  const silent = stats.workers.reduce((all, worker) => all + worker.missed_turns, 0);
  if (silent > 0) mbufs.push(`${int(silent)} late ${silent === 1 ? "answer" : "answers"}`);
  say($("workers-hint"), mbufs.join(", "));
}

const LOSSES = [
  ["NIC", "no descriptor", (s) => s.loss.before_probe.missed, "missed", "--rxd, --nb-cores, --rxq"],
  ["NIC", "received with errors", (s) => s.loss.before_probe.errors, "errors", "cable, optics, MTU: --max-pkt-len"],
  ["NIC", "no mbuf", (s) => s.loss.before_probe.nombuf, "nombuf", "--total-num-mbufs"],
  ["Flow table", "packets without a flow", (s) => s.loss.detail.table_full_packets, null, "--max-flows, --flow-memory"],
  ["Records", "ring full", (s) => s.loss.detail.records_at_rings, "records", "--record-ring"],
  ["Records", "sink slow or failed", (s) => s.loss.detail.records_at_sinks, null, "a faster sink"],
  ["Detail", "no TCP segment history", (s) => s.loss.detail.segment_history, null, "--segment-memory"],
  ["Detail", "no room for VLANs, MACs, tunnels", (s) => s.loss.detail.link_contexts, null, "fewer distinct ones"],
  ["Statistics", "records not looked at", (s) => s.loss.detail.statistics_records, null, "fewer --nb-cores on its core"],
];

/** Loss by cause: the causes that the probe found, and every place where something can be lost. */
export function loss(stats, history, explained) {
  if (!stats.loss) return;
  const causes = explained?.causes ?? [];
  fill($("causes"), ...causes.map((cause) => el("li", { class: cause.lost_lately > 0 ? "now" : "" },
    el("p", {}, cause.sentence), el("p", { class: "remedy" }, cause.remedy, cause.certainty === "certain" ? "" : ` (${cause.certainty})`))));
  const rows = LOSSES.map(([where, what, read, recent, turn]) => {
    const all = read(stats) ?? 0;
    const lately = recent ? history.lately(60, (one) => one.counts[recent]) : NaN;
    const css = all > 0 ? "bad-text" : "dim";
    const why = el("span", {}, what, all > 0 ? el("span", { class: "turn" }, `turn ${turn}`) : "");
    return [where, { in: why, class: "why" }, { in: int(all), class: css }, { in: recent ? int(lately) : "", class: lately > 0 ? "bad-text" : "dim" }];
  });
  const any = rows.some((row) => row[2].class === "bad-text");
  fill($("loss"), table([["Where"], ["Why"], ["Since start", true], ["Last minute", true]], rows, "What was lost, and where"));
  say($("loss-hint"), any || causes.length > 0 ? "" : "nothing is lost, anywhere");
}

/** Protocols by their share of the bytes. */
export function mix(stats) {
  const rows = protocols(stats);
  const live = rows.reduce((all, row) => all + row.bits, 0);
  const [weigh, whole] = live > 0 ? [(row) => row.bits, live] : [(row) => row.total, rows.reduce((all, row) => all + row.total, 0)];
  say($("mix-hint"), live > 0 ? "share of IP bytes, last 10 s" : "share of IP bytes, since start");
  const tint = (n) => `f${Math.min(n, 7)}`;
  strip($("mix-bar"), rows.map((row, n) => [row.name, weigh(row), tint(n)]));
  const cells = rows.map((row, n) => [{ in: el("span", {}, dot(Math.min(n, 7)), row.name) }, share(weigh(row) / whole), bitRate(row.bits), rate(row.packets, "/s"), bytes(row.total)]);
  const columns = [["Protocol"], ["Share", true], ["Bits", true], ["Packets", true, "wide-only"], ["Since start", true]];
  fill($("mix"), cells.length > 0 ? table(columns, cells, "Protocols") : el("p", { class: "empty" }, "No IP packet yet."));
}

export const ROUND_TRIPS = [["parshall_tcp_rtt_seconds", "data"], ["parshall_tcp_handshake_rtt_seconds", "handshake"]];

/** The distribution of round-trip times: two sides, one axis, logarithmic by its buckets. */
export function roundTrips(answer, name) {
  const sides = ["server", "client"].map((side) => [side, answer.histograms.find((one) => one.name === name && one.labels.side === side)]);
  const known = sides.filter(([, one]) => one && one.count > 0);
  if (known.length === 0) return fill($("rtt"), el("p", { class: "empty" }, "No TCP flow with a measured round trip has ended yet."));
  const bounds = known[0][1].upper_bounds;
  const used = bounds.map((_, n) => n).filter((n) => known.some(([, one]) => one.counts[n] > 0));
  const [low, high] = [Math.max(0, Math.min(...used) - 1), Math.min(bounds.length - 1, Math.max(...used) + 1)];
  fill($("rtt"), bars(known, bounds, low, high), el("dl", { class: "quantiles" }, known.map(([side, one]) =>
    el("div", {}, el("dt", { class: "unseen" }, `${side} side`), el("dd", {}, el("span", { class: `dot f${side === "server" ? 0 : 1}` }),
      `${side} side: median `, el("b", {}, span(quantile(one, 0.5))), ", p90 ", el("b", {}, span(quantile(one, 0.9))), ", p99 ",
      el("b", {}, span(quantile(one, 0.99))), `, ${count(one.count)} measured`)))));
}

function bars(known, bounds, low, high) {
  const [width, height, foot] = [600, 150, 20];
  const step = width / (high - low + 1);
  const most = Math.max(...known.flatMap(([, one]) => one.counts.slice(low, high + 1).map((n) => n / one.count)));
  const root = svg("svg", { class: "dist", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": "Distribution of round-trip times; quantiles are below" });
  known.forEach(([side, one], k) => {
    for (let n = low; n <= high; n += 1) {
      const tall = ((height - foot - 4) * one.counts[n]) / one.count / most;
      const wide = (step - 1.5) / known.length;
      if (tall > 0) root.append(svg("rect", { class: side === "server" ? "" : "other", x: (n - low) * step + k * wide, y: height - foot - Math.max(tall, 1), width: Math.max(wide, 0.5), height: Math.max(tall, 1) }));
    }
  });
  root.append(svg("line", { x1: 0, x2: width, y1: height - foot, y2: height - foot }));
  const labels = el("div", { class: "ticks", "aria-hidden": "true" });
  const every = Math.max(1, Math.ceil((high - low + 1) / 7));
  for (let n = low; n <= high; n += every) {
    const tick = el("span", {}, span(bounds[n]));
    tick.style.left = `${((n - low + 1) / (high - low + 1)) * 100}%`;
    labels.append(tick);
  }
  return el("div", { class: "distribution" }, root, labels);
}

const EVENTS = [
  ["data segments", (side) => side.data_packets], ["sent again", (side) => side.retransmitted_packets], ["out of order", (side) => side.out_of_order],
  ["duplicate ACKs", (side) => side.duplicate_acks], ["zero windows", (side) => side.zero_windows], ["resets", (side) => side.resets],
  ["after a timeout", (side) => side.classes?.rto], ["fast retransmit", (side) => side.classes?.fast_retx], ["reordering", (side) => side.classes?.reordering],
  ["duplicated by the network", (side) => side.classes?.net_dup], ["needless timeout", (side) => side.classes?.unneeded_rto],
  ["window probes", (side) => side.classes?.flow_control],
];

/** TCP events of both directions. */
export function tcp(stats) {
  const now = stats.last.tcp;
  if (!now) return;
  const cell = (side, read) => {
    const all = read(now[side] ?? {}) ?? 0;
    return [{ in: int(all), class: all === 0 ? "dim" : "" }, { in: rate(stats.rate((answer) => read(answer.tcp?.[side] ?? {})) ?? NaN, "/s"), class: "dim" }];
  };
  const rows = EVENTS.map(([name, read]) => [name, ...cell("client", read), ...cell("server", read)]);
  const columns = [["Event"], ["From clients", true], ["", true, "wide-only"], ["From servers", true], ["", true, "wide-only"]];
  fill($("tcp"), table(columns, rows, "TCP events by direction"));
}
