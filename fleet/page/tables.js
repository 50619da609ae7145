// Tables whose rows keep their place in the document while they change, sorted by a column's heading.

import { csvOf, save } from "./csv.js";
import { announce, el, setText } from "./dom.js";
import { count } from "./format.js";
import { Names } from "./names.js";
import { say } from "./words.js";

/**
 * @typedef {string | {text: string, class?: string, device?: string, title?: string}} Cell
 *   device: opens that handset.
 */
/**
 * @template Row
 * @typedef {{
 *   name: string, cell: (row: Row, names: Names) => Cell, sort?: ((row: Row) => string | number) | null,
 *   number?: boolean, wide?: boolean,
 * }} Column sort: what it is sorted by, null where it is not; where that is left out, by the words in its cells. wide:
 *   left out on narrow screens.
 */

/** @typedef {import("./names.js").OfDevice} OfDevice */

/** The fleet that a row is of. @type {Column<{fleet: string}>} */
export const FLEET = { name: "fleet", wide: true, cell: (row) => row.fleet };

/** The handset that a row is of; of what no handset can have sent nobody knows the sender. @type {Column<OfDevice>} */
export const DEVICE = {
  name: "device",
  cell: (row, names) =>
    row.device === "" ? "–" : { text: names.wordsOf(row), device: `${row.fleet}/${row.device}` },
  sort: (row) => row.device,
};

/** Rows at first. */
const STEP = 100;
/** Likewise, of a list that grows at its top by itself: where calls pour in, all of them are made anew each time. */
const LIVE_STEP = 30;
const MORE = 500;

