// Everything known about one flow, in a dialog that follows it while it is open.

import { $, el, fill, say, table } from "./dom.js";
import { ask } from "./probe.js";
import { bitRate, bytes, int, moment, rate, span } from "./units.js";
import { names, protocol } from "./flows.js";

const EVERY = 2000;
const HEAD = new Set(["flow_id", "client_ip", "server_ip", "client_port", "server_port"]);
const FLAGS = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/** A value as its key's ending says. */
function shown(key, value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.join(", ");
  if (key.endsWith("tcp_flags")) return FLAGS.filter((_, bit) => value & (1 << bit)).join(" ") || "none";
  if (key === "protocol") return `${protocol(value)} (${value})`;
  if (key === "bits_per_second") return bitRate(value);
  if (key === "packets_per_second") return rate(value, "/s");
  if (key.endsWith("_seconds")) return span(value);
  if (key.endsWith("_ns")) return moment(value);
  if (key.endsWith("_us")) return span(value / 1e6);
  if (key.endsWith("_bytes")) return value >= 10_000 ? `${int(value)} (${bytes(value)})` : int(value);
  return typeof value === "number" && !key.endsWith("_id") && !key.endsWith("port") ? int(value) : String(value);
}

const ACRONYM = /\b(ack|dscp|esp|fin|icmp|ip|mac|mss|psh|rst|rto|rtt|sack|sctp|spi|syn|tcp|ttl|vlan)\b/g;
const WORDS = { retx: "sent again,", ooo: "out of order" };

/** A key as a reader says it. */
function label(key) {
  const words = key.replace(/_(ns|us|seconds)$/, "").replaceAll("_", " ").replace(ACRONYM, (word) => word.toUpperCase());
  return words.replace(/\b(retx|ooo)\b/, (word) => WORDS[word]);
}

/** The keys of one side, without its prefix, in the order of the record. */
function sides(flow) {
  const keys = Object.keys(flow).filter((key) => /^(c2s|s2c)_/.test(key)).map((key) => key.slice(4));
  return [...new Set(keys)];
}

export class Detail {
  constructor() {
    this.id = null;
    this.timer = null;
    $("detail").addEventListener("close", () => {
      this.id = null;
      clearTimeout(this.timer);
    });
    $("detail").addEventListener("click", (event) => {
      if (event.target === $("detail")) $("detail").close();
    });
  }

  open(flow) {
    this.id = flow.flow_id;
    this.draw({ flow, earlier: [] });
    if (!$("detail").open) $("detail").showModal();
    this.follow();
  }

  async follow() {
    const id = this.id;
    const answer = await ask(`/api/v1/flows/${encodeURIComponent(id)}`).catch((error) => error);
    if (id !== this.id || id === null) return;
    if (answer instanceof Error) this.note(`${answer.message}.`);
    else this.draw(answer);
    this.timer = setTimeout(() => this.follow(), EVERY);
  }

  note(text) {
    const place = $("detail-body").querySelector(".hint");
    if (place) say(place, text);
  }

  draw({ flow, earlier, age_seconds: age }) {
    const [client, server] = names(flow);
    fill($("detail-title"), el("span", { class: "addr" }, client), " \u2192 ", el("span", { class: "addr" }, server));
    const about = Object.keys(flow).filter((key) => !/^(c2s|s2c)_/.test(key) && !HEAD.has(key));
    const facts = about.map((key) => el("div", {}, el("dt", {}, label(key)), el("dd", {}, shown(key, flow[key]))));
    const rows = sides(flow).map((key) => [label(key), shown(key, flow[`c2s_${key}`]), shown(key, flow[`s2c_${key}`])]);
    const past = earlier.map((record) => [String(record.record_seq), record.end_reason, moment(record.end_ns), int((record.c2s_packets ?? 0) + (record.s2c_packets ?? 0))]);
    const since = age === undefined ? "" : `, as of ${span(Math.max(0, age))} ago`;
    fill($("detail-body"),
      el("p", { class: "hint" }, `Flow ${flow.flow_id}${since}. What was not measured is left out.`),
      el("h3", {}, "The flow"), el("dl", { class: "facts" }, facts),
      el("h3", {}, "By direction"), el("div", { class: "scroll" }, table([["Quantity"], ["Client to server", true], ["Server to client", true]], rows, "By direction")),
      ...(past.length > 0 ? [el("h3", {}, "Records already written"), table([["Record"], ["Ended by"], ["End"], ["Packets", true]], past, "Earlier records")] : []));
  }
}
