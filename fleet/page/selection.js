// What of all that is known is shown: filters, orders, sums. Pure.

import { folded, Names } from "./names.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./store.js").Device} Device */
/** @typedef {import("./store.js").Call} Call */
/** @typedef {import("./store.js").RightsRequest} RightsRequest */
/**
 * @typedef {{fleet: string, query: string, states: Set<string>, result: string, hours: number}} Filter
 *   fleet, result: "" for all; states: empty for all; hours: how far back calls go.
 */

/** @returns {Filter} */
export const everything = () => ({ fleet: "", query: "", states: new Set(), result: "", hours: 24 });

/** What people see of how calls end: three kinds, each with its own colour and word. */
const ANSWERED = new Set(["local_hangup", "remote_hangup", "transferred"]);
const MISSED = new Set(["cancelled", "no_answer", "busy", "rejected", "forwarded", "barred", "answered_elsewhere"]);

/** @param {string} result @returns {"answered" | "missed" | "failed"} */
export function kindOfResult(result) {
  if (ANSWERED.has(result)) return "answered";
  return MISSED.has(result) ? "missed" : "failed";
}

/** Open requests that a handset states at most. */
const MAX_STATED = 20;

const byName = new Intl.Collator("en", { numeric: true }).compare;

/**
 * What tells whether the filter leaves something that is of a handset.
 * @param {Filter} filter
 * @param {Names} names
 * @returns {(one: {fleet: string, device: string}) => boolean}
 */
function leftBy({ fleet, query }, names) {
  const wanted = folded(query);
  return (one) => (fleet === "" || one.fleet === fleet) && names.match(one, wanted);
}

/** @type {WeakMap<Store, {roster: number, devices: Device[]}>} */
const rosters = new WeakMap();

/** All handsets by fleet and name. @param {Store} store */
function roster(store) {
  let known = rosters.get(store);
  if (known?.roster !== store.roster) {
    const devices = [...store.devices.values()].sort(
      (one, other) => byName(one.fleet, other.fleet) || byName(one.device, other.device),
    );
    known = { roster: store.roster, devices };
    rosters.set(store, known);
  }
  return known.devices;
}

/**
 * Handsets that the filter leaves, its states aside: what the sums beside the map count.
 * @param {Store} store
 * @param {Filter} filter
 */
export const devicesOf = (store, filter) => roster(store).filter(leftBy(filter, store.names));

/**
 * Handsets that the map shows, by fleet and name.
 * @param {Store} store
 * @param {Filter} filter
 */
export const devicesShown = (store, filter) =>
  devicesOf(store, filter).filter((device) => filter.states.size === 0 || filter.states.has(device.state));

/**
 * @param {Device[]} devices
 * @returns {{online: number, no_line: number, offline: number, unknown: number}}
 */
export function stateCounts(devices) {
  const counts = { online: 0, no_line: 0, offline: 0, unknown: 0 };
  for (const device of devices) counts[device.state] += 1;
  return counts;
}

/** Those that are offline or have no line, longest first. @param {Device[]} devices */
export const longestNotOnline = (devices) =>
  devices
    .filter((device) => device.state === "offline" || device.state === "no_line")
    .sort((one, other) => (one.since ?? 0) - (other.since ?? 0) || byName(one.device, other.device));

/** @param {Store} store */
export const fleetsOf = (store) => [...new Set([...store.devices.values()].map((device) => device.fleet))].sort(byName);

/**
 * Handsets of the table that nobody has heard of yet, by place.
 * @param {Store} store
 * @param {Filter} filter
 */
export function neverHeard(store, filter) {
  const { names, devices } = store;
  const wanted = folded(filter.query);
  const heard = new Set([...devices.values()].map((device) => device.device));
  return names.rows
    .filter(({ fleet, device, heard: isHeard }) => {
      const isNew = fleet === null ? heard.has(device) : devices.has(`${fleet}/${device}`);
      const isLeft = filter.fleet === "" || fleet === filter.fleet;
      return !isHeard && !isNew && isLeft && names.match({ fleet: fleet ?? "", device }, wanted);
    })
    .sort((one, other) => byName(one.place, other.place) || byName(one.device, other.device));
}

/**
 * Handsets by place as people count, those without one last.
 * @param {Device[]} devices
 * @param {Names} names
 */
export const byPlace = (devices, names) =>
  [...devices].sort((one, other) => {
    const [place, otherPlace] = [names.placeOf(one), names.placeOf(other)];
    return Number(place === "") - Number(otherPlace === "") || byName(place, otherPlace);
  });

/** @param {Call} one @param {Call} other */
const newestFirst = (one, other) => other.startedAt - one.startedAt || (one.key < other.key ? 1 : -1);

/**
 * Calls that the filter leaves, the one that started last first.
 * @param {Iterable<Call>} calls
 * @param {Filter} filter
 * @param {number} now milliseconds
 */
