// The page once somebody has logged in: ties what comes in to what is seen.

import { auditView } from "./audit.js";
import { callsView } from "./calls.js";
import { noteFiles } from "./csv.js";
import { DevicePanel } from "./device.js";
import { announce, byId, el } from "./dom.js";
import { FilterBar } from "./filters.js";
import { count, today } from "./format.js";
import { Header } from "./header.js";
import { ALL, History } from "./history.js";
import { Live } from "./live.js";
import { read } from "./messages.js";
import { ordersView } from "./orders.js";
import { overview } from "./overview.js";
import { rightsView } from "./rights.js";
import { devicesShown, everything, requestsShown } from "./selection.js";
import { listenForKeys, shortcutList } from "./shortcuts.js";
import { keyOf, Store } from "./store.js";
import { onSystemTheme, switchTheme } from "./theme.js";
import { whyView } from "./why.js";
import { say } from "./words.js";

/** @typedef {import("./store.js").Area} Area */
/**
 * @typedef {{root: HTMLElement, draw: (areas: Set<Area>) => void, fast?: () => void, recolour?: () => void}} View
 *   fast: what follows the handsets' states in every frame.
 */

const VIEWS = /** @type {const} */ ({
  overview, calls: callsView, why: whyView, rights: rightsView, orders: ordersView, audit: auditView,
});
/** @typedef {keyof typeof VIEWS} ViewName */

/** Those that somebody may see. @param {import("./session.js").Session} session */
const namesFor = (session) =>
  /** @type {ViewName[]} */ (Object.keys(VIEWS)).filter((name) => name !== "audit" || session.audits);

/** How often tables and charts are drawn at most: nobody reads faster. */
const SLOW_MS = 250;
/** How often sums are: they are looked at, and their charts cost more than anything else. */
const SUMS_MS = 1_000;
/** @type {Area[]} */
const SUMS = ["hours", "results"];
/** Durations on the page grow though no message comes. */
const AGEING_MS = 20_000;
/** A page that nobody sees gets no frames, and keeps up by this. */
const HIDDEN_MS = 1_000;

export class Dashboard {
  /**
   * @param {HTMLElement} page
   * @param {import("./session.js").Session} session
   * @param {{languages: string[], time_zone: string}} about
   * @param {() => void} switchLanguage
   */
  constructor(page, session, about, switchLanguage) {
    this.page = page;
    this.session = session;
    this.about = about;
    this.store = new Store();
    this.filter = everything();
    /** @type {import("./map.js").Grouping} */
    this.grouping = "fleet";
    this.withClosed = false;
    this.isPaused = false;
    this.wasLost = false;
    this.lostAt = Date.now();
    this.isLoaded = false;
    /** @type {import("./live.js").Raw[]} */
    this.queue = [];
    /** @type {Set<Area>} */
    this.pending = new Set();
    this.frame = 0;
    this.fallback = 0;
    this.drawnAt = 0;
    this.summedAt = 0;
    this.slowTimer = 0;
    this.names = namesFor(session);
    /** @type {ViewName} */
    this.viewName = this.#viewOfAddress();
    /** @type {View | undefined} */
    this.view = undefined;
    /** @type {Set<string>} handsets with a request that is late. */
    this.late = new Set();
    this.switchLanguage = () => {
      switchLanguage();
      // What was said last, or is about to be, is in the other one.
      announce("");
      this.build();
      byId("language").focus();
    };
    this.history = new History(session, this.store, () => this.filter, {
      loaded: () => {
        this.isLoaded = true;
        this.schedule();
      },
      gone: () => this.header?.draw(),
      ended: () => this.leave("#ended"),
      isLive: () => this.live.state === "on",
    });
    this.live = new Live(session, {
      message: (raw) => {
        this.queue.push(raw);
        this.schedule();
      },
      anew: () => {
        this.store.nothingLive();
        // What was said meanwhile, nobody said here.
        if (this.live.state === "on") void this.history.load(ALL);
      },
      state: (state) => this.#liveChanged(state),
      ended: () => this.leave("#ended"),
    });
  }

