// Calls per hour, drawn by uPlot, and bars of shares; both can be read as text too.

import uPlot from "./vendor/uplot.js";
import { el, setText } from "./dom.js";
import { count, dayAndHour } from "./format.js";
import { colour } from "./theme.js";
import { locale, say } from "./words.js";

/** @typedef {import("./store.js").Hour} Hour */
/** @typedef {(plot: any, ...about: any[]) => any} Reply to what uPlot asks about a plot. */

const HEIGHT_PX = 180;
const HOUR_S = 3_600;
const DAY_S = 86_400;
/** By how many calls one line of the grid is above the other. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000];

export class HourChart {
  constructor() {
    this.plot = el("div", { class: "plot", role: "img" });
    this.under = el("p", { class: "note" });
    this.body = el("tbody");
    const heads = ["hour", "answered", "other"].map((key) => el("th", { scope: "col" }, say(`hours.${key}`)));
    const scroll = el(
      "div",
      { class: "scroll short", tabindex: "0", role: "group", "aria-label": say("hours.title") },
      el("table", {}, el("thead", {}, el("tr", {}, ...heads)), this.body),
    );
    this.table = el("details", { class: "as-table" }, el("summary", {}, say("as-table")), scroll);
    const legend = ["answered", "other"].map((kind) => el("li", { class: `mark ${kind}` }, say(`hours.${kind}`)));
    const parts = [el("ul", { class: "legend" }, ...legend), this.plot, this.under, this.table];
    this.root = el("div", { class: "hours" }, ...parts);
    /** @type {Hour[]} */
    this.hours = [];
    this.sums = "";
    /** @type {any} */
    this.chart = null;
    this.table.addEventListener("toggle", () => this.#list());
    new ResizeObserver(() => this.#fit()).observe(this.plot);
  }

  /** @param {Hour[]} hours in their order. */
  draw(hours) {
    this.hours = hours;
    const calls = hours.reduce((sum, hour) => sum + hour.answered + hour.other, 0);
    const most = Math.max(0, ...hours.map((hour) => hour.answered + hour.other));
    this.sums = calls === 0 ? say("hours.none") : say("hours.figure", { calls: count(calls), most: count(most) });
    setText(this.under, this.sums);
    this.plot.setAttribute("aria-label", this.sums);
    if (this.chart === null) this.#make();
    else this.chart.setData(this.#data());
    this.#list();
  }

  /** Draw it anew in the colours that are in force now. */
  recolour() {
    this.chart?.destroy();
    this.chart = null;
    if (this.hours.length > 0) this.#make();
  }

  #data() {
    return [
      this.hours.map((hour) => hour.hour / 1000),
      this.hours.map((hour) => hour.answered + hour.other),
      this.hours.map((hour) => hour.answered),
    ];
  }

  #make() {
    const bars = uPlot.paths.bars({ size: [0.8, 36], align: 1 });
    const grid = { stroke: colour("--line"), width: 1 };
    const font = '12px system-ui, "Noto Sans", "Noto Sans SC", "Microsoft YaHei", sans-serif';
    const axis = { stroke: colour("--quiet"), font, ticks: { show: false } };
    const hour = new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" });
    const day = new Intl.DateTimeFormat(locale(), { month: "short", day: "numeric" });
    /** The last bar begins where the last hour does. @type {Reply} */
    const hours = (_plot, first, last) => [first, last + HOUR_S];
    /** @type {Reply} */
    const calls = (_plot, _least, most) => [0, Math.max(4, most * 1.08)];
    /** @type {Reply} */
    const times = (_plot, splits, _axis, _space, step) =>
      splits.map((/** @type {number} */ at) => (step >= DAY_S ? day : hour).format(at * 1000));
    /** @type {Reply} */
    const numbers = (_plot, splits) => splits.map(count);
    this.chart = new uPlot(
      {
        width: this.plot.clientWidth || 320,
        height: HEIGHT_PX,
        legend: { show: false },
        padding: [8, 18, 0, 0],
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { range: hours }, y: { range: calls } },
        axes: [
          { ...axis, grid: { show: false }, space: 56, size: 28, values: times },
          { ...axis, grid, size: widthOf, space: 32, incrs: STEPS, values: numbers },
        ],
        series: [
          {},
          { paths: bars, fill: colour("--missed"), width: 0, points: { show: false } },
          { paths: bars, fill: colour("--answered"), width: 0, points: { show: false } },
        ],
        hooks: { setCursor: [(/** @type {any} */ plot) => this.#point(plot.cursor.idx)] },
      },
      this.#data(),
      this.plot,
    );
  }

  /** Say in words what the pointer is at. @param {number | null | undefined} index */
  #point(index) {
    const hour = index === null || index === undefined ? undefined : this.hours[index];
    const words = (/** @type {Hour} */ { hour, answered, other }) =>
      `${dayAndHour(hour)}: ${count(answered)} ${say("hours.answered")}, ${count(other)} ${say("hours.other")}`;
    setText(this.under, hour === undefined ? this.sums : words(hour));
  }

  #fit() {
    const width = this.plot.clientWidth;
    if (this.chart !== null && width > 0 && width !== this.chart.width)
      this.chart.setSize({ width, height: HEIGHT_PX });
  }

  #list() {
    if (!this.table.open) return;
    const rows = this.hours.filter((hour) => hour.answered + hour.other > 0).reverse();
    this.body.replaceChildren(
      ...rows.map(({ hour, answered, other }) => {
        const numbers = [answered, other].map((number) => el("td", { class: "number" }, count(number)));
        return el("tr", {}, el("th", { scope: "row" }, dayAndHour(hour)), ...numbers);
      }),
    );
  }
}

/**
 * How wide an axis is that its longest number has room; to measure letters costs more than the picture.
 * @param {any} _plot
 * @param {string[] | null} values
 */
const widthOf = (_plot, values) => Math.max(40, 12 + 8 * Math.max(0, ...(values ?? []).map((words) => words.length)));

/**
 * A row of words, a bar and numbers for each part of a whole.
 * @param {{label: string, parts: {kind: string, words: string, value: number}[], total: number, words: string}[]} rows
 */
export function bars(rows) {
  const items = rows.map(({ label, parts, total, words }) => {
    const shown = parts.filter((part) => part.value > 0);
    const inside = shown.map(({ kind, words, value }) => {
      const width = `${(100 * value) / Math.max(1, total)}%`;
      return el("span", { class: `part ${kind}`, title: `${words}: ${count(value)}`, style: { width } });
    });
    return el(
      "li",
      {},
      el("span", { class: "bar-label" }, label),
      el("span", { class: "bar-value" }, words),
      el("span", { class: "bar", "aria-hidden": "true" }, ...inside),
    );
  });
  return el("ul", { class: "bars" }, ...items);
}
