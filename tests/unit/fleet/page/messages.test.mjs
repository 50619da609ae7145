// What counts as a message, and what does not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { csvOf } from "../../../../fleet/page/csv.js";
import { read } from "../../../../fleet/page/messages.js";
import { CATALOGUES, firstOf, say, sayValue, speak } from "../../../../fleet/page/words.js";
import { dueWords, duration } from "../../../../fleet/page/format.js";

const written = (document) => (typeof document === "string" ? document : JSON.stringify(document));
const heard = (topic, document) => read(topic, written(document), false);
const RECORD = {
  device: "a",
  epoch: 1,
  seq: 2,
  id: "0",
  direction: "incoming",
  number: null,
  started_at: "2026-03-10T12:00:00.000Z",
  answered_at: null,
  ended_at: null,
  result: "interrupted",
  sip_code: 0,
};

test("each topic has its message", () => {
  for (const state of ["online", "no_line", "offline"])
    assert.equal(heard("wecall/v1/north/a/status", { state }).state, state);
  assert.equal(heard("wecall/v1/north/a/cdr", { records: [RECORD] }).records.length, 1);
  const consent = { device: "a", purposes: [], policy_version: "1", ledger_intact: true };
  assert.deepEqual(heard("wecall/v1/north/a/consent", consent).requests, []);
  assert.equal(heard("wecall/v1/north/a/consent", "").kind, "no-consent");
  assert.equal(
    heard("wecall/v1/north/a/erasure", {
      device: "a",
      epoch: 1,
      seq: 2,
      reason: "deleted",
      cancelled: false,
      records: [],
    }).kind,
    "erasure",
  );
  assert.equal(heard("wecall/v1/north/a/outcome", { device: "a", message: "m", code: "applied" }).code, "applied");
  assert.equal(
    heard("wecall-fleet/v1/north/publication/m", {
      kind: "policy",
      name: "1",
      message: "m",
      published_at: "2026-03-10T12:00:00.000Z",
    }).about,
    "policy",
  );
});

test("what is not as it should be is no message", () => {
  for (const [topic, document] of [
    ["wecall/v1/north/a/status", { state: "asleep" }],
    ["wecall/v1/north/a/status", "not json"],
    ["wecall/v1/north/a/status", "null"],
    ["wecall/v1/north/a/status", ""],
    ["wecall/v2/north/a/status", { state: "online" }],
    ["wecall/v1/north/a/policy", { state: "online" }],
    ["wecall/v1/north/a/cdr", { records: [{ ...RECORD, device: "b" }] }],
    ["wecall/v1/north/a/cdr", { records: [{ ...RECORD, seq: 2 ** 60 }] }],
    ["wecall/v1/north/a/cdr", { records: [{ ...RECORD, number: { toString: "x" } }] }],
    ["wecall/v1/north/a/cdr", { records: [{ ...RECORD, started_at: "yesterday" }] }],
    ["wecall/v1/north/a/cdr", { records: "all" }],
    ["wecall/v1/north/a/consent", { device: "b", purposes: [], policy_version: "1", ledger_intact: true }],
    ["wecall/v1/north/a/consent", { device: "a", purposes: [null], policy_version: "1", ledger_intact: true }],
    ["wecall/v1/north/a/erasure", { device: "a", epoch: 1, seq: 2, reason: "deleted", cancelled: "no", records: [] }],
    ["wecall/v1/north/a/outcome", { device: "b", message: "m", code: "applied" }],
    [
      "wecall-fleet/v1/north/publication/m",
      { kind: "policy", name: "1", message: "n", published_at: "2026-03-10T12:00:00.000Z" },
    ],
  ])
    assert.equal(heard(topic, document), null, `${topic} ${JSON.stringify(document)}`);
});

test("a file has a line for each row, and nothing that a spreadsheet would compute", () => {
  const rows = [
    { a: "=cmd|'/C calc'!A0", b: 'He said "no", twice', c: null },
    { a: "+861012345678", b: "x\ny", c: -5 },
  ];
  assert.equal(
    csvOf(["a", "b", "c"], rows),
    `a,b,c\r\n'=cmd|'/C calc'!A0,"He said ""no"", twice",\r\n'+861012345678,"x\ny",-5\r\n`,
  );
});

test("both languages have the same words, with the same values in them", () => {
  assert.deepEqual(Object.keys(CATALOGUES.zh).sort(), Object.keys(CATALOGUES.en).sort());
  for (const [key, words] of Object.entries(CATALOGUES.en)) {
    const values = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
    assert.deepEqual(values(CATALOGUES.zh[key]), values(words), key);
  }
});

test("the browser's language is spoken where there is one, else the first that is offered", () => {
  assert.equal(firstOf(["fr", "zh-TW", "en"], ["en", "zh"]), "zh");
  assert.equal(firstOf(["fr"], ["zh", "en"]), "zh");
});

test("words are in the language that is spoken, and a value that nobody knows is itself", () => {
  speak("zh");
  assert.equal(say("due.ago", { count: 2 }), "逾期2天");
  speak("en");
  assert.equal(say("due.ago", { count: 2 }), "2 d late");
  assert.equal(sayValue("ended", "beamed_up"), "beamed up");
  assert.throws(() => say("nothing.of.the.kind"));
});

test("durations have their two largest units, and days are counted by the calendar", () => {
  assert.equal(duration(0), "0 s");
  assert.equal(duration(61_000), "1 min 1 s");
  assert.equal(duration(3_600_000), "1 h");
  assert.equal(duration(90_000_000), "1 d 1 h");
  assert.equal(dueWords("2026-03-10", "2026-03-10"), "today");
  assert.equal(dueWords("2026-03-12", "2026-03-10"), "in 2 d");
});
