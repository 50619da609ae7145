// The page once somebody has logged in: ties what comes in to what is seen.

import { announce } from "./announce.js";
import { callsView } from "./calls.js";
import { DevicePanel } from "./device.js";
import { byId, el, setText } from "./dom.js";
import { clock, count, today } from "./format.js";
import { ALL, History } from "./history.js";
import { Live } from "./live.js";
import { read } from "./messages.js";
import { ordersView } from "./orders.js";
import { overview } from "./overview.js";
import { rightsView } from "./rights.js";
import { devicesShown, everything, fleetsOf, requestsShown } from "./selection.js";
import { listenForKeys, shortcutList } from "./shortcuts.js";
import { Store } from "./store.js";
import { onSystemTheme, switchTheme } from "./theme.js";
import { say } from "./words.js";

/** @typedef {import("./store.js").Area} Area */
/**
 * @typedef {{root: HTMLElement, draw: (areas: Set<Area>) => void, fast?: () => void, recolour?: () => void}} View
 *   fast: what follows the handsets' states in every frame.
 */

const VIEWS = /** @type {const} */ ({ overview, calls: callsView, rights: rightsView, orders: ordersView });
/** @typedef {keyof typeof VIEWS} ViewName */
const NAMES = /** @type {ViewName[]} */ (Object.keys(VIEWS));
const PERIODS = [24, 168, 720];

/** How often tables and charts are drawn at most: nobody reads faster. */
const SLOW_MS = 250;
/** Durations on the page grow though no message comes. */
const AGEING_MS = 20_000;
/** A page that nobody sees gets no frames, and keeps up by this. */
const HIDDEN_MS = 1_000;
/** How long a log-in of our own may take. */
const OWN_LOGIN_MS = 15_000;
/** The search waits for whoever types. */
const TYPING_MS = 120;

export class Dashboard {
  /**
   * @param {HTMLElement} page
   * @param {import("./session.js").Session} session
   * @param {{websocket: string | null, languages: string[], time_zone: string}} about
   * @param {() => void} switchLanguage
   */
  constructor(page, session, about, switchLanguage) {
    this.page = page;
    this.session = session;
    this.about = about;
    this.store = new Store();
    this.filter = everything();
    this.byState = false;
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
    this.slowTimer = 0;
    /** @type {ViewName} */
    this.viewName = this.#viewOfAddress();
    /** @type {View | undefined} */
    this.view = undefined;
    /** @type {Set<string>} handsets with a request that is late. */
    this.late = new Set();
    this.switchLanguage = () => {
      switchLanguage();
      this.build();
      byId("language").focus();
    };
    this.history = new History(session, this.store, () => this.filter, {
      loaded: () => {
        this.isLoaded = true;
        this.schedule();
      },
      gone: () => this.drawStanding(),
      ended: () => this.leave("#ended"),
      isLive: () => this.live.state === "on",
    });
    this.live = new Live(about.websocket, () => session.credentials, {
      message: (raw) => {
        this.queue.push(raw);
        this.schedule();
      },
      state: (state) => this.#liveChanged(state),
    });
  }

