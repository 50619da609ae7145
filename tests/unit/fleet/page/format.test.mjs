// Times and numbers as people read them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { count, day, dueWords, moment, share, stretch, zone } from "../../../../fleet/page/format.js";
import { speak } from "../../../../fleet/page/words.js";

const NOW = new Date(2026, 2, 10, 12, 30).getTime();

test("a time has its date unless that is today's, and its year unless that is this one", () => {
  assert.equal(moment(new Date(2026, 2, 10, 9, 5, 7).getTime(), NOW), "09:05:07");
  assert.equal(moment(new Date(2026, 2, 9, 9, 5).getTime(), NOW), "9 Mar, 09:05");
  assert.equal(moment(new Date(2025, 11, 31, 9, 5).getTime(), NOW), "31 Dec 2025, 09:05");
});

test("a stretch of time says a day that is the same only once", () => {
  const time = (day, hour) => new Date(2026, 2, day, hour, 5).getTime();
  assert.match(stretch(time(9, 9), time(9, 10)), /^9 Mar, 09:05\D+10:05$/);
  assert.match(stretch(time(9, 9), time(10, 10)), /^9 Mar, 09:05\D+10 Mar, 10:05$/);
});

test("a date of another year says which, also one of a handset whose clock began anew", () => {
  assert.equal(day("2026-03-09", NOW), "9 Mar");
  assert.equal(day("1970-01-08", NOW), "8 Jan 1970");
  assert.equal(dueWords("1970-01-08", "2026-03-10"), "20,515 d late");
});

test("numbers are written as people there do, one time as the next", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(share(1, 3), "33%");
  assert.equal(share(0, 0), "–");
  speak("zh");
  assert.equal(day("1970-01-08", NOW), "1970年1月8日");
  speak("en");
});

test("times say how far they are from UTC", () => {
  assert.match(zone(), /^UTC([+-]\d{1,2}(:\d\d)?)?$/);
});
