// Everything that the page knows: what handsets say now and what the collector's API knows from before. Pure.

import { isSaid } from "./messages.js";
import { Names } from "./names.js";

/** @typedef {import("./messages.js").Message} Message */
/** @typedef {import("./messages.js").Answer} Answer */
/** @typedef {import("./messages.js").CallRecord} CallRecord */
/**
 * @typedef {{
 *   key: string, fleet: string, device: string, state: import("./messages.js").Said | "unknown",
 *   since: number | null, live: boolean, consent: Consent | null,
 * }} Device since: milliseconds, null where nobody saw the change; live: it said so since this page listens.
 * @typedef {{purposes: Answer[], policy: string, intact: boolean, requests: import("./messages.js").Request[]}} Consent
 * @typedef {CallRecord & {key: string, fleet: string, device: string, startedAt: number}} Call
 * @typedef {{
 *   fleet: string, device: string, number: number, epoch: number | null, kind: string, due: string, objected: boolean,
 *   standing: "open" | "overdue" | "closed", first_seen_at: string | null, closed_at: string | null,
 * }} RightsRequest
 * @typedef {{
 *   fleet: string, device: string, epoch: number, seq: number, reason: string, cancelled: boolean,
 *   standing: string, received_at: string, done_at: string | null, deleted: number,
 * }} Erasure
 * @typedef {{
 *   fleet: string, message: string, kind: string | null, name: string | null, published_at: string | null,
 *   devices: number, codes: {code: string, devices: number}[], last_received_at: string | null,
 * }} Outcome
 * @typedef {{
 *   fleet: string, device: string, topic: string, reason: string, count: number,
 *   first_received_at: string, last_received_at: string,
 * }} Quarantined
 * @typedef {{hour: number, answered: number, other: number}} Hour
 * @typedef {{result: string, direction: string, calls: number}} Result
 * @typedef {{purpose: string, granted: number, refused: number, not_asked: number}} Coverage
 * @typedef {"devices" | "calls" | "hours" | "results" | "consents" | "requests" | "erasures" | "outcomes" |
 *   "quarantine" | "names"} Area
 */

export const HOUR_MS = 3_600_000;
const SYNC = "cdr_sync";

/** Calls that are kept in memory at most; older ones are asked for again when somebody wants them. */
export const MAX_CALLS = 5_000;

/** What names a handset. @param {{fleet: string, device: string}} row */
export const keyOf = (row) => `${row.fleet}/${row.device}`;

/** What names what a handset has said. @param {{fleet: string, device: string, epoch: number, seq: number}} row */
export const numberOf = (row) => `${keyOf(row)}/${row.epoch}/${row.seq}`;

/** A call as it is kept here. @param {CallRecord & {fleet: string, device: string}} row @returns {Call} */
export const callOf = (row) => ({ ...row, key: numberOf(row), startedAt: Date.parse(row.started_at) });

export class Store {
  constructor() {
    /** @type {Map<string, Device>} */
    this.devices = new Map();
    /** Grows whenever a handset comes or goes, so that nobody sorts them in vain. */
    this.roster = 0;
    /** @type {Map<string, Call>} */
    this.calls = new Map();
    /** @type {Map<string, import("./messages.js").Range[]>} what may not come back, by handset. */
    this.erased = new Map();
    /** @type {Set<string>} handsets whose holders have gone; only a new holder's answers bring one back. */
    this.gone = new Set();
    /** @type {Set<string>} handsets of which the API says so, whatever else it still tells of them. */
    this.retired = new Set();
    /** @type {Map<string, RightsRequest>} as the API has them. */
    this.known = new Map();
    /** @type {Map<string, Erasure>} */
    this.erasures = new Map();
    /** @type {Map<string, Outcome>} */
    this.outcomes = new Map();
    /** @type {Map<string, {about: string, name: string, at: string}>} */
    this.publications = new Map();
    /** @type {Quarantined[]} */
    this.quarantine = [];
    this.names = new Names();
    /** The fleet that hours and results are of, "" for all. */
    this.scope = "";
    /** @type {Map<number, Hour>} */
    this.hours = new Map();
    /** @type {Map<string, Result>} */
    this.results = new Map();
    /** @type {{reporting: number, broken: number, rows: Coverage[]} | null} as the API has it. */
    this.coverage = null;
    /** @type {Set<Area>} what has changed since somebody last looked. */
    this.dirty = new Set();
    /** @type {Set<Area>} what the API should be asked for again, since a message says that it has more. */
    this.stale = new Set();
  }

