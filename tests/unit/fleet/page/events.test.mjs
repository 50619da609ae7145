// Events out of the pieces of an answer.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventReader } from "../../../../fleet/page/events.js";

const STREAM = 'event: anew\ndata: \n\ndata: {"a": ": b"}\n\nid: 5c.7\ndata: 2\n\n:\n\nevent: broker\ndata: on\n\n';
const EVENTS = [
  { name: "anew", id: null, data: "" },
  { name: "message", id: null, data: '{"a": ": b"}' },
  { name: "message", id: "5c.7", data: "2" },
  { name: "", id: null, data: "" },
  { name: "broker", id: null, data: "on" },
];

test("wherever it is cut, the same events come", () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const reader = new EventReader();
    assert.deepEqual([...reader.read(STREAM.slice(0, cut)), ...reader.read(STREAM.slice(cut))], EVENTS);
  }
});

test("what never ends is no event", () => {
  const reader = new EventReader();
  assert.throws(() => {
    for (let count = 0; count < 100; count += 1) reader.read("x".repeat(65_536));
  });
});
