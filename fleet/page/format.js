// Times, durations and numbers as people write them where they are.

import { locale, say } from "./words.js";

/**
 * Keep what is costly to make: one for each locale and way of writing.
 * @template Options, Made
 * @param {new (locale: string, options: Options) => Made} Format
 * @returns {(options: Options) => Made}
 */
function kept(Format) {
  /** @type {Map<string, Made>} */
  const made = new Map();
  return (options) => {
    const key = locale() + JSON.stringify(options);
    const known = made.get(key) ?? new Format(locale(), options);
    made.set(key, known);
    return known;
  };
}

/** @type {(options: Intl.DateTimeFormatOptions) => Intl.DateTimeFormat} */
const format = kept(Intl.DateTimeFormat);
/** @type {(options: Intl.NumberFormatOptions) => Intl.NumberFormat} */
const number = kept(Intl.NumberFormat);

/**
 * A time of day, with its date unless that is today's, and its year unless that is this one.
 * @param {number} time milliseconds
 */
export function moment(time, now = Date.now()) {
  const [then, today] = [new Date(time), new Date(now)];
  if (then.toDateString() === today.toDateString())
    return format({ hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(time);
  const year = then.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return format({ year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(time);
}

/** From when to when, without what is the same in both. @param {number} from @param {number} to milliseconds */
export const stretch = (from, to) =>
  format({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).formatRange(from, to);

/** @param {number} time milliseconds */
export const clock = (time) => format({ hour: "2-digit", minute: "2-digit" }).format(time);

/** @param {number} time milliseconds */
export const dayAndHour = (time) =>
  format({ weekday: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }).format(time);

/** A date, with its year unless that is this one. @param {string} date as 2026-11-25, "" where it is not known */
export const day = (date, now = Date.now()) =>
  date === ""
    ? "–"
    : format({
        year: Number(date.slice(0, 4)) === new Date(now).getFullYear() ? undefined : "numeric",
        month: "short",
        day: "numeric",
        timeZone: "UTC",
      }).format(Date.parse(date));

/** How far the times on this page are from UTC, as UTC+8. */
export function zone() {
  const parts = format({ timeZoneName: "shortOffset" }).formatToParts(Date.now());
  const offset = parts.find((part) => part.type === "timeZoneName")?.value ?? "";
  return offset.replace("GMT", "UTC").replace(/[+-]0$/, "");
}

/** @param {number} value */
export const count = (value) => number({}).format(value);

/** @param {number} part @param {number} whole */
export const share = (part, whole) =>
  whole === 0 ? "–" : number({ style: "percent", maximumFractionDigits: 0 }).format(part / whole);

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

/** How long until a date, or since; "" where it is not known yet. @param {string} due @param {string} from the date that it is now. */
export function dueWords(due, from) {
  if (due === "") return say("due.unknown");
  const days = Math.round((Date.parse(due) - Date.parse(from)) / 86_400_000);
  if (days === 0) return say("due.today");
  return days > 0 ? say("due.in", { count: count(days) }) : say("due.ago", { count: count(-days) });
}
