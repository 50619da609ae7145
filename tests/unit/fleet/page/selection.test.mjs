// Filters, orders and sums of what the page knows.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as selection from "../../../../fleet/page/selection.js";
import { Store } from "../../../../fleet/page/store.js";

const NOW = Date.parse("2026-03-10T12:30:00Z");
const TODAY = "2026-03-10";
const all = selection.everything();

function fleet() {
  const store = new Store();
  const row = (fleet, device, state, hours) => ({
    fleet,
    device,
    state,
    state_since: new Date(NOW - hours * 3_600_000).toISOString(),
  });
  store.loadDevices([
    row("south", "c-1", "offline", 5),
    row("north", "a-10", "online", 1),
    row("north", "a-2", "offline", 9),
    row("north", "b-1", "unknown", 2),
    row("south", "d-1", "no_line", 7),
  ]);
  return store;
}
const names = (devices) => devices.map((device) => device.device);
const call = (device, number, result, minutes) => ({
  key: `${device}/${minutes}`,
  fleet: "north",
  device,
  number,
  result,
  startedAt: NOW - minutes * 60_000,
});
const request = (device, number, due, standing = "open") => ({
  fleet: "north",
  device,
  number,
  kind: "copy",
  due,
  standing,
  first_seen_at: "2026-03-01T00:00:00Z",
  closed_at: null,
});

test("handsets stand by fleet, and by name as people count", () => {
  assert.deepEqual(names(selection.devicesShown(fleet(), all)), ["a-2", "a-10", "b-1", "c-1", "d-1"]);
});

test("fleet, search and state narrow what is shown", () => {
  const store = fleet();
  assert.deepEqual(names(selection.devicesShown(store, { ...all, fleet: "south" })), ["c-1", "d-1"]);
  assert.deepEqual(names(selection.devicesShown(store, { ...all, query: "A-" })), ["a-2", "a-10"]);
  assert.deepEqual(names(selection.devicesShown(store, { ...all, states: new Set(["offline", "unknown"]) })), [
    "a-2",
    "b-1",
    "c-1",
  ]);
});

test("sums by state leave the filter of states aside", () => {
  const devices = selection.devicesOf(fleet(), { ...all, states: new Set(["online"]) });
  assert.deepEqual(selection.stateCounts(devices), { online: 1, no_line: 1, offline: 2, unknown: 1 });
});

test("a handset that comes is in its place", () => {
  const store = fleet();
  selection.devicesShown(store, all);
  store.take({ kind: "status", fleet: "north", device: "a-3", state: "online", retained: false }, NOW);
  assert.deepEqual(names(selection.devicesShown(store, all)), ["a-2", "a-3", "a-10", "b-1", "c-1", "d-1"]);
});

function named(store) {
  const row = (fleet, device, label, place, heard = true) => ({ fleet, device, serial: "10a", label, place, heard });
  const rows = [
    row("north", "a-2", "Müller", "Room 12"),
    row("north", "a-10", "Meier", "Room 2"),
    row("south", "b-1", "Elsewhere", "Hall"),
    row("north", "n-2", "Huber", "Room 12", false),
    row(null, "n-1", "Ångström", "Cellar", false),
    row(null, "c-1", "Came since", "Room 12", false),
  ];
  store.loadNames({ rows, read_at: "2026-03-10T12:00:00Z", broken: false });
  return store;
}

test("a handset is found by its label, place and serial, whatever the case and without the signs on letters", () => {
  const store = named(fleet());
  const found = (query) => names(selection.devicesShown(store, { ...all, query }));
  assert.deepEqual(found("Müller"), ["a-2"]);
  assert.deepEqual(found("MULLER"), ["a-2"]);
  assert.deepEqual(found("mu\u0308ller"), ["a-2"]);
  assert.deepEqual(found("room 12"), ["a-2", "c-1"]);
  assert.deepEqual(found("10A"), ["a-2", "a-10", "c-1"]);
  assert.deepEqual(found("else"), [], "the same id in another fleet is another handset");
  const calls = [call("a-2", "1001", "busy", 1), call("x", "1002", "busy", 2)];
  const of = (query) => selection.callsShown(calls, { ...all, query }, NOW, store.names).map((one) => one.device);
  assert.deepEqual(of("müller"), ["a-2"]);
  assert.deepEqual(of("1002"), ["x"]);
  store.loadRequests([request("a-2", 1, TODAY), request("x", 2, TODAY)]);
  assert.deepEqual(names(selection.requestsShown(store, { ...all, query: "muller" }, TODAY)), ["a-2"]);
});

