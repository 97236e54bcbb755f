// Numbers as people read them: three digits that count, a thin space before the unit, thousands apart. Nothing here knows the page.

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T", "P", "E"];
const NONE = "\u2013";

/** 12345678 -> 12,345,678 */
export const int = (n) => (Number.isFinite(n) ? whole.format(n) : NONE);

/** Three significant digits: 0.123, 1.23, 12.3, 123. */
export function digits(n) {
  if (!Number.isFinite(n)) return NONE;
  const size = Math.abs(n);
  if (size === 0) return "0";
  if (size < 0.001) return "<0.001";
  return size >= 99.95 ? whole.format(n) : size >= 9.995 ? n.toFixed(1) : size >= 0.9995 ? n.toFixed(2) : n.toFixed(3);
}

/** A number with a decimal prefix, in two parts: [digits, prefix and unit]. Counts below 1000 stay whole. */
export function scaled(n, unit, counts = false) {
  if (!Number.isFinite(n)) return [NONE, ""];
  let power = 0;
  let value = n;
  while (Math.abs(value) >= 999.5 && power < PREFIXES.length - 1) {
    value /= 1000;
    power += 1;
  }
  const text = counts && power === 0 && Number.isInteger(value) ? whole.format(value) : digits(value);
  return [text, `${PREFIXES[power]}${unit}`];
}

const joined = ([value, unit]) => (unit ? `${value}\u202f${unit}` : value);

export const bytes = (n) => joined(scaled(n, "B", true));
export const bitRate = (n) => joined(scaled(n, "bit/s"));
export const rate = (n, what = "") => joined(scaled(n, what ? `\u202f${what}` : "")).replace("\u202f\u202f", "\u202f");
export const count = (n) => joined(scaled(n, "", true));

/** A ratio as a percentage. */
export function share(ratio) {
  if (!Number.isFinite(ratio)) return NONE;
  const percent = ratio * 100;
  if (percent > 0 && percent < 0.001) return "<0.001\u202f%";
  if (percent > 99.9 && percent < 100) return "99.9\u202f%";
  const text = percent === 0 || percent === 100 ? percent.toFixed(0) : percent >= 10 ? percent.toFixed(1) : percent >= 0.1 ? percent.toFixed(2) : percent.toFixed(3);
  return `${text}\u202f%`;
}

/** A span of time given in seconds. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds === 0) return "0\u202fs";
  if (seconds < 1e-6) return `${digits(seconds * 1e9)}\u202fns`;
  if (seconds < 1e-3) return `${digits(seconds * 1e6)}\u202f\u00b5s`;
  if (seconds < 0.9995) return `${digits(seconds * 1e3)}\u202fms`;
  if (seconds < 59.95) return `${digits(seconds)}\u202fs`;
  const all = Math.round(seconds);
  const [days, hours, minutes, rest] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  const two = (n) => String(n).padStart(2, "0");
  if (days > 0) return `${days}\u202fd\u00a0${hours}\u202fh`;
  if (hours > 0) return `${hours}\u202fh\u00a0${two(minutes)}\u202fmin`;
  return `${minutes}\u202fmin\u00a0${two(rest)}\u202fs`;
}

/** The time of day, 24 hours. */
export const clock = (date) => date.toLocaleTimeString("en-GB");

/** A UNIX time in nanoseconds as date and time of day, UTC. */
export function moment(ns) {
  const date = new Date(Number(ns) / 1e6);
  return Number.isNaN(date.getTime()) ? NONE : `${date.toISOString().replace("T", "\u00a0").slice(0, 23)}\u00a0UTC`;
}
