// Times, durations and numbers as people write them where they are.

import { locale, say } from "./words.js";

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {Intl.DateTimeFormatOptions} options */
function format(options) {
  const key = locale() + JSON.stringify(options);
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  formats.set(key, known);
  return known;
}

/** A time of day, with its date unless that is today's. @param {number} time milliseconds */
export function moment(time, now = Date.now()) {
  const isToday = new Date(time).toDateString() === new Date(now).toDateString();
  return format(
    isToday
      ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
      : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" },
  ).format(time);
}

/** @param {number} time milliseconds */
export const clock = (time) => format({ hour: "2-digit", minute: "2-digit" }).format(time);

/** @param {number} time milliseconds */
export const dayAndHour = (time) =>
  format({ weekday: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(time);

/** @param {string} date as 2026-11-25 */
export const day = (date) => format({ month: "short", day: "numeric", timeZone: "UTC" }).format(Date.parse(date));

/** @param {number} value */
export const count = (value) => value.toLocaleString(locale());

/** @param {number} part @param {number} whole */
export const share = (part, whole) =>
  whole === 0 ? "–" : (part / whole).toLocaleString(locale(), { style: "percent", maximumFractionDigits: 0 });

/** How long something takes or has lasted, in its two largest units. @param {number} ms */
export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const parts = /** @type {const} */ ([
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ]);
  const first = parts.findIndex(([, size]) => s >= size);
  if (first < 0) return say("unit.s", { count: 0 });
  const [unit, size] = parts[first];
  const words = [say(`unit.${unit}`, { count: count(Math.floor(s / size)) })];
  const next = parts[first + 1];
  if (next !== undefined) {
    const rest = Math.floor((s % size) / next[1]);
    if (rest > 0) words.push(say(`unit.${next[0]}`, { count: rest }));
  }
  return words.join(" ");
}

/**
 * The date where the days begin by which requests are due.
 * @param {string} zone an IANA name
 */
export const today = (zone, now = Date.now()) =>
  new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(now);

/** How long until a date, or since. @param {string} due @param {string} from the date that it is now. */
export function dueWords(due, from) {
  const days = Math.round((Date.parse(due) - Date.parse(from)) / 86_400_000);
  if (days === 0) return say("due.today");
  return days > 0 ? say("due.in", { count: days }) : say("due.ago", { count: -days });
}
