// What was before this page was opened, from the collector's API: asked for at the beginning, now and then, and when a
// message says that there is more.

import { Refusal } from "./session.js";
import { HOUR_MS } from "./store.js";

/** @typedef {import("./store.js").Area} Area */

const EVERY_MS = 30_000;
/** How long after a message the collector is given to have written it. */
const SOON_MS = 700;
/** How often the API is asked for one thing at most, however many messages come. */
const SPARING_MS = 5_000;

/**
 * Where the API tells of each area but the handsets, with how many rows at most, and who takes it in; isOfPeriod: it is
 * asked for the period that is looked at.
 * @typedef {import("./store.js").Store} Store
 * @typedef {{path: string, limit?: number, isOfPeriod?: boolean, load: (store: Store, answer: any) => void}} Route
 * @type {Record<Exclude<Area, "devices">, Route>}
 */
const ROUTES = {
  calls: { path: "calls", isOfPeriod: true, limit: 500, load: (store, { rows }) => store.loadCalls(rows) },
  hours: { path: "calls/hourly", isOfPeriod: true, load: (store, { rows }) => store.loadHours(rows) },
  results: { path: "calls/results", isOfPeriod: true, load: (store, { rows }) => store.loadResults(rows) },
  consents: { path: "consents/coverage", load: (store, answer) => store.loadCoverage(answer) },
  requests: { path: "requests", limit: 5000, load: (store, { rows }) => store.loadRequests(rows) },
  erasures: { path: "erasures", limit: 500, load: (store, { rows }) => store.loadErasures(rows) },
  outcomes: { path: "outcomes", limit: 500, load: (store, { rows }) => store.loadOutcomes(rows) },
  names: { path: "names", load: (store, answer) => store.loadNames(answer) },
  quarantine: { path: "quarantine", limit: 1000, load: (store, { rows }) => store.loadQuarantine(rows) },
};

export const ALL = /** @type {Area[]} */ (["devices", ...Object.keys(ROUTES)]);

/** What handsets do not tell by themselves. @type {Area[]} */
const SUMS = ALL.filter((area) => area !== "devices" && area !== "calls");

export class History {
  /**
   * @param {import("./session.js").Session} session
   * @param {import("./store.js").Store} store
   * @param {() => import("./selection.js").Filter} filter
   * @param {{loaded: () => void, gone: (gone: boolean) => void, ended: () => void, isLive: () => boolean}} on
   */
  constructor(session, store, filter, on) {
    this.session = session;
    this.store = store;
    this.filter = filter;
    this.on = on;
    /** Whether the API did not answer when it was asked last. */
    this.gone = false;
    /** When it last did, milliseconds. */
    this.asOf = Date.now();
    /** Where older calls go on, null where there are none. @type {string | null} */
    this.older = null;
    /** @type {Map<Area, number>} when each was asked for last. */
    this.asked = new Map();
    /** @type {Set<Area>} */
    this.wanted = new Set();
    this.timer = 0;
  }

  /** Ask for everything, and go on doing so. */
  async start() {
    await this.load(ALL);
    setInterval(() => {
      if (!document.hidden) void this.load(this.on.isLive() ? SUMS : ALL);
    }, EVERY_MS);
  }

  /** Ask for this soon, since a message says that it has changed. @param {Iterable<Area>} areas */
  soon(areas) {
    for (const area of areas) this.wanted.add(area);
    if (this.timer !== 0 || this.wanted.size === 0) return;
    const since = Math.max(...[...this.wanted].map((area) => this.asked.get(area) ?? 0));
    const wait = Math.max(SOON_MS, since + SPARING_MS - Date.now());
    this.timer = setTimeout(() => {
      this.timer = 0;
      const wanted = [...this.wanted];
      this.wanted.clear();
      void this.load(wanted);
    }, wait);
  }

  /** @param {Area[]} areas */
  async load(areas) {
    const now = Date.now();
    for (const area of areas) this.asked.set(area, now);
    const answers = await Promise.allSettled(areas.map((area) => this.#load(area)));
    const failures = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
    if (failures.some((failure) => failure.reason === "ended")) {
      this.on.ended();
      return;
    }
    const strange = failures.find((failure) => !(failure instanceof Refusal));
    if (strange) throw strange;
    const gone = failures.length > 0;
    if (!gone) this.asOf = Date.now();
    if (gone !== this.gone) {
      this.gone = gone;
      this.on.gone(gone);
    }
    this.on.loaded();
  }

  /** Load the calls that follow those that there are. */
  async loadOlder() {
    if (this.older === null) return;
    const page = await this.session.get("calls", { ...this.callsQuery(), limit: 500, after: this.older });
    this.older = page.next;
    this.store.loadCalls(page.rows);
    this.on.loaded();
  }

  /** What the API can filter of calls. */
  callsQuery() {
    return { ...this.#span(), fleet: this.filter().fleet };
  }

  #span() {
    // The hour that the period begins in counts as a whole.
    const from = Math.floor((Date.now() - this.filter().hours * HOUR_MS) / HOUR_MS) * HOUR_MS;
    return { from: new Date(from).toISOString() };
  }

  /** @param {Area} area */
  async #load(area) {
    const { session, store } = this;
    const { fleet, hours } = this.filter();
    if (area === "devices") {
      /** @type {any[]} */
      const devices = [];
      await session.all("devices", { fleet }, (rows) => devices.push(...rows));
      store.loadDevices(devices);
      return;
    }
    const { path, limit, isOfPeriod, load } = ROUTES[area];
    const answer = await session.get(path, { ...(isOfPeriod ? this.#span() : {}), fleet, limit });
    // An answer to what nobody asks any more is dropped.
    if (this.filter().fleet !== fleet || this.filter().hours !== hours) return;
    if (area === "calls") this.older = answer.next;
    load(store, answer);
  }
}
