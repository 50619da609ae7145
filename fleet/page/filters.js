// What is chosen for all views: words, fleet, period.

import { button, choice, el } from "./dom.js";
import { zone } from "./format.js";
import { fleetsOf } from "./selection.js";
import { say } from "./words.js";

/** @typedef {import("./selection.js").Filter} Filter */

const PERIODS = [24, 168, 720];
/** The search waits for whoever types. */
const TYPING_MS = 120;

export class FilterBar {
  /**
   * @param {Filter} filter
   * @param {string} typed what stands in the search, which the filter may not have yet.
   * @param {(change: Partial<Filter>) => void} change
   * @param {() => void} clear
   */
  constructor(filter, typed, change, clear) {
    let typing = 0;
    this.search = el("input", {
      id: "search",
      type: "search",
      placeholder: say("search.hint"),
      "aria-label": say("search"),
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => {
        clearTimeout(typing);
        typing = setTimeout(() => change({ query: this.search.value.trim() }), TYPING_MS);
      },
    });
    this.search.value = typed;
    this.fleets = choice("fleet", say("fleet"), [], (fleet) => change({ fleet }));
    const periods = PERIODS.map((hours) => /** @type {[string, string]} */ ([String(hours), say(`range.${hours}`)]));
    this.period = choice("period", say("range"), periods, (hours) => change({ hours: Number(hours) }));
    this.period.value = String(filter.hours);
    const times = el("p", { class: "note zone" }, say("zone", { zone: zone() }));
    this.clear = button("clear", say("clear"), clear);
    this.root = el("search", { class: "filters" }, this.search, this.fleets, this.period, this.clear, times);
  }

  /** @param {import("./store.js").Store} store @param {Filter} filter */
  draw(store, filter) {
    const { options } = this.fleets;
    const names = ["", ...fleetsOf(store)];
    if (!names.includes(filter.fleet)) names.push(filter.fleet);
    if (names.length !== options.length || names.some((name, index) => options[index].value !== name)) {
      this.fleets.replaceChildren(...names.map((name) => el("option", { value: name }, name || say("fleet.all"))));
    }
    this.fleets.value = filter.fleet;
    this.clear.hidden = filter.fleet === "" && filter.query === "" && filter.states.size === 0 && filter.result === "";
  }
}