/** @template Row */
export class Table {
  /**
   * @param {{
   *   name: string, columns: Column<Row>[], key: (row: Row) => string, file: string[],
   *   names?: Names, rows?: () => Promise<Record<string, any>[]>, mayStay?: (row: Row) => boolean,
   * }} about file: the columns of its CSV file; names: what handsets are called; rows: what goes into it, where that is more than what is shown;
   *   mayStay: for a list that grows at its top by itself, which stands still while somebody is reading it: whether a
   *   row may still be seen.
   * @param {(key: string) => void} open shows a handset.
   */
  constructor(about, open) {
    this.about = about;
    this.names = about.names ?? new Names();
    const title = say(`${about.name}.title`);
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Row[]} what there would be if nobody were reading. */
    this.latest = [];
    /** @type {Set<string> | null} what there was when somebody began to read. */
    this.read = null;
    /** Whether the list's beginning is further up than what is seen of the page. */
    this.isBelow = false;
    this.limit = about.mayStay ? LIVE_STEP : STEP;
    /** @type {{column: Column<Row>, up: boolean} | null} null: the order in which the rows came. */
    this.order = null;
    /** @type {Map<string, {row: HTMLElement, words: string}>} */
    this.drawn = new Map();
    this.body = el("tbody");
    this.heads = about.columns.map((column) => this.#head(column));
    this.empty = el("p", { class: "empty" }, say(`${about.name}.none`));
    this.tally = el("p", { class: "note" });
    this.more = el("button", { type: "button", class: "plain", onclick: () => this.#showMore() }, say("more"));
    this.download = el("button", { type: "button", class: "plain csv", onclick: () => void this.#save() }, say("csv"));
    this.table = el(
      "table",
      {},
      el("caption", { class: "unseen" }, title),
      el("thead", {}, el("tr", {}, ...this.heads)),
      this.body,
    );
    this.scroll = el("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, this.table);
    this.foot = el("div", { class: "foot" }, this.tally, this.more, this.download);
    this.newer = el("button", { type: "button", class: "newer", hidden: true, onclick: () => this.#toTop() });
    this.root = el("div", { class: `table ${about.name}` }, this.newer, this.scroll, this.empty, this.foot);
    this.body.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button?.dataset.device) open(button.dataset.device);
    });
    if (about.mayStay) this.#noticeReaders();
  }

  /** Go on as soon as nobody reads any more. */
  #noticeReaders() {
    const look = () => {
      if (this.read !== null && !this.#isRead()) this.draw(this.latest);
    };
    this.body.addEventListener("pointerleave", look);
    this.body.addEventListener("focusout", () => setTimeout(look));
    new IntersectionObserver(([head]) => {
      this.isBelow = !head.isIntersecting && head.boundingClientRect.bottom < innerHeight / 2;
      look();
    }).observe(this.table.querySelector("thead") ?? this.table);
  }

  /** Whether somebody is among the rows: with the pointer, with the focus, or further down. */
  #isRead() {
    return this.isBelow || this.body.matches(":hover, :focus-within");
  }

  #toTop() {
    this.scroll.focus({ preventScroll: true });
    this.root.parentElement?.scrollIntoView();
    this.follow();
  }

  /** Show this, whoever reads. @param {Row[]} rows */
  follow(rows = this.latest) {
    this.read = null;
    this.latest = this.rows = rows;
    this.#show();
  }

  /** @param {Column<Row>} column */
  #head(column) {
    const label = say(`col.${column.name}`);
    const arrow = el("span", { class: "arrow", "aria-hidden": "true" });
    const inside =
      column.sort === null ? label : el("button", { type: "button", onclick: () => this.#sort(column) }, label, arrow);
    return el("th", { scope: "col", class: classes(column) }, inside);
  }

  /** @param {Column<Row>} column */
  #sort(column) {
    if (this.order?.column !== column) this.order = { column, up: true };
    else this.order = this.order.up ? { column, up: false } : null;
    for (const [index, head] of this.heads.entries()) {
      const isThis = this.about.columns[index] === this.order?.column;
      if (isThis) head.setAttribute("aria-sort", this.order?.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    this.follow();
  }

  #showMore() {
    const next = this.limit;
    this.limit += MORE;
    this.#show();
    // The button may have gone: the reader goes on with the first row that is new.
    const row = this.body.children[next];
    if (row instanceof HTMLElement) {
      row.tabIndex = -1;
      row.focus();
    }
  }

  /** @param {Row[]} rows */
  draw(rows) {
    this.latest = rows;
    const { mayStay, key } = this.about;
    if (mayStay && this.rows.length > 0 && this.#isRead()) {
      this.read ??= new Set(this.rows.map(key));
      this.rows = this.rows.filter(mayStay);
    } else {
      this.read = null;
      this.rows = rows;
    }
    this.#show();
  }

  #show() {
    const { rows, read } = this;
    const newer = read === null ? 0 : this.latest.filter((row) => !read.has(this.about.key(row))).length;
    this.newer.hidden = newer === 0;
    setText(this.newer, say("newer", { count: count(newer) }));
    const shown = this.#sorted().slice(0, this.limit);
    /** @type {Map<string, {row: HTMLElement, words: string}>} */
    const drawn = new Map();
    const elements = shown.map((row) => {
      const key = this.about.key(row);
      const cells = this.about.columns.map((column) => column.cell(row, this.names));
      const words = JSON.stringify(cells);
      const known = this.drawn.get(key);
      const each = known?.words === words ? known : { row: this.#row(cells), words };
      drawn.set(key, each);
      return each.row;
    });
    this.drawn = drawn;
    replace(this.body, elements);
    this.scroll.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.foot.hidden = rows.length === 0;
    this.more.hidden = rows.length <= this.limit;
    setText(this.tally, say("calls.count", { shown: count(shown.length), count: count(rows.length) }));
  }

  #sorted() {
    if (this.order === null) return this.rows;
    const { column, up } = this.order;
    const sort = column.sort ?? ((/** @type {Row} */ row) => wordsOf(column.cell(row, this.names)));
    const sign = up ? 1 : -1;
    return [...this.rows].sort((one, other) => {
      const [left, right] = [sort(one), sort(other)];
      return sign * (left < right ? -1 : left > right ? 1 : 0);
    });
  }

  /** @param {Cell[]} cells */
  #row(cells) {
    return el(
      "tr",
      {},
      ...cells.map((cell, index) => {
        const { text, class: more = "", device, title } = typeof cell === "string" ? { text: cell } : cell;
        const inside =
          device === undefined ? text : el("button", { type: "button", class: "link", "data-device": device }, text);
        return el("td", { class: `${classes(this.about.columns[index])} ${more}`.trim(), title }, inside);
      }),
    );
  }

  async #save() {
    const { about } = this;
    this.download.setAttribute("aria-busy", "true");
    try {
      const rows = about.rows ? await about.rows() : /** @type {Record<string, any>[]} */ (this.rows);
      await save(`${about.name}.csv`, csvOf(about.file, rows));
      announce(say("said.saved", { count: count(rows.length) }));
    } catch {
      announce(say("csv.failed"));
      this.tally.textContent = say("csv.failed");
    } finally {
      this.download.removeAttribute("aria-busy");
      setText(this.download, say("csv"));
    }
  }

  /** Say how far a long file is. @param {number} rows */
  progress(rows) {
    setText(this.download, say("csv.busy", { count: count(rows) }));
  }
}

/** @param {Cell} cell */
const wordsOf = (cell) => (typeof cell === "string" ? cell : cell.text);

/** @param {Column<any> | undefined} column */
const classes = (column) => [column?.number ? "number" : "", column?.wide ? "wide" : ""].join(" ").trim();

/**
 * Put these children into an element, and leave those alone that are where they belong: they keep the focus.
 * @param {Element} parent
 * @param {Element[]} wanted
 */
function replace(parent, wanted) {
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let at = parent.firstElementChild;
  for (const child of wanted) {
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}