  start() {
    this.build();
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
    this.nav = el("nav", { "aria-label": say("title") },
      ...NAMES.map((name) => el("a", { href: `#${name}`, "data-view": name }, say(`view.${name}`))));
    this.badge = el("span", { class: "badge", id: "standing" });
    this.pauseButton = el("button", { type: "button", class: "plain", id: "pause", onclick: () => this.pause() });
    this.keys = shortcutList(this);
    const header = el("header", { class: "top" },
      el("a", { class: "skip", href: "#content", onclick: this.#skip }, say("skip")),
      el("span", { class: "brand" }, say("brand"), " ", el("span", {}, say("title"))),
      this.nav,
      el("div", { class: "tools" },
        this.badge,
        this.pauseButton,
        el("button", { type: "button", class: "plain", id: "theme", "aria-label": say("theme"), title: say("theme"), onclick: () => this.theme() },
          el("span", { "aria-hidden": "true" }, "◐")),
        this.about.languages.length > 1 &&
          el("button", { type: "button", class: "plain", id: "language", onclick: () => this.switchLanguage() }, say("language")),
        el("button", { type: "button", class: "plain", id: "keys", "aria-label": say("shortcuts"), title: say("shortcuts"), onclick: () => this.help() }, "?"),
        el("button", { type: "button", class: "plain", id: "logout", onclick: () => void this.#logOut() }, say("logout"))));
    this.banner = el("div", { class: "banner", hidden: true });
    this.content = el("main", { id: "content", tabindex: "-1" });
    this.panel = new DevicePanel(this, () => this.closeDevice());
    this.page.replaceChildren(header, this.#filters(), this.banner, el("div", { class: "body" }, this.content, this.panel.root), this.keys);
    this.show(this.viewName);
    this.drawStanding();
    this.#drawPause();
    if (open) this.openDevice(open, false);
  }

  #filters() {
    let typing = 0;
    const typed = this.search?.value ?? this.filter.query;
    this.search = /** @type {HTMLInputElement} */ (el("input", {
      id: "search", type: "search", placeholder: say("search.hint"), "aria-label": say("search"), autocomplete: "off", spellcheck: "false",
      oninput: () => {
        clearTimeout(typing);
        typing = setTimeout(() => this.setFilter({ query: this.search?.value.trim() ?? "" }), TYPING_MS);
      },
    }));
    this.search.value = typed;
    this.fleets = /** @type {HTMLSelectElement} */ (el("select", {
      id: "fleet", "aria-label": say("fleet"), onchange: () => this.setFilter({ fleet: this.fleets?.value ?? "" }),
    }));
    this.period = /** @type {HTMLSelectElement} */ (el("select", {
      id: "period", "aria-label": say("range"), onchange: () => this.setFilter({ hours: Number(this.period?.value) }),
    }, ...PERIODS.map((hours) => el("option", { value: String(hours) }, say(`range.${hours}`)))));
    this.period.value = String(this.filter.hours);
    this.clear = /** @type {HTMLButtonElement} */ (el("button", { type: "button", class: "plain", id: "clear", onclick: () => this.clearFilter() }, say("clear")));
    this.#drawFilters();
    return el("search", { class: "filters" }, this.search, this.fleets, this.period, this.clear);
  }

  #drawFilters() {
    const { filter, fleets, clear } = this;
    if (!fleets || !clear) return;
    const names = ["", ...fleetsOf(this.store)];
    if (filter.fleet && !names.includes(filter.fleet)) names.push(filter.fleet);
    if (names.length !== fleets.options.length || names.some((name, index) => fleets.options[index].value !== name)) {
      fleets.replaceChildren(...names.map((name) => el("option", { value: name }, name || say("fleet.all"))));
    }
    fleets.value = filter.fleet;
    clear.hidden = filter.fleet === "" && filter.query === "" && filter.states.size === 0 && filter.result === "";
  }

  /** @param {ViewName} name */
  show(name) {
    this.viewName = name;
    for (const link of this.nav?.children ?? []) {
      if (link instanceof HTMLElement && link.dataset.view === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const view = VIEWS[name](this);
    this.view = view;
    this.content?.replaceChildren(view.root);
    if (this.period) this.period.hidden = name === "rights" || name === "orders";
    for (const area of ALL) this.pending.add(area);
    this.draw(true);
  }

  /** @returns {ViewName} */
  #viewOfAddress() {
    const name = location.hash.slice(1);
    return NAMES.find((one) => one === name) ?? "overview";
  }

  /** @param {Event} event */
  #skip = (event) => {
    event.preventDefault();
    this.content?.focus();
  };

  // --- filters ------------------------------------------------------------------------------------------------------

  /** @param {Partial<import("./selection.js").Filter>} change */
  setFilter(change) {
    const before = this.filter;
    this.filter = { ...before, ...change };
    if (this.filter.fleet !== before.fleet || this.filter.hours !== before.hours) {
      this.store.scope = this.filter.fleet;
      void this.history.load(ALL);
    }
    this.#drawFilters();
    for (const area of ALL) this.pending.add(area);
    this.draw(true);
    if (this.viewName === "overview") {
      announce(say("said.shown", { count: count(devicesShown(this.store, this.filter).length) }), 800);
    }
  }

  clearFilter() {
    if (this.search) this.search.value = "";
    this.setFilter({ ...everything(), hours: this.filter.hours });
    this.search?.focus();
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
      if (message === null) continue;
      // The broker's list may be wider than the collector's.
      if (this.session.fleets === null || this.session.fleets.includes(message.fleet)) this.store.take(message, now);
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
    this.store.changed.clear();
    if (this.pending.size === 0 || (this.isPaused && !isAsked)) return;
    if (this.pending.has("requests") || this.pending.has("consents")) this.#findLate();
    if (this.pending.has("devices")) this.view?.fast?.();
    const since = Date.now() - this.drawnAt;
    if (since < SLOW_MS && !isAsked) {
      if (this.slowTimer === 0) {
        this.slowTimer = setTimeout(() => {
          this.slowTimer = 0;
          this.schedule();
        }, SLOW_MS - since);
      }
      return;
    }
    this.drawnAt = Date.now();
    const areas = this.pending;
    this.pending = new Set();
    if (areas.has("devices")) this.#drawFilters();
    this.view?.draw(areas);
    this.panel?.draw(areas);
  }

  #findLate() {
    this.late = new Set(
      this.requests({ ...everything() })
        .filter((request) => request.standing === "overdue")
        .map((request) => `${request.fleet}/${request.device}`),
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
    if (state === "refused") {
      this.leave("#refused");
      return;
    }
    if (state === "taken" && Date.now() - this.session.renewedAt < OWN_LOGIN_MS) {
      // It was the collector, which asked the broker for us.
      this.live.takeBack();
      return;
    }
    if (state === "on") {
      if (this.wasLost) {
        announce(say("said.back"));
        // What was said meanwhile, nobody said here.
        void this.history.load(ALL);
      }
      this.wasLost = false;
    } else if ((state === "lost" || state === "taken") && !this.wasLost) {
      this.wasLost = true;
      this.lostAt = Date.now();
      this.store.brokerLost();
      announce(say("said.lost"));
    }
    this.drawStanding();
  }

  /** Say whether broker and collector answer, and since when not. */
  drawStanding() {
    const { badge, banner, live, history } = this;
    if (!badge || !banner) return;
    const state = this.wasLost && live.state === "connecting" ? "lost" : live.state;
    const isLost = state === "lost" || state === "taken";
    badge.dataset.state = state;
    setText(badge, say(`live.${isLost ? "lost" : state}`));
    banner.hidden = !isLost && !history.gone;
    if (live.state === "taken") {
      banner.replaceChildren(say("banner.taken"), " ",
        el("button", { type: "button", class: "plain", onclick: () => live.takeBack() }, say("banner.take")));
      return;
    }
    const kind = isLost && history.gone ? "both" : isLost ? "broker" : "api";
    setText(banner, say(`banner.${kind}`, { time: clock(kind === "api" ? history.asOf : this.lostAt) }));
  }

  pause() {
    this.isPaused = !this.isPaused;
    this.#drawPause();
    announce(this.isPaused ? say("paused") : "");
    this.draw(!this.isPaused);
  }

  #drawPause() {
    if (!this.pauseButton) return;
    setText(this.pauseButton, say(this.isPaused ? "resume" : "pause"));
    this.pauseButton.setAttribute("aria-pressed", String(this.isPaused));
  }

  theme() {
    switchTheme();
    this.view?.recolour?.();
  }

  help() {
    if (this.keys instanceof HTMLDialogElement && !this.keys.open) this.keys.showModal();
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

  async #logOut() {
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