  /**
   * Take in one message.
   * @param {Message} message
   * @param {number} now milliseconds
   */
  take(message, now) {
    switch (message.kind) {
      case "status":
        return this.#status(message, now);
      case "consent":
        return this.#consent(message);
      case "no-consent":
        return this.#noConsent(keyOf(message));
      case "calls":
        return this.#calls(message, now);
      case "erasure":
        return this.#erasure(message, now);
      case "outcome":
        return void this.stale.add("outcomes");
      case "publication":
        this.publications.set(`${message.fleet}/${message.message}`, message);
        this.dirty.add("outcomes");
    }
  }

  /** Nobody tells what handsets say: from now on the API knows more about who is online. */
  nothingLive() {
    for (const device of this.devices.values()) device.live = false;
  }

  /**
   * The handset that something is about; a new one where it is not known.
   * @param {{fleet: string, device: string}} about
   */
  #device({ fleet, device: name }) {
    const key = keyOf({ fleet, device: name });
    const known = this.devices.get(key);
    if (known !== undefined) return known;
    /** @type {Device} */
    const device = { key, fleet, device: name, state: "unknown", since: null, live: false, consent: null };
    this.devices.set(key, device);
    this.roster += 1;
    this.dirty.add("devices");
    return device;
  }

  /** @param {string} key */
  #forget(key) {
    this.devices.delete(key);
    this.roster += 1;
    this.dirty.add("devices");
  }

  /** @param {Extract<Message, {kind: "status"}>} message @param {number} now */
  #status(message, now) {
    if (this.gone.has(keyOf(message))) return;
    const device = this.#device(message);
    device.live = true;
    if (device.state === message.state) return;
    // A retained word is about a change that nobody here saw, unless it contradicts what was known.
    device.since = message.retained && device.state === "unknown" ? null : now;
    device.state = message.state;
    this.dirty.add("devices");
  }

  /** @param {Extract<Message, {kind: "consent"}>} message */
  #consent(message) {
    this.gone.delete(keyOf(message));
    const device = this.#device(message);
    const { purposes, policy, intact, requests } = message;
    device.consent = { purposes, policy, intact, requests };
    this.dirty.add("devices").add("consents").add("requests");
    if (!mayShowCalls(device)) this.#dropCalls((call) => keyOf(call) === device.key);
  }

  /** @param {string} key */
  #noConsent(key) {
    const device = this.devices.get(key);
    if (!device?.consent) return;
    device.consent = null;
    this.dirty.add("devices").add("consents").add("requests");
  }

  /** @param {Extract<Message, {kind: "calls"}>} message @param {number} now */
  #calls(message, now) {
    if (this.gone.has(keyOf(message))) return;
    const device = this.#device(message);
    for (const record of message.records) {
      const call = this.#add(device, record);
      if (call === null) continue;
      this.stale.add("hours").add("results");
      // Sums grow only where the API has told their beginning.
      if (this.hours.size === 0 || call.startedAt > now || (this.scope !== "" && this.scope !== call.fleet)) continue;
      const hour = Math.floor(call.startedAt / HOUR_MS) * HOUR_MS;
      const bucket = this.hours.get(hour) ?? { hour, answered: 0, other: 0 };
      bucket[call.answered_at === null ? "other" : "answered"] += 1;
      const kind = `${call.result}/${call.direction}`;
      const result = this.results.get(kind) ?? { result: call.result, direction: call.direction, calls: 0 };
      result.calls += 1;
      this.hours.set(hour, bucket);
      this.results.set(kind, result);
      this.dirty.add("hours").add("results");
    }
    this.#trim();
  }

  /**
   * @param {Device} device
   * @param {CallRecord} record
   * @returns {Call | null} null where it is known already, or may not be shown.
   */
  #add(device, record) {
    const call = callOf({ ...record, fleet: device.fleet, device: device.device });
    if (this.calls.has(call.key) || !mayShowCalls(device) || this.#isErased(call)) return null;
    this.calls.set(call.key, call);
    this.dirty.add("calls");
    return call;
  }

  #trim() {
    if (this.calls.size <= MAX_CALLS * 1.2) return;
    const newest = [...this.calls.values()].sort((one, other) => other.startedAt - one.startedAt).slice(0, MAX_CALLS);
    this.calls = new Map(newest.map((call) => [call.key, call]));
    this.dirty.add("calls");
  }

  /** @param {{fleet: string, device: string, epoch: number, seq: number}} row */
  #isErased(row) {
    const ranges = this.erased.get(keyOf(row)) ?? [];
    return ranges.some((one) => one.epoch === row.epoch && one.first <= row.seq && row.seq <= one.last);
  }

  /** @param {(call: Call) => boolean} isGone */
  #dropCalls(isGone) {
    for (const [key, call] of this.calls) {
      if (isGone(call)) {
        this.calls.delete(key);
        this.dirty.add("calls");
      }
    }
    this.stale.add("hours").add("results");
  }

  /** @param {Extract<Message, {kind: "erasure"}>} message @param {number} now */
  #erasure(message, now) {
    const { fleet, device, epoch, seq, reason, cancelled } = message;
    const key = keyOf(message);
    this.erased.set(key, [...(this.erased.get(key) ?? []), ...message.ranges]);
    this.#dropCalls((call) => keyOf(call) === key && (cancelled || this.#isErased(call)));
    if (cancelled) {
      this.gone.add(key);
      this.#forget(key);
      for (const [number, request] of this.known) if (keyOf(request) === key) this.known.delete(number);
      this.dirty.add("consents").add("requests");
    }
    if (!this.erasures.has(numberOf(message))) {
      const waiting = { standing: "outstanding", received_at: new Date(now).toISOString(), done_at: null, deleted: 0 };
      this.erasures.set(numberOf(message), { fleet, device, epoch, seq, reason, cancelled, ...waiting });
    }
    this.dirty.add("erasures");
    this.stale.add("erasures");
  }

  /**
   * Take in all handsets as the API knows them; what was said live stands.
   * @param {{fleet: string, device: string, state: string, state_since: string}[]} rows
   */
  loadDevices(rows) {
    for (const row of rows) {
      const key = keyOf(row);
      if (this.gone.has(key)) continue;
      this.retired.delete(key);
      if (row.state === "retired") {
        this.retired.add(key);
        if (this.devices.get(key)?.live === false) this.#forget(key);
        continue;
      }
      const state = isSaid(row.state) ? row.state : "unknown";
      const device = this.#device(row);
      if (device.live && device.state !== state) continue;
      device.state = state;
      device.since = Date.parse(row.state_since);
    }
    this.dirty.add("devices");
  }

  /**
   * Add calls from before.
   * @param {(CallRecord & {fleet: string, device: string})[]} rows
   */
  loadCalls(rows) {
    for (const row of rows) if (this.maySee(row)) this.#add(this.#device(row), row);
    this.dirty.add("calls");
  }

  /**
   * Whether a call that the API tells of may be shown, by all that has come since.
   * @param {{fleet: string, device: string, epoch: number, seq: number}} row
   */
  maySee(row) {
    const key = keyOf(row);
    const device = this.devices.get(key);
    if (this.gone.has(key) || (this.retired.has(key) && device === undefined)) return false;
    return (device === undefined || mayShowCalls(device)) && !this.#isErased(row);
  }

  /** @param {{hour: string, calls: number, answered: number}[]} rows */
  loadHours(rows) {
    this.hours = new Map(
      rows.map((row) => {
        const hour = Date.parse(row.hour);
        return [hour, { hour, answered: row.answered, other: row.calls - row.answered }];
      }),
    );
    this.dirty.add("hours");
  }

  /** @param {Result[]} rows */
  loadResults(rows) {
    this.results = new Map(rows.map((row) => [`${row.result}/${row.direction}`, { ...row }]));
    this.dirty.add("results");
  }

  /** @param {{reporting: number, ledgers_broken: number, rows: Coverage[]}} answer */
  loadCoverage(answer) {
    this.coverage = { reporting: answer.reporting, broken: answer.ledgers_broken, rows: answer.rows };
    this.dirty.add("consents");
  }

  /** @param {RightsRequest[]} rows */
  loadRequests(rows) {
    this.known = new Map(rows.map((row) => [`${keyOf(row)}/${row.number}`, row]));
    this.dirty.add("requests");
  }

  /** @param {Erasure[]} rows */
  loadErasures(rows) {
    // One that came a moment ago may not be there yet.
    const waiting = [...this.erasures].filter(([, one]) => one.standing === "outstanding");
    this.erasures = new Map(waiting);
    for (const row of rows) this.erasures.set(numberOf(row), row);
    this.dirty.add("erasures");
  }

  /** @param {Outcome[]} rows */
  loadOutcomes(rows) {
    this.outcomes = new Map(rows.map((row) => [`${row.fleet}/${row.message}`, row]));
    this.dirty.add("outcomes");
  }

  /** @param {Parameters<Names["load"]>[0]} answer */
  loadNames(answer) {
    if (!this.names.load(answer)) return;
    // They stand in every list of handsets.
    this.dirty.add("names").add("devices").add("calls").add("requests").add("erasures").add("quarantine");
  }

  /** @param {Quarantined[]} rows */
  loadQuarantine(rows) {
    this.quarantine = rows;
    this.dirty.add("quarantine");
  }
}

/**
 * Whether a handset's calls may be shown: not where its holder has said no.
 * @param {Device} device
 */
export function mayShowCalls(device) {
  if (device.consent === null) return true;
  return device.consent.intact && device.consent.purposes.some((one) => one.purpose === SYNC && one.granted);
}
