// Every handset as a tile: where it is by colour and by sign, in a grid that arrow keys move in.

import { el, setText } from "./dom.js";
import { count, duration } from "./format.js";
import { byPlace, stateCounts } from "./selection.js";
import { say } from "./words.js";

/** @typedef {import("./store.js").Device} Device */
/** @typedef {"fleet" | "place" | "state"} Grouping */

/** Tiles that are drawn at most. */
const MOST = 5_000;
/** In the order of their groups. */
const STATES = ["offline", "no_line", "unknown", "online"];

export class FleetMap {
  /**
   * @param {import("./names.js").Names} names
   * @param {(key: string) => void} open
   */
  constructor(names, open) {
    this.names = names;
    this.open = open;
    /** @type {Map<string, HTMLElement>} */
    this.tiles = new Map();
    /** @type {Map<string, Device>} what each tile stands for. */
    this.devices = new Map();
    this.current = "";
    this.selected = "";
    this.order = "";
    const about = { "aria-label": say("map.title"), "aria-describedby": "map-help" };
    this.grid = el("div", { class: "grid", role: "listbox", ...about });
    this.tip = el("div", { class: "tip", hidden: true, "aria-hidden": "true" });
    this.rest = el("p", { class: "note", hidden: true });
    this.empty = el("p", { class: "empty", hidden: true });
    this.root = el("div", { class: "map" }, this.grid, this.empty, this.rest, this.tip);
    this.grid.addEventListener("click", (event) => this.#choose(event.target));
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.grid.addEventListener("focusin", (event) => this.#focused(event.target));
    this.grid.addEventListener("focusout", () => this.#hideTip());
    this.grid.addEventListener("pointerover", (event) => this.#showTip(event.target));
    this.grid.addEventListener("pointerleave", () => this.#hideTip());
  }

  /**
   * Draw what changed; tiles move only where the handsets that are shown, or their order, are others.
   * @param {Device[]} shown in the order of the fleets.
   * @param {Grouping} grouping
   * @param {Set<string>} late handsets with a request that is late.
   * @param {boolean} isFiltered
   */
  draw(shown, grouping, late, isFiltered) {
    const byState = grouping === "state";
    const drawn = (grouping === "place" ? byPlace(shown, this.names) : shown).slice(0, MOST);
    const groups = Map.groupBy(drawn, (device) => {
      if (byState) return device.state;
      return grouping === "place" ? this.names.placeOf(device) : device.fleet;
    });
    const names = byState ? STATES.filter((name) => groups.has(name)) : [...groups.keys()];
    const order = `${grouping} ${names.map((name) => `${name}:${(groups.get(name) ?? []).map((one) => one.key).join()}`).join(";")}`;
    for (const device of drawn) this.#drawTile(device, late.has(device.key));
    if (order !== this.order) {
      this.order = order;
      this.#lay(names, groups, grouping, new Set(drawn.map((device) => device.key)));
    }
    for (const [index, name] of names.entries()) {
      const heading = this.grid.children[index].querySelector(".group-counts");
      if (heading) setText(heading, countsOf(groups.get(name) ?? [], byState));
    }
    this.empty.hidden = drawn.length > 0;
    setText(this.empty, say(isFiltered ? "map.no-match" : "map.none"));
    this.rest.hidden = shown.length <= MOST;
    setText(this.rest, say("map.rest", { count: count(shown.length - drawn.length) }));
  }

  /**
   * @param {string[]} names
   * @param {Map<string, Device[]>} groups
   * @param {Grouping} grouping
   * @param {Set<string>} keys
   */
  #lay(names, groups, grouping, keys) {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
    for (const key of [...this.tiles.keys()].filter((key) => !keys.has(key))) {
      this.tiles.delete(key);
      this.devices.delete(key);
    }
    this.grid.replaceChildren(
      ...names.map((name) => {
        const label = grouping === "state" ? say(`state.${name}`) : name || say("map.no-place");
        const tiles = (groups.get(name) ?? []).map((device) => /** @type {HTMLElement} */ (this.tiles.get(device.key)));
        const head = [el("span", { class: "group-name" }, label), el("span", { class: "group-counts" })];
        return el(
          "div",
          { class: "group", role: "group", "aria-label": label },
          el("div", { class: "group-head", "aria-hidden": "true" }, ...head),
          el("div", { class: "tiles", role: "presentation" }, ...tiles),
        );
      }),
    );
    if (!this.tiles.has(this.current)) this.current = groups.get(names[0] ?? "")?.[0]?.key ?? "";
    for (const [key, tile] of this.tiles) tile.tabIndex = key === this.current ? 0 : -1;
    if (focused) this.tiles.get(focused)?.focus({ preventScroll: true });
  }

  /** @param {Device} device @param {boolean} isLate */
  #drawTile(device, isLate) {
    let tile = this.tiles.get(device.key);
    if (tile === undefined) {
      const about = { tabindex: "-1", "data-key": device.key, "aria-selected": "false" };
      tile = el("div", { class: "tile", role: "option", ...about });
      this.tiles.set(device.key, tile);
    }
    this.devices.set(device.key, device);
    const words = this.names.wordsOf(device);
    const { dataset } = tile;
    if (dataset.state === device.state && (dataset.late === "yes") === isLate && dataset.words === words) return;
    tile.dataset.state = device.state;
    tile.dataset.words = words;
    tile.dataset.late = isLate ? "yes" : "no";
    const values = { device: words, state: say(`state.${device.state}`) };
    tile.setAttribute("aria-label", say(isLate ? "map.tile-late" : "map.tile", values));
  }

  /** Mark the handset whose details are open, "" for none. @param {string} key */
  select(key) {
    this.tiles.get(this.selected)?.setAttribute("aria-selected", "false");
    this.tiles.get(key)?.setAttribute("aria-selected", "true");
    this.selected = key;
  }

  /** Bring the focus back to where it was in the grid. */
  focus() {
    this.tiles.get(this.current)?.focus();
  }

  /** @param {EventTarget | null} target @returns {HTMLElement | null} */
  #tileOf(target) {
    return target instanceof Element ? target.closest(".tile") : null;
  }

  /** @param {EventTarget | null} target */
  #choose(target) {
    const key = this.#tileOf(target)?.dataset.key;
    if (key === undefined) return;
    this.#move(key);
    this.open(key);
  }

  /** @param {string} key */
  #move(key) {
    const from = this.tiles.get(this.current);
    const to = this.tiles.get(key);
    if (from) from.tabIndex = -1;
    this.current = key;
    if (to) {
      to.tabIndex = 0;
      to.focus();
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const tile = this.#tileOf(event.target);
    if (tile === null || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#choose(tile);
      return;
    }
    if (event.key === "Escape" && !this.tip.hidden) this.#hideTip();
    const tiles = /** @type {HTMLElement[]} */ ([...this.grid.querySelectorAll(".tile")]);
    const next = neighbour(tiles, tiles.indexOf(tile), event.key);
    if (next === null) return;
    event.preventDefault();
    this.#move(next.dataset.key ?? "");
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    const tile = this.#tileOf(target);
    if (tile?.dataset.key && tile.matches(":focus-visible")) this.#showTip(tile);
  }

  /** @param {EventTarget | null} target */
  #showTip(target) {
    const tile = this.#tileOf(target);
    const device = tile?.dataset.key ? this.devices.get(tile.dataset.key) : undefined;
    if (tile === null || device === undefined) {
      this.#hideTip();
      return;
    }
    const lasting = device.since === null ? "" : ` · ${duration(Date.now() - device.since)}`;
    const late = tile.dataset.late === "yes" ? ` · ${say("map.late")}` : "";
    this.tip.replaceChildren(
      el("strong", {}, this.names.wordsOf(device)),
      el("span", {}, `${this.names.placeOf(device) || device.fleet} · ${say(`state.${device.state}`)}${lasting}${late}`),
    );
    this.tip.hidden = false;
    const place = this.root.getBoundingClientRect();
    const at = tile.getBoundingClientRect();
    const left = Math.min(
      Math.max(0, at.left - place.left - this.tip.offsetWidth / 2 + at.width / 2),
      Math.max(0, place.width - this.tip.offsetWidth),
    );
    this.tip.style.setProperty("left", `${left}px`);
    this.tip.style.setProperty("top", `${at.top - place.top - this.tip.offsetHeight - 6}px`);
  }