export function callsShown(calls, filter, now, names = new Names()) {
  const from = now - filter.hours * 3_600_000;
  const query = folded(filter.query);
  return [...calls]
    .filter(
      (call) =>
        call.startedAt >= from &&
        (filter.fleet === "" || call.fleet === filter.fleet) &&
        (filter.result === "" || call.result === filter.result || kindOfResult(call.result) === filter.result) &&
        (names.match(call, query) || folded(call.number ?? "").includes(query)),
    )
    .sort(newestFirst);
}

/**
 * Requests of holders, the one that is due first first; what handsets say now goes before what the API says.
 * @param {Store} store
 * @param {Filter} filter
 * @param {string} today as 2026-11-25
 * @returns {RightsRequest[]}
 */
export function requestsShown(store, filter, today) {
  /** @type {RightsRequest[]} */
  const shown = [];
  const stated = new Set();
  for (const device of store.devices.values()) {
    for (const one of device.consent?.requests ?? []) {
      const key = `${device.key}/${one.number}`;
      stated.add(key);
      // A handset whose clock has not been right yet leaves it to the collector to count the days.
      const due = one.due ?? store.known.get(key)?.due ?? "";
      const standing = one.state === "overdue" || (due !== "" && due < today) ? "overdue" : "open";
      shown.push({
        fleet: device.fleet,
        device: device.device,
        number: one.number,
        epoch: one.epoch ?? null,
        kind: one.kind,
        due,
        objected: one.objected ?? false,
        standing,
        first_seen_at: store.known.get(key)?.first_seen_at ?? null,
        closed_at: null,
      });
    }
  }
  for (const [key, request] of store.known) {
    if (stated.has(key)) continue;
    const open = store.devices.get(`${request.fleet}/${request.device}`)?.consent?.requests;
    // A handset that says what is open, and not this one, has closed it.
    const isClosed = request.standing === "closed" || (open !== undefined && open.length < MAX_STATED);
    const standing = isClosed ? "closed" : request.due < today ? "overdue" : request.standing;
    shown.push({ ...request, standing });
  }
  return shown
    .filter(leftBy(filter, store.names))
    .sort((one, other) => order(one) - order(other) || byName(one.due, other.due) || byName(one.device, other.device));
}

/** @param {RightsRequest} request */
const order = (request) => (request.standing === "closed" ? 1 : 0);

/**
 * Yes, no and never asked by purpose: from what handsets say now where all of them have said it, else from the API.
 * @param {Store} store
 * @param {Filter} filter
 * @returns {{reporting: number, broken: number, rows: import("./store.js").Coverage[]}}
 */
export function coverage(store, filter) {
  const telling = devicesOf(store, { ...filter, query: "" }).filter((device) => device.consent !== null);
  if (store.coverage !== null && telling.length < store.coverage.reporting) return store.coverage;
  /** @type {Map<string, import("./store.js").Coverage>} */
  const rows = new Map();
  let broken = 0;
  for (const { consent } of telling) {
    if (consent === null) continue;
    if (!consent.intact) broken += 1;
    for (const one of consent.purposes) {
      const row = rows.get(one.purpose) ?? { purpose: one.purpose, granted: 0, refused: 0, not_asked: 0 };
      if (one.since === null) row.not_asked += 1;
      else if (one.granted && consent.intact) row.granted += 1;
      else row.refused += 1;
      rows.set(one.purpose, row);
    }
  }
  return { reporting: telling.length, broken, rows: [...rows.values()] };
}

/** @param {Store} store @param {Filter} filter */
export const erasuresShown = (store, filter) =>
  [...store.erasures.values()]
    .filter(leftBy(filter, store.names))
    .sort(
      (one, other) =>
        Number(one.standing === "done") - Number(other.standing === "done") ||
        byName(other.received_at, one.received_at),
    );

/**
 * Messages of the operator's with what became of them; those that nobody has answered yet too.
 * @param {Store} store
 * @param {Filter} filter
 * @returns {import("./store.js").Outcome[]}
 */
export function outcomesShown(store, filter) {
  const rows = new Map(store.outcomes);
  for (const [key, publication] of store.publications) {
    const [fleet, message] = key.split("/");
    const row = rows.get(key) ?? { fleet, message, devices: 0, codes: [], last_received_at: null };
    rows.set(key, { ...row, kind: publication.about, name: publication.name, published_at: publication.at });
  }
  return [...rows.values()]
    .filter((row) => filter.fleet === "" || row.fleet === filter.fleet)
    .sort((one, other) => byName(when(other), when(one)));
}

/** @param {import("./store.js").Outcome} outcome */
const when = (outcome) => outcome.published_at ?? outcome.last_received_at ?? "";

/** @param {Store} store @param {Filter} filter */
export const quarantineShown = (store, filter) =>
  store.quarantine.filter(leftBy(filter, store.names)).sort((one, other) => other.count - one.count);
