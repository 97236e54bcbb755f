// The table of flows: sorted and filtered by the probe, so that it is as quick with a million flows as with ten.

import { $, el, fill, say } from "./dom.js";
import { ask } from "./probe.js";
import { bitRate, bytes, count, int, span } from "./units.js";
import { Detail } from "./detail.js";

const PROTOCOLS = { 1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 33: "DCCP", 47: "GRE", 50: "ESP", 58: "ICMPv6", 89: "OSPF", 132: "SCTP", 136: "UDP-Lite" };
export const protocol = (number) => PROTOCOLS[number] ?? `IP ${number}`;

const both = (flow, key) => (flow[`c2s_${key}`] ?? 0) + (flow[`s2c_${key}`] ?? 0);
const measured = (flow, key) => flow[`c2s_${key}`] !== undefined || flow[`s2c_${key}`] !== undefined;

/** Title, the API's order (null: none), numeric, cell, css of the column. */
const COLUMNS = [
  ["Client \u2192 server", null, false, null, ""],
  ["Protocol", null, false, (flow) => protocol(flow.protocol), ""],
  ["Bytes", "bytes", true, (flow) => bytes(both(flow, "ip_bytes")), ""],
  ["Packets", "packets", true, (flow) => count(both(flow, "packets")), "wide-only"],
  ["Rate", "bits_per_second", true, (flow) => (flow.state === "live" ? bitRate(flow.bits_per_second ?? NaN) : ""), ""],
  ["Sent again", "retransmissions", true, (flow) => (measured(flow, "retx_packets") ? int(both(flow, "retx_packets")) : ""), "wide-only"],
  ["Round trip", "rtt", true, (flow) => trip(flow), "wide-only"],
  ["Lasts", "duration", true, (flow) => span(flow.duration_seconds ?? NaN), "wide-only"],
  ["State", null, false, (flow) => state(flow), "wide-only"],
];

function trip(flow) {
  const time = flow.c2s_rtt_avg_us ?? flow.handshake_rtt_us ?? flow.s2c_rtt_avg_us;
  return time === undefined || time === null ? "" : span(time / 1e6);
}

const ENDS = { tcp_fin: "closed", tcp_rst: "reset", idle: "idle", active: "cut", evicted: "evicted", shutdown: "stopped" };

function state(flow) {
  if (flow.state !== "live") return ENDS[flow.end_reason] ?? flow.end_reason ?? "ended";
  if (flow.protocol !== 6) return both(flow, "packets") > 0 && (flow.s2c_packets ?? 0) === 0 ? "one way" : "live";
  if ((flow.c2s_rst_count ?? 0) + (flow.s2c_rst_count ?? 0) > 0) return "reset";
  if ((flow.c2s_fin_count ?? 0) > 0 && (flow.s2c_fin_count ?? 0) > 0) return "closed";
  if (flow.midstream) return "midstream";
  return (flow.s2c_packets ?? 0) === 0 ? "unanswered" : "open";
}