  #hideTip() {
    this.tip.hidden = true;
  }
}

/** @param {Device[]} devices @param {boolean} byState */
function countsOf(devices, byState) {
  if (byState) return count(devices.length);
  const counts = stateCounts(devices);
  const wrong = /** @type {const} */ (["offline", "no_line"]).filter((state) => counts[state] > 0);
  const words = wrong.map((state) => `${count(counts[state])} ${say(`state.${state}`).toLowerCase()}`);
  return [count(devices.length), ...words].join(" · ");
}

/**
 * The tile that an arrow key leads to: above and below by where they are on the screen.
 * @param {HTMLElement[]} tiles
 * @param {number} index
 * @param {string} key
 * @returns {HTMLElement | null}
 */
function neighbour(tiles, index, key) {
  switch (key) {
    case "ArrowRight":
      return tiles[index + 1] ?? null;
    case "ArrowLeft":
      return tiles[index - 1] ?? null;
    case "Home":
      return tiles[0] ?? null;
    case "End":
      return tiles.at(-1) ?? null;
    case "ArrowDown":
    case "ArrowUp": {
      const step = key === "ArrowDown" ? 1 : -1;
      const from = tiles[index].getBoundingClientRect();
      let row = null;
      let best = null;
      let least = Infinity;
      for (let at = index + step; at >= 0 && at < tiles.length; at += step) {
        const place = tiles[at].getBoundingClientRect();
        if (Math.abs(place.top - from.top) < 1) continue;
        row ??= place.top;
        if (Math.abs(place.top - row) >= 1) break;
        const distance = Math.abs(place.left - from.left);
        if (distance < least) {
          least = distance;
          best = tiles[at];
        }
      }
      return best;
    }
    default:
      return null;
  }
}
