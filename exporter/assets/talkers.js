// Who: the largest hosts, pairs, ports, applications and prefixes. A click on one shows its flows.

import { $, el, fill, gauge, say, table } from "./dom.js";
import { ask } from "./probe.js";
import { bytes, int, share } from "./units.js";

const KINDS = ["hosts", "pairs", "ports", "applications", "prefixes"];
const TITLES = { hosts: "Host", pairs: "Hosts", ports: "Server port", applications: "Application", prefixes: "Prefix" };
const ORDERS = ["bytes", "packets", "flows", "retransmissions"];
const WINDOWS = [["all", "all time"], ["1m", "1 min"], ["5m", "5 min"], ["15m", "15 min"]];

/** The term of the flow filter that finds an item's flows. */
function term(item) {
  if (item.ips) return item.ips.map((ip) => `ip = ${ip}`).join(" and ");
  if (item.prefix) return `ip = ${item.prefix}`;
  if (item.ip) return `ip = ${item.ip}`;
  const port = item.port === undefined ? "" : `server_port = ${item.port}`;
  const protocol = item.protocol === undefined ? "" : `protocol = ${item.protocol}`;
  return [protocol, port].filter(Boolean).join(" and ");
}

export class Talkers {
  constructor(showFlows) {
    this.showFlows = showFlows;
    this.kind = KINDS[0];
    this.turn = 0;
    const option = (value, text = value) => el("option", { value }, text);
    fill($("top-by"), ...ORDERS.map((by) => option(by)));
    fill($("top-window"), ...WINDOWS.map(([value, text]) => option(value, text)));
    for (const id of ["top-by", "top-window"]) $(id).addEventListener("change", () => this.refresh());
    this.tabs = KINDS.map((kind) => el("button", { type: "button", role: "tab", id: `top-${kind}`, "aria-controls": "top", click: () => this.choose(kind), keydown: (event) => this.key(event) }, kind));
    fill($("top-kinds"), ...this.tabs);
    this.mark();
  }

  choose(kind) {
    this.kind = kind;
    this.mark();
    this.refresh();
  }

  mark() {
    this.tabs.forEach((tab, n) => {
      const chosen = KINDS[n] === this.kind;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    });
    $("top").setAttribute("aria-labelledby", `top-${this.kind}`);
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (KINDS.indexOf(this.kind) + step + KINDS.length) % KINDS.length;
    this.choose(KINDS[next]);
    this.tabs[next].focus();
  }

  async refresh() {
    this.turn += 1;
    const turn = this.turn;
    const by = $("top-by").value;
    const answer = await ask(`/api/v1/top/${this.kind}`, { by, window: $("top-window").value, top: 10 }).catch((error) => error);
    if (turn !== this.turn) return;
    if (answer instanceof Error) {
      if (answer.status > 0) fill($("top"), el("p", { class: "empty" }, `${answer.message}.`));
      return;
    }
    this.draw(answer, by);
  }

  draw(answer, by) {
    const value = by === "bytes" ? bytes : int;
    const largest = answer.items[0]?.value ?? 1;
    const key = (item) => {
      const filter = term(item);
      const text = item.ips ? item.ips.join(" \u2194 ") : String(item.key);
      return filter ? el("button", { type: "button", class: "link addr", title: `show flows: ${filter}`, click: () => this.showFlows(filter) }, text) : el("span", { class: "addr" }, text);
    };
    const rows = answer.items.map((item) => [{ in: key(item) }, { in: gauge(item.value / largest), class: "meter" }, value(item.value), share(item.share)]);
    const missing = this.kind === "prefixes" ? "No prefixes were given: --top-prefixes names them." : "Nothing yet.";
    fill($("top"), rows.length > 0 ? table([[TITLES[this.kind]], [""], [by, true], ["Share", true]], rows, `Top ${this.kind} by ${by}`) : el("p", { class: "empty" }, missing));
    const distinct = answer.distinct ? `about ${int(answer.distinct.hosts)} hosts in all` : "";
    const exact = answer.exact ? "exact" : `each at most ${value(answer.error)} too high`;
    const untold = answer.not_counted.live_bytes;
    const later = untold > 0 ? `${bytes(untold)} of smaller live flows count when they end` : "";
    say($("top-hint"), rows.length > 0 ? [exact, distinct, `others ${value(Math.max(0, answer.other))}`, later].filter(Boolean).join(" \u00b7 ") : "");
  }
}