const end = (ip, port) => (port === undefined ? ip : ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

export const names = (flow) => [end(flow.client_ip ?? "?", flow.client_port), end(flow.server_ip ?? "?", flow.server_port)];

export class Flows {
  constructor() {
    this.by = "bytes";
    this.order = "desc";
    this.cursor = null;
    this.turn = 0;
    this.typing = null;
    this.detail = new Detail();
    $("flows-filter").placeholder = "10.0.0.0/8 and tcp and retransmissions > 0";
    this.head();
    this.listen();
    this.fromAddress();
  }

  listen() {
    $("flows-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.anew();
    });
    $("flows-filter").addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.anew(), 350);
    });
    for (const id of ["flows-limit", "flows-state"]) $(id).addEventListener("change", () => this.anew());
    $("flows-hold").addEventListener("change", () => this.held || this.refresh());
    $("flows-first").addEventListener("click", () => this.anew());
    $("flows-next").addEventListener("click", () => this.page(this.next));
  }

  /** The filter stands in the address behind #, so that a view can be kept and sent. */
  fromAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    if (words.has("filter")) $("flows-filter").value = words.get("filter");
    if (words.has("by")) this.by = words.get("by");
    if (["live", "ended", "all"].includes(words.get("state"))) $("flows-state").value = words.get("state");
    this.mark();
  }

  toAddress() {
    const words = new URLSearchParams();
    if (this.filter) words.set("filter", this.filter);
    if (this.by !== "bytes") words.set("by", this.by);
    if ($("flows-state").value !== "live") words.set("state", $("flows-state").value);
    history.replaceState(null, "", words.size > 0 ? `#${words}` : location.pathname);
  }

  get filter() {
    return $("flows-filter").value.trim();
  }

  get held() {
    return $("flows-hold").checked || this.cursor !== null;
  }

  /** Shows the flows that a filter finds. */
  show(filter) {
    $("flows-filter").value = filter;
    this.anew();
    $("flows-title").scrollIntoView({ block: "start" });
    $("flows-filter").focus({ preventScroll: true });
  }

  head() {
    const cells = COLUMNS.map(([title, by, numeric, , css]) => {
      const content = by ? el("button", { type: "button", click: () => this.sort(by) }, title) : title;
      return el("th", { scope: "col", role: "columnheader", class: `${numeric ? "n" : ""} ${css}`.trim() || null, "data-by": by }, content);
    });
    fill($("flows-head"), el("tr", { role: "row" }, cells));
    this.mark();
  }

  sort(by) {
    this.order = this.by === by && this.order === "desc" ? "asc" : "desc";
    this.by = by;
    this.mark();
    this.anew();
  }

  mark() {
    for (const cell of $("flows-head").querySelectorAll("th")) {
      if (cell.dataset.by === this.by) cell.setAttribute("aria-sort", this.order === "desc" ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }

  anew() {
    this.cursor = null;
    this.toAddress();
    return this.refresh();
  }

  page(cursor) {
    this.cursor = cursor;
    return this.refresh();
  }

  async refresh() {
    this.turn += 1;
    const turn = this.turn;
    const words = { by: this.by, order: this.order, top: $("flows-limit").value, state: $("flows-state").value, filter: this.filter, cursor: this.cursor };
    const answer = await ask("/api/v1/flows", words).catch((error) => error);
    if (turn !== this.turn) return;
    const wrong = answer instanceof Error;
    $("flows-error").hidden = !wrong || answer.status === 0;
    $("flows-filter").setAttribute("aria-invalid", String(wrong && answer.status === 400));
    if (!wrong) return this.draw(answer);
    if (answer.status > 0) say($("flows-error"), `${answer.message}.`);
    if (answer.status === 404 && this.cursor !== null) this.cursor = null;
  }

  draw(answer) {
    const focused = document.activeElement?.dataset?.flow;
    const rows = answer.flows.map((flow) => this.row(flow));
    const empty = this.filter ? "No flow matches." : "No flow yet.";
    fill($("flows"), ...(rows.length > 0 ? rows : [el("tr", {}, el("td", { colspan: COLUMNS.length, class: "empty" }, empty))]));
    if (focused) $("flows").querySelector(`[data-flow="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    const live = `${int(answer.live)} live`;
    say($("flows-hint"), this.filter ? `${int(answer.matched)} match, of ${live}` : live);
    const part = answer.complete ? "" : `, the largest ${int(answer.told)} of ${int(answer.live)}: complete from ${bytes(answer.least_bytes)} on`;
    say($("flows-foot"), `${int(answer.flows.length)} shown, as of ${span(Math.max(0, answer.age_seconds))} ago${part}`);
    this.next = answer.next;
    $("flows-next").hidden = !answer.next;
    $("flows-first").hidden = this.cursor === null;
  }

  row(flow) {
    const [client, server] = names(flow);
    const open = () => this.detail.open(flow);
    const name = el("button", { type: "button", "data-flow": flow.flow_id, click: open, "aria-label": `${client} to ${server}, details` }, client, el("span", { class: "arrow" }, "\u2192"), server);
    const tunnel = [...(flow.vlan_ids ?? []).map((id) => `vlan ${id}`), ...(flow.encap ?? [])];
    const tags = tunnel.map((text) => el("span", { class: "tag" }, text));
    const cells = COLUMNS.slice(1).map(([, , numeric, read, css]) => el("td", { role: "cell", class: `${numeric ? "n" : ""} ${css}`.trim() || null }, read(flow)));
    return el("tr", { role: "row" }, el("td", { role: "cell" }, name, ...tags.flatMap((tag) => [" ", tag])), ...cells);
  }
}
