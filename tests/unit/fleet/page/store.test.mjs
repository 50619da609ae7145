// What the page keeps in mind, message by message.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../../../fleet/page/store.js";

const NOW = Date.parse("2026-03-10T12:30:00Z");
const WHO = { fleet: "north", device: "a" };

const record = (seq, more = {}) => ({
  device: "a",
  epoch: 1,
  seq,
  id: "0",
  direction: "outgoing",
  number: "+861012345678",
  started_at: "2026-03-10T12:00:00.000Z",
  answered_at: "2026-03-10T12:00:04.000Z",
  ended_at: "2026-03-10T12:00:30.000Z",
  result: "remote_hangup",
  sip_code: 200,
  ...more,
});
const calls = (...records) => ({ kind: "calls", ...WHO, records });
const status = (state, retained = false) => ({ kind: "status", ...WHO, state, retained });
const answers = (granted, more = {}) => ({
  kind: "consent",
  ...WHO,
  policy: "1",
  intact: true,
  requests: [],
  purposes: [{ purpose: "cdr_sync", granted, since: null }],
  ...more,
});
const erasure = (more) => ({
  kind: "erasure",
  ...WHO,
  epoch: 1,
  seq: 90,
  reason: "deleted",
  cancelled: false,
  ranges: [],
  ...more,
});
const row = (state, since = "2026-03-10T11:00:00Z") => ({ ...WHO, state, state_since: since });
const shown = (store) => [...store.calls.values()].map((call) => call.seq);

function knowing(...messages) {
  const store = new Store();
  for (const message of messages) store.take(message, NOW);
  return store;
}

test("a call that comes twice is one call", () => {
  assert.deepEqual(shown(knowing(calls(record(1)), calls(record(1), record(2)))), [1, 2]);
});

test("a call that the broker and the API both tell of is one call", () => {
  const store = knowing(calls(record(1)));
  store.loadCalls([{ ...record(1), fleet: "north" }]);
  assert.deepEqual(shown(store), [1]);
});

test("a notice takes away the calls that it names, and no others", () => {
  const store = knowing(calls(record(1), record(2), record(3)), erasure({ ranges: [{ epoch: 1, first: 1, last: 2 }] }));
  assert.deepEqual(shown(store), [3]);
});

test("a notice that overtakes what it names keeps it out, from wherever it comes", () => {
  const store = knowing(erasure({ ranges: [{ epoch: 1, first: 1, last: 2 }] }), calls(record(1), record(3)));
  store.loadCalls([{ ...record(2), fleet: "north" }]);
  assert.deepEqual(shown(store), [3]);
  assert.equal(store.maySee({ fleet: "north", ...record(2) }), false);
});

test("a notice of one epoch leaves the calls of another", () => {
  const store = knowing(
    calls(record(1), record(1, { epoch: 2 })),
    erasure({ ranges: [{ epoch: 2, first: 1, last: 9 }] }),
  );
  assert.deepEqual(
    [...store.calls.values()].map((call) => call.epoch),
    [1],
  );
});

test("a withdrawal takes all calls of the handset away, and keeps them out until its holder agrees again", () => {
  const store = knowing(calls(record(1)), answers(false), calls(record(2)));
  assert.deepEqual(shown(store), []);
  store.take(answers(true), NOW);
  store.take(calls(record(3)), NOW);
  assert.deepEqual(shown(store), [3]);
});

test("a ledger that does not verify is no consent", () => {
  assert.deepEqual(shown(knowing(calls(record(1)), answers(true, { intact: false }))), []);
});

test("a withdrawal leaves the calls of others", () => {
  const store = knowing(calls(record(1)), { ...answers(false), device: "b" });
  assert.deepEqual(shown(store), [1]);
});

test("a handset whose holder has gone is gone with all that is known of it", () => {
  const request = { number: 1, kind: "copy", due: "2026-03-12", state: "open" };
  const store = knowing(status("online"), calls(record(1)), answers(true, { requests: [request] }));
  store.loadRequests([
    { ...WHO, number: 2, kind: "copy", due: "2026-03-12", standing: "open", first_seen_at: null, closed_at: null },
  ]);
  store.take(erasure({ cancelled: true, reason: "cancelled" }), NOW);
  assert.equal(store.devices.size, 0);
  assert.equal(store.known.size, 0);
  assert.deepEqual(shown(store), []);
});