test("handsets stand by place as people count, and those without one last", () => {
  const store = named(fleet());
  assert.deepEqual(names(selection.byPlace(selection.devicesShown(store, all), store.names)), [
    "a-10",
    "a-2",
    "c-1",
    "b-1",
    "d-1",
  ]);
});

test("who stands in the table and was never heard of is told until a first word comes", () => {
  const store = named(fleet());
  const found = (change) => names(selection.neverHeard(store, { ...all, ...change }));
  assert.deepEqual(found({}), ["n-1", "n-2"]);
  assert.deepEqual(found({ query: "angstrom" }), ["n-1"]);
  assert.deepEqual(found({ fleet: "north" }), ["n-2"]);
  store.take({ kind: "status", fleet: "north", device: "n-2", state: "online", retained: false }, NOW);
  assert.deepEqual(found({}), ["n-1"]);
});

test("lists are drawn anew only where names have changed", () => {
  const store = named(new Store());
  assert.ok(store.dirty.has("calls") && store.dirty.has("devices"));
  store.dirty.clear();
  named(store);
  assert.equal(store.dirty.size, 0);
});

test("who is offline or without a line longest comes first", () => {
  assert.deepEqual(names(selection.longestNotOnline(selection.devicesOf(fleet(), all))), ["a-2", "d-1", "c-1"]);
});

test("calls are found by handset, by number as it stands, by result and by kind of result", () => {
  const calls = [
    call("a", "+8610", "busy", 5),
    call("b", null, "remote_hangup", 1),
    call("b", "1001", "network_lost", 3000),
  ];
  const found = (change) =>
    selection
      .callsShown(calls, { ...all, ...change }, NOW)
      .map((one) => one.startedAt - NOW)
      .map((ms) => -ms / 60_000);
  assert.deepEqual(found({}), [1, 5]);
  assert.deepEqual(found({ hours: 168 }), [1, 5, 3000]);
  assert.deepEqual(found({ query: "+86" }), [5]);
  assert.deepEqual(found({ query: "b" }), [1]);
  assert.deepEqual(found({ result: "busy" }), [5]);
  assert.deepEqual(found({ result: "answered" }), [1]);
  assert.deepEqual(found({ result: "failed", hours: 168 }), [3000]);
  assert.deepEqual(found({ fleet: "south" }), []);
});

test("a request is late once the day on which it was due has passed, whoever says so", () => {
  const store = fleet();
  store.loadRequests([request("x", 1, "2026-03-09"), request("x", 2, TODAY), request("x", 3, "2026-03-01", "closed")]);
  assert.deepEqual(
    selection.requestsShown(store, all, TODAY).map((one) => [one.number, one.standing]),
    [
      [1, "overdue"],
      [2, "open"],
      [3, "closed"],
    ],
  );
});

test("what a handset says of its requests now goes before what the API says", () => {
  const store = fleet();
  store.loadRequests([request("a-2", 1, "2026-03-12"), request("a-2", 2, "2026-03-12")]);
  const requests = [
    { number: 2, kind: "copy", due: "2026-03-12", state: "open" },
    { number: 3, kind: "erasure", due: "2026-03-05", state: "open" },
  ];
  store.take(
    { kind: "consent", fleet: "north", device: "a-2", purposes: [], policy: "1", intact: true, requests },
    NOW,
  );
  assert.deepEqual(
    selection.requestsShown(store, all, TODAY).map((one) => [one.number, one.standing, one.first_seen_at !== null]),
    [
      [3, "overdue", false],
      [2, "open", true],
      [1, "closed", true],
    ],
  );
});

