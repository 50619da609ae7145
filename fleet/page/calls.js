// The view of calls: when, how they ended, and each of them.

import { bars, HourChart } from "./charts.js";
import { become, button, choice, el, panel } from "./dom.js";
import { count, duration, moment, share } from "./format.js";
import { callsShown, kindOfResult } from "./selection.js";
import { callOf } from "./store.js";
import { DEVICE, FLEET, Table } from "./tables.js";
import { CATALOGUES, say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Call} Call */

const KINDS = /** @type {const} */ (["answered", "missed", "failed"]);
const RESULTS = Object.keys(CATALOGUES.en)
  .filter((key) => key.startsWith("ended."))
  .map((key) => key.slice("ended.".length));

/** What a file of calls has, by the names of the API. */
export const FILE = [
  "fleet",
  "device",
  "started_at",
  "answered_at",
  "ended_at",
  "direction",
  "number",
  "result",
  "sip_code",
  "id",
  "account",
  "epoch",
  "seq",
];

/** Milliseconds of talk, null where there was none or nobody saw its end. @param {Call} call */
const talk = (call) =>
  call.answered_at === null || call.ended_at === null ? null : Date.parse(call.ended_at) - Date.parse(call.answered_at);

/** How long people talked. @param {Call} call */
export function talkWords(call) {
  const ms = talk(call);
  return ms === null ? "–" : duration(ms);
}

/** A clock that is ahead by less may be this one. */
const AHEAD_MS = 60_000;

/** When it began; a handset whose clock is wrong can say that it is yet to begin. @param {Call} call */
export const startedWords = (call) =>
  moment(call.startedAt) + (call.startedAt > Date.now() + AHEAD_MS ? ` · ${say("ahead")}` : "");

/** @type {import("./tables.js").Column<Call>[]} */
export const COLUMNS = [
  {
    name: "started",
    cell: (call) => ({ text: startedWords(call), title: call.started_at }),
    sort: (call) => call.startedAt,
  },
  DEVICE,
  FLEET,
  { name: "direction", cell: (call) => sayValue("direction", call.direction), sort: (call) => call.direction },
  {
    name: "number",
    cell: (call) =>
      call.number === null ? { text: say("withheld"), class: "quiet" } : { text: call.number, class: "exact" },
    sort: (call) => call.number ?? "",
  },
  { name: "talk", number: true, cell: talkWords, sort: (call) => talk(call) ?? -1 },
  {
    name: "result",
    cell: (call) => ({ text: sayValue("ended", call.result), class: `result ${kindOfResult(call.result)}` }),
  },
  {
    name: "sip",
    number: true,
    wide: true,
    cell: (call) => (call.sip_code === 0 ? "–" : String(call.sip_code)),
    sort: (call) => call.sip_code,
  },
];

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function callsView(dashboard) {
  const { store, session, history } = dashboard;
  const chart = new HourChart();
  const results = el("div");
  const list = choice(
    "result",
    say("result"),
    [
      ["", say("result.all")],
      ...KINDS.map((kind) => /** @type {[string, string]} */ ([kind, say(`kind.${kind}`)])),
      ...RESULTS.map((result) => /** @type {[string, string]} */ ([result, sayValue("ended", result)])),
    ],
    (result) => dashboard.setFilter({ result }),
  );
  list.options[KINDS.length].after(el("hr"));
  const older = button("older", say("older"), () => void loadOlder());
  /** @type {Table<Call>} */
  const table = new Table(
    {
      name: "calls",
      key: (call) => call.key,
      columns: COLUMNS,
      names: store.names,
      file: FILE,
      rows: everyCall,
      mayStay: (call) => store.maySee(call),
    },
    (key) => dashboard.openDevice(key),
  );
  table.foot.insertBefore(older, table.download);
  const root = el(
    "div",
    { class: "calls-view" },
    el("h1", { class: "unseen" }, say("view.calls")),
    el("div", { class: "pair" }, panel("hours", [chart.root]), panel("results", [results])),
    panel("calls", [table.root], list),
  );

  async function loadOlder() {
    older.disabled = true;
    await history.loadOlder().catch(() => history.load(["calls"]));
    table.follow(shown());
    older.disabled = false;
  }

  /** Every call that the filter leaves, also those that the page has not loaded. @returns {Promise<Record<string, any>[]>} */
  async function everyCall() {
    /** @type {Map<string, Call>} */
    const found = new Map();
    const { result } = dashboard.filter;
    const asked = KINDS.some((kind) => kind === result)
      ? RESULTS.filter((one) => kindOfResult(one) === result)
      : result;
    await session.all("calls", { ...history.callsQuery(), result: asked }, (rows) => {
      for (const call of rows.map(callOf)) found.set(call.key, call);
      table.progress(found.size);
    });
    for (const [key, call] of store.calls) found.set(key, call);
    return callsShown(found.values(), dashboard.filter, Date.now(), store.names).filter((call) => store.maySee(call));
  }

  const shown = () => callsShown(store.calls.values(), dashboard.filter, Date.now(), store.names);

  function drawResults() {
    const sums = new Map();
    let total = 0;
    for (const { result, calls: number } of store.results.values()) {
      sums.set(result, (sums.get(result) ?? 0) + number);
      total += number;
    }
    const rows = [...sums]
      .sort((one, other) => other[1] - one[1])
      .map(([result, number]) => ({
        label: sayValue("ended", result),
        total: Math.max(...sums.values()),
        words: `${count(number)} · ${share(number, total)}`,
        parts: [{ kind: kindOfResult(result), words: sayValue("ended", result), value: number }],
      }));
    if (rows.length === 0) {
      become(results, [el("p", { class: "empty" }, say("hours.none"))]);
      return;
    }
    const shown = bars(rows);
    // A list that scrolls is reached by keys too.
    shown.tabIndex = 0;
    become(results, [shown]);
  }

  let { filter } = dashboard;

  return {
    root,
    recolour: () => chart.recolour(),
    draw(areas) {
      list.value = dashboard.filter.result;
      if (areas.has("hours")) chart.draw([...store.hours.values()].sort((one, other) => one.hour - other.hour));
      if (areas.has("results")) drawResults();
      older.hidden = history.older === null;
      if (filter !== dashboard.filter) table.follow(shown());
      else if (areas.has("calls")) table.draw(shown());
      filter = dashboard.filter;
    },
  };
}