test("neither its last will nor an answer of the API that was under way brings it back", () => {
  const store = knowing(erasure({ cancelled: true, reason: "cancelled" }), status("offline"), calls(record(1)));
  store.loadDevices([row("online")]);
  store.loadCalls([{ ...record(2), fleet: "north" }]);
  assert.equal(store.devices.size, 0);
  assert.deepEqual(shown(store), []);
});

test("a new holder's answers do", () => {
  const store = knowing(erasure({ cancelled: true, reason: "cancelled" }), answers(true), status("online"));
  assert.equal(store.devices.get("north/a").state, "online");
});

test("a change that is seen has its time, one that was retained has none", () => {
  assert.equal(knowing(status("online", true)).devices.get("north/a").since, null);
  assert.equal(knowing(status("online", true), status("offline")).devices.get("north/a").since, NOW);
});

test("the API tells since when, as long as it does not contradict what the broker says", () => {
  const store = knowing(status("online", true));
  store.loadDevices([row("offline")]);
  assert.deepEqual([store.devices.get("north/a").state, store.devices.get("north/a").since], ["online", null]);
  store.loadDevices([row("online")]);
  assert.equal(store.devices.get("north/a").since, Date.parse("2026-03-10T11:00:00Z"));
});

test("once the broker is lost the API knows more", () => {
  const store = knowing(status("online"));
  store.nothingLive();
  store.loadDevices([row("offline")]);
  assert.equal(store.devices.get("north/a").state, "offline");
});

test("a handset that is retired is not shown", () => {
  const store = knowing();
  store.loadDevices([row("online")]);
  store.loadDevices([row("retired")]);
  store.loadCalls([{ ...record(1), fleet: "north" }]);
  assert.equal(store.devices.size, 0);
  store.take(status("online"), NOW);
  assert.equal(store.devices.get("north/a").state, "online");
});

test("sums grow with each call once the API has told how they begin", () => {
  const store = knowing(calls(record(1)));
  assert.equal(store.hours.size, 0);
  store.loadHours([{ hour: "2026-03-10T12:00:00Z", calls: 5, answered: 3 }]);
  store.loadResults([{ result: "busy", direction: "outgoing", calls: 2 }]);
  store.take(calls(record(2), record(3, { answered_at: null, result: "busy" }), record(2)), NOW);
  assert.deepEqual([...store.hours.values()], [{ hour: Date.parse("2026-03-10T12:00:00Z"), answered: 4, other: 3 }]);
  assert.equal(store.results.get("busy/outgoing").calls, 3);
});

test("sums leave out other fleets than the one that is looked at, and clocks that are ahead", () => {
  const store = knowing();
  store.loadHours([{ hour: "2026-03-10T12:00:00Z", calls: 5, answered: 3 }]);
  store.take(calls(record(1, { started_at: "2100-01-01T00:00:00.000Z" })), NOW);
  store.scope = "south";
  store.take(calls(record(2)), NOW);
  assert.equal(
    [...store.hours.values()].reduce((sum, one) => sum + one.answered + one.other, 0),
    5,
  );
});

test("an erasure is outstanding until the API says that it is done", () => {
  const store = knowing(erasure({ ranges: [{ epoch: 1, first: 1, last: 1 }] }));
  store.loadErasures([]);
  assert.equal(store.erasures.get("north/a/1/90").standing, "outstanding");
  const done = {
    ...WHO,
    epoch: 1,
    seq: 90,
    reason: "deleted",
    cancelled: false,
    standing: "done",
    received_at: "",
    done_at: "",
    deleted: 1,
  };
  store.loadErasures([done]);
  assert.equal(store.erasures.get("north/a/1/90").standing, "done");
});

test("messages say what the API should be asked for again", () => {
  const store = knowing(
    { kind: "outcome", ...WHO, message: "m", code: "applied" },
    erasure({ cancelled: true, reason: "cancelled" }),
  );
  assert.deepEqual([...store.stale].sort(), ["erasures", "hours", "outcomes", "results"]);
});

test("memory has a limit, and the newest calls stay", () => {
  const store = knowing();
  const at = (seq) => new Date(NOW - 10_000_000 + seq * 1000).toISOString();
  store.take(calls(...Array.from({ length: 7000 }, (_, seq) => record(seq, { started_at: at(seq) }))), NOW);
  assert.equal(store.calls.size, 5000);
  assert.equal(Math.min(...shown(store)), 2000);
});