test("a request without a day is due by what the collector counts, and is not late while nobody knows", () => {
  const store = fleet();
  const one = { number: 1, epoch: 4711, kind: "copy", due: null, state: "open", objected: true };
  const state = { kind: "consent", fleet: "north", device: "a-2", purposes: [], policy: "1", intact: true };
  store.take({ ...state, requests: [one] }, NOW);
  const shown = () =>
    selection.requestsShown(store, all, TODAY).map((each) => [each.due, each.standing, each.epoch, each.objected]);
  assert.deepEqual(shown(), [["", "open", 4711, true]]);
  store.loadRequests([request("a-2", 1, "2026-03-09")]);
  assert.deepEqual(shown(), [["2026-03-09", "overdue", 4711, true]]);
});

test("a handset that states as many requests as it can may have more", () => {
  const store = fleet();
  store.loadRequests([request("a-2", 99, "2026-04-12")]);
  const requests = Array.from({ length: 20 }, (_, number) => ({
    number,
    kind: "copy",
    due: "2026-03-12",
    state: "open",
  }));
  store.take(
    { kind: "consent", fleet: "north", device: "a-2", purposes: [], policy: "1", intact: true, requests },
    NOW,
  );
  assert.equal(selection.requestsShown(store, all, TODAY).find((one) => one.number === 99).standing, "open");
});

test("consent is counted from handsets once all have told it, and before that by the API", () => {
  const store = fleet();
  const row = { purpose: "cdr_sync", granted: 2, refused: 0, not_asked: 0 };
  store.loadCoverage({ reporting: 2, ledgers_broken: 0, rows: [row] });
  const tell = (device, granted, since, intact = true) =>
    store.take(
      {
        kind: "consent",
        fleet: "north",
        device,
        policy: "1",
        intact,
        requests: [],
        purposes: [{ purpose: "cdr_sync", granted, since }],
      },
      NOW,
    );
  tell("a-2", true, "2026-03-01T00:00:00.000Z", false);
  assert.deepEqual(selection.coverage(store, all).rows, [row]);
  tell("a-10", false, null);
  tell("b-1", true, "2026-03-01T00:00:00.000Z");
  assert.deepEqual(selection.coverage(store, all), {
    reporting: 3,
    broken: 1,
    rows: [{ purpose: "cdr_sync", granted: 1, refused: 1, not_asked: 1 }],
  });
});

test("what was published has its name, also where nobody has answered yet", () => {
  const store = fleet();
  store.loadOutcomes([
    {
      fleet: "north",
      message: "1",
      kind: null,
      name: null,
      published_at: null,
      devices: 4,
      codes: [],
      last_received_at: "2026-03-01",
    },
  ]);
  store.take({ kind: "publication", fleet: "north", message: "1", about: "bundle", name: "42", at: "2026-03-02" }, NOW);
  store.take(
    { kind: "publication", fleet: "north", message: "2", about: "policy", name: "2026-2", at: "2026-03-03" },
    NOW,
  );
  assert.deepEqual(
    selection.outcomesShown(store, all).map((one) => [one.kind, one.name, one.devices]),
    [
      ["policy", "2026-2", 0],
      ["bundle", "42", 4],
    ],
  );
});

test("erasures that are outstanding come first", () => {
  const store = fleet();
  const one = (seq, standing) => ({
    fleet: "north",
    device: "a-2",
    epoch: 1,
    seq,
    reason: "deleted",
    cancelled: false,
    standing,
    received_at: `2026-03-0${seq}`,
    done_at: null,
    deleted: 0,
  });
  store.loadErasures([one(1, "outstanding"), one(2, "done"), one(3, "outstanding")]);
  assert.deepEqual(
    selection.erasuresShown(store, all).map((each) => each.seq),
    [3, 1, 2],
  );
});

test("calls have their order however they come and go", () => {
  const store = new Store();
  const call = (seq, startedAt) => ({ key: `north/a/1/${seq}`, startedAt });
  const put = (...calls) => calls.forEach((one) => store.calls.set(one.key, one));
  const order = () => selection.callsShown(store.calls.values(), all, 0).map((one) => one.key.split("/")[3]);
  put(call(3, 30), call(1, 10));
  assert.deepEqual(order(), ["3", "1"]);
  put(call(2, 20), call(5, 50), call(4, 50));
  assert.deepEqual(order(), ["5", "4", "3", "2", "1"]);
  store.calls.delete("north/a/1/3");
  put(call(1, 60));
  assert.deepEqual(order(), ["1", "5", "4", "2"]);
  store.calls = new Map();
  assert.deepEqual(order(), []);
});
