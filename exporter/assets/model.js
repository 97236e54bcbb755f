// What the probe said, made ready to be shown: rates between two answers, one history without seams. Nothing here knows the page.

import { SPAN } from "./charts.js";

/** Seconds over which rates that the probe does not give itself are formed. */
const WINDOW = 10;

const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
const ratio = (part, whole) => (whole > 0 ? part / whole : null);

/** The answers of /api/v1/stats, a few of them, for rates. */
export class Stats {
  constructor() {
    this.answers = [];
  }

  /** Takes an answer. True when it is another run of the probe than before. */
  take(answer) {
    const before = this.answers.at(-1);
    const other = before !== undefined && before.started_ns !== answer.started_ns;
    if (other) this.answers = [];
    if (before?.taken_at_ns !== answer.taken_at_ns || other) this.answers.push(answer);
    while (this.answers.length > 2 && age(this.answers[1], answer) >= WINDOW) this.answers.shift();
    // One that had published nothing had only begun to start.
    return other && before.started_ns > 0;
  }

  get last() {
    return this.answers.at(-1) ?? null;
  }

  /** How much `read` grew each second; null before the second answer. */
  rate(read) {
    const [first, last] = [this.answers[0], this.last];
    const seconds = first && last ? age(first, last) : 0;
    return seconds > 0 ? Math.max(0, (read(last) ?? 0) - (read(first) ?? 0)) / seconds : null;
  }
}

const age = (earlier, later) => (later.taken_at_ns - earlier.taken_at_ns) / 1e9;

/** The history, as columns over time. */
export class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.since = null;
    this.rows = [];
  }

  /** Takes an answer of /api/v1/history, which says what is new. */
  take(answer) {
    // A double holds these times to a quarter of a microsecond, so what was asked for as new may begin with what is known.
    const known = this.rows.at(-1)?.time ?? 0;
    answer.time_ns.forEach((time, n) => {
      if (time / 1e9 > known) this.rows.push(row(answer, time / 1e9, n));
    });
    this.since = answer.time_ns.at(-1) ?? this.since;
    const oldest = (this.rows.at(-1)?.time ?? 0) - SPAN;
    this.rows = this.rows.filter((one) => one.time >= oldest);
  }

  /** Columns for the charts; a silence of the probe is a gap. */
  columns() {
    const keys = ["bits", "packets", "flows", "created", "retransmitted", "lost"];
    const columns = { time: [], ...Object.fromEntries(keys.map((key) => [key, []])) };
    let before = null;
    for (const one of this.rows) {
      if (before !== null && one.time - before > 3 * Math.max(one.seconds, 1)) {
        columns.time.push(before + 1);
        keys.forEach((key) => columns[key].push(null));
      }
      columns.time.push(one.time);
      keys.forEach((key) => columns[key].push(one[key]));
      before = one.time;
    }
    return columns;
  }

  /** Sums over the last `seconds`. */
  lately(seconds, read) {
    const from = (this.rows.at(-1)?.time ?? 0) - seconds;
    return sum(this.rows.filter((one) => one.time > from).map(read));
  }

  /** The newest round-trip times that are known, in seconds. */
  roundTrips() {
    return this.rows.findLast((one) => one.rtt.server.p50 !== null || one.rtt.client.p50 !== null)?.rtt ?? null;
  }
}

function row(answer, time, n) {
  const seconds = answer.seconds[n] > 0 ? answer.seconds[n] : 1;
  const taken = answer.packets[n];
  const lost = answer.missed[n] + answer.errors[n];
  const retransmitted = answer.retransmitted_packets[n] ?? 0;
  const data = answer.data_packets[n] ?? 0;
  const side = (name) => Object.fromEntries(["p50", "p90", "p99"].map((p) => [p, scale(answer.rtt_us?.[name]?.[p]?.[n])]));
  return {
    time,
    seconds,
    bits: (answer.wire_bytes[n] * 8) / seconds,
    packets: taken / seconds,
    flows: answer.flows_active[n],
    created: answer.flows_created[n] / seconds,
    retransmitted: ratio(retransmitted, Math.max(data, retransmitted)),
    lost: ratio(lost, taken + lost) ?? 0,
    counts: { retransmitted, data, lost, missed: answer.missed[n], errors: answer.errors[n], nombuf: answer.nombuf[n], records: answer.records_dropped[n] },
    rtt: { client: side("client"), server: side("server") },
  };
}

const scale = (microseconds) => (Number.isFinite(microseconds) ? microseconds / 1e6 : null);

/** A quantile of a histogram whose last bucket is unbounded, by a straight line inside the bucket. */
export function quantile(histogram, q) {
  const wanted = histogram.count * q;
  let below = 0;
  for (let n = 0; n < histogram.counts.length; n += 1) {
    const here = histogram.counts[n];
    if (here > 0 && below + here >= wanted) {
      const low = n === 0 ? 0 : histogram.upper_bounds[n - 1];
      const high = histogram.upper_bounds[n] ?? low;
      return low + ((high - low) * (wanted - below)) / here;
    }
    below += here;
  }
  return null;
}

/** Shares of protocols: rows of {name, bits, packets, total}, largest first. */
export function protocols(stats) {
  const name = (row) => (row.l4 === "icmpv6" ? LAYERS.icmpv6 : `IPv${row.ip_version} ${LAYERS[row.l4] ?? row.l4}`);
  const find = (answer, row) => answer.protocols.find((other) => other.ip_version === row.ip_version && other.l4 === row.l4);
  const rows = (stats.last?.protocols ?? []).map((row) => ({
    name: name(row),
    l4: row.l4,
    bits: (stats.rate((answer) => find(answer, row)?.ip_bytes) ?? 0) * 8,
    packets: stats.rate((answer) => find(answer, row)?.packets) ?? 0,
    total: row.ip_bytes,
    count: row.packets,
  }));
  return rows.filter((row) => row.count > 0).sort((a, b) => b.bits - a.bits || b.total - a.total);
}

const LAYERS = { tcp: "TCP", udp: "UDP", icmp: "ICMP", icmpv6: "ICMPv6", sctp: "SCTP", udplite: "UDP-Lite", dccp: "DCCP", gre: "GRE", esp: "ESP", igmp: "IGMP", ospf: "OSPF", other: "other" };
