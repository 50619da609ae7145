// The view of calls: when, how they ended, and each of them.

import { bars, HourChart } from "./charts.js";
import { become, el } from "./dom.js";
import { count, duration, moment, share } from "./format.js";
import { panel } from "./panels.js";
import { callsShown, kindOfResult, newestCalls } from "./selection.js";
import { Table } from "./tables.js";
import { CATALOGUES, say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Call} Call */

const KINDS = /** @type {const} */ (["answered", "missed", "failed"]);
const RESULTS = Object.keys(CATALOGUES.en)
  .filter((key) => key.startsWith("ended."))
  .map((key) => key.slice("ended.".length));

/** What a file of calls has, by the names of the API. */
const FILE = [
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

/** @returns {import("./tables.js").Column<Call>[]} */
const columns = () => [
  {
    name: "started",
    label: say("col.started"),
    cell: (call) => ({ text: startedWords(call), title: call.started_at }),
    sort: (call) => call.startedAt,
  },
  {
    name: "direction",
    label: say("col.direction"),
    cell: (call) => sayValue("direction", call.direction),
    sort: (call) => call.direction,
  },
  {
    name: "number",
    label: say("col.number"),
    cell: (call) =>
      call.number === null ? { text: say("withheld"), class: "quiet" } : { text: call.number, class: "exact" },
    sort: (call) => call.number ?? "",
  },
  { name: "talk", label: say("col.talk"), number: true, cell: talkWords, sort: (call) => talk(call) ?? -1 },
  {
    name: "result",
    label: say("col.result"),
    cell: (call) => ({ text: sayValue("ended", call.result), class: `result ${kindOfResult(call.result)}` }),
    sort: (call) => sayValue("ended", call.result),
  },
];

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function callsView(dashboard) {
  const { store, session, history } = dashboard;
  const chart = new HourChart();
  const results = el("div");
  const choice = /** @type {HTMLSelectElement} */ (
    el(
      "select",
      {
        id: "result",
        "aria-label": say("result"),
        onchange: () => dashboard.setFilter({ result: choice.value }),
      },
      el("option", { value: "" }, say("result.all")),
      ...KINDS.map((kind) => el("option", { value: kind }, say(`kind.${kind}`))),
      el("hr"),
      ...RESULTS.map((result) => el("option", { value: result }, sayValue("ended", result))),
    )
  );
  const older = /** @type {HTMLButtonElement} */ (
    el("button", { type: "button", class: "plain", id: "older", onclick: () => void loadOlder() }, say("older"))
  );
  const [started, ...rest] = columns();
  const table = new Table({
    name: "calls",
    title: say("calls.title"),
    key: (/** @type {Call} */ call) => call.key,
    empty: say("calls.none"),
    columns: [
      started,
      {
        name: "device",
        label: say("col.device"),
        cell: (call) => ({ text: call.device, device: `${call.fleet}/${call.device}` }),
        sort: (call) => call.device,
      },
      { name: "fleet", label: say("col.fleet"), wide: true, cell: (call) => call.fleet, sort: (call) => call.fleet },
      ...rest,
      {
        name: "sip",
        label: say("col.sip"),
        number: true,
        wide: true,
        cell: (call) => (call.sip_code === 0 ? "–" : String(call.sip_code)),
        sort: (call) => call.sip_code,
      },
    ],
    file: FILE,
    rows: everyCall,
    mayStay: (call) => store.maySee(call),
    open: (key) => dashboard.openDevice(key),
  });
  table.foot.insertBefore(older, table.download);
  const calls = panel("calls", table.root);
  calls.querySelector(".panel-head")?.append(choice);
  const root = el(
    "div",
    { class: "calls-view" },
    el("h1", { class: "unseen" }, say("view.calls")),
    el("div", { class: "pair" }, panel("hours", chart.root), panel("results", results)),
    calls,
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
      for (const row of rows) {
        const key = `${row.fleet}/${row.device}/${row.epoch}/${row.seq}`;
        found.set(key, { ...row, key, startedAt: Date.parse(row.started_at) });
      }
      table.progress(found.size);
    });
    for (const [key, call] of store.calls) found.set(key, call);
    return callsShown(found.values(), dashboard.filter, Date.now()).filter((call) => store.maySee(call));
  }

  const shown = () => callsShown(newestCalls(store), dashboard.filter, Date.now());

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
    become(results, [rows.length === 0 ? el("p", { class: "empty" }, say("hours.none")) : bars(rows)]);
  }

  let { filter } = dashboard;

  return {
    root,
    recolour: () => chart.recolour(),
    draw(areas) {
      choice.value = dashboard.filter.result;
      if (areas.has("hours")) chart.draw([...store.hours.values()].sort((one, other) => one.hour - other.hour));
      if (areas.has("results")) drawResults();
      older.hidden = history.older === null;
      if (filter !== dashboard.filter) table.follow(shown());
      else if (areas.has("calls")) table.draw(shown());
      filter = dashboard.filter;
    },
  };
}