  start() {
    this.build();
    noteFiles((what) => this.session.noteFile(what, this.filter.fleet));
    addEventListener("hashchange", () => this.show(this.#viewOfAddress()));
    listenForKeys(this);
    onSystemTheme(() => this.view?.recolour?.());
    setInterval(() => this.invalidate(["devices", "requests"]), AGEING_MS);
    this.live.start();
    void this.history.start();
  }

  // --- what is seen -------------------------------------------------------------------------------------------------

  /** Make everything anew, in the language that is spoken now. */
  build() {
    const open = this.panel?.key ?? "";
    this.header = new Header(this, this.names);
    this.keys = shortcutList(this);
    this.filters = new FilterBar(
      this.filter,
      this.filters?.search.value ?? "",
      (change) => this.setFilter(change),
      () => this.clearFilter(),
    );
    this.content = el("main", { id: "content", tabindex: "-1" });
    this.panel = new DevicePanel(this, () => this.closeDevice());
    this.page.replaceChildren(
      this.header.root,
      this.filters.root,
      this.header.banner,
      el("div", { class: "body" }, this.content, this.panel.root),
      this.keys,
    );
    this.show(this.viewName);
    this.header.draw();
    if (open) this.openDevice(open, false);
  }

  /** @param {ViewName} name */
  show(name) {
    this.viewName = name;
    this.header?.mark(name);
    const view = VIEWS[name](this);
    this.view = view;
    this.content?.replaceChildren(view.root);
    if (this.filters) this.filters.period.hidden = name === "rights" || name === "orders";
    for (const area of ALL) this.pending.add(area);
    this.draw(true);
  }

  /** @returns {ViewName} */
  #viewOfAddress() {
    const name = location.hash.slice(1);
    return this.names.find((one) => one === name) ?? "overview";
  }

  // --- filters ------------------------------------------------------------------------------------------------------

  /** @param {Partial<import("./selection.js").Filter>} change */
  setFilter(change) {
    const before = this.filter;
    this.filter = { ...before, ...change };
    if (this.filter.fleet !== before.fleet || this.filter.hours !== before.hours) {
      this.store.scope = this.filter.fleet;
      void this.history.load(ALL);
    }
    this.filters?.draw(this.store, this.filter);
    for (const area of ALL) this.pending.add(area);
    this.draw(true);
    if (this.viewName === "overview") {
      announce(say("said.shown", { count: count(devicesShown(this.store, this.filter).length) }), 800);
    }
  }

  clearFilter() {
    if (this.filters) this.filters.search.value = "";
    this.setFilter({ ...everything(), hours: this.filter.hours });
    this.filters?.search.focus();
  }

  // --- frames -------------------------------------------------------------------------------------------------------

  /** Take in what has come, and draw it, in the next frame. */
  schedule() {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => this.#tick());
    this.fallback = setTimeout(() => this.#tick(), HIDDEN_MS);
  }

  #tick() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.fallback);
    this.frame = 0;
    const now = Date.now();
    const queue = this.queue;
    this.queue = [];
    for (const { topic, payload, retained } of queue) {
      const message = read(topic, payload, retained);
      if (message !== null) this.store.take(message, now);
    }
    this.history.soon(this.store.stale);
    this.store.stale.clear();
    this.draw();
  }

  /** Have this drawn again. @param {Area[]} areas */
  invalidate(areas) {
    for (const area of areas) this.pending.add(area);
    this.schedule();
  }

  /** @param {boolean} isAsked somebody has just done something, and looks: also while the page is paused. */
  draw(isAsked = false) {
    for (const area of this.store.dirty) this.pending.add(area);
    this.store.dirty.clear();
    if (this.pending.size === 0 || (this.isPaused && !isAsked)) return;
    if (this.pending.has("requests") || this.pending.has("consents")) this.#findLate();
    if (this.pending.has("devices")) this.view?.fast?.();
    const areas = isAsked ? this.pending : this.#due(Date.now());
    if (areas.size === 0) return;
    this.pending = new Set([...this.pending].filter((area) => !areas.has(area)));
    if (areas.has("devices")) this.filters?.draw(this.store, this.filter);
    this.view?.draw(areas);
    this.panel?.draw(areas);
  }

  /** What is to be drawn now; what is left comes later, and sums in a frame of their own. @param {number} now */
  #due(now) {
    const sums = SUMS.filter((area) => this.pending.has(area));
    const rest = [...this.pending].filter((area) => !SUMS.includes(area));
    const restIn = rest.length > 0 ? this.drawnAt + SLOW_MS - now : Infinity;
    const sumsIn = sums.length > 0 ? this.summedAt + SUMS_MS - now : Infinity;
    if (restIn <= 0) {
      this.drawnAt = now;
      if (sumsIn < Infinity) this.#again(sumsIn);
      return new Set(rest);
    }
    if (sumsIn <= 0) {
      this.summedAt = now;
      if (restIn < Infinity) this.#again(restIn);
      return new Set(sums);
    }
    this.#again(Math.min(restIn, sumsIn));
    return new Set();
  }

  /** Look again in a while. @param {number} ms */
  #again(ms) {
    clearTimeout(this.slowTimer);
    this.slowTimer = setTimeout(() => this.schedule(), Math.max(0, ms));
  }

  #findLate() {
    this.late = new Set(
      this.requests({ ...everything() })
        .filter((request) => request.standing === "overdue")
        .map(keyOf),
    );
  }

  /** Requests by this filter, on the day that it is where they are due. @param {import("./selection.js").Filter} filter */
  requests(filter = this.filter) {
    return requestsShown(this.store, filter, this.today());
  }

  today() {
    return today(this.about.time_zone);
  }

  // --- how it stands ------------------------------------------------------------------------------------------------

  /** @param {import("./live.js").LiveState} state */
  #liveChanged(state) {
    if (state === "on") {
      if (this.wasLost) {
        announce(say("said.back"));
        void this.history.load(ALL);
      }
      this.wasLost = false;
    } else if (state === "lost" && !this.wasLost) {
      this.wasLost = true;
      this.lostAt = Date.now();
      this.store.nothingLive();
      announce(say("said.lost"));
    }
    this.header?.draw();
  }

  pause() {
    this.isPaused = !this.isPaused;
    this.header?.draw();
    announce(this.isPaused ? say("paused") : "");
    this.draw(!this.isPaused);
  }

  theme() {
    switchTheme();
    this.view?.recolour?.();
  }

  help() {
    if (!this.keys?.open) this.keys?.showModal();
  }

  // --- one handset --------------------------------------------------------------------------------------------------

  /** @param {string} key @param {boolean} takesFocus */
  openDevice(key, takesFocus = true) {
    this.opener = document.activeElement;
    this.panel?.open(key, takesFocus);
    this.view?.fast?.();
  }

  closeDevice() {
    this.panel?.close();
    this.view?.fast?.();
    if (this.opener instanceof HTMLElement && this.opener.isConnected) this.opener.focus();
    else this.content?.focus();
  }

  // --- leaving ------------------------------------------------------------------------------------------------------

  async logOut() {
    this.live.stop();
    await this.session.logOut();
    this.leave("");
  }

  /** Forget everything: a page that is loaded anew remembers nothing. @param {string} reason for main.js. */
  leave(reason) {
    history.replaceState(null, "", `${location.pathname}${reason}`);
    location.reload();
  }
}
