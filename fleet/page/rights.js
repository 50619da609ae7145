// The view of what holders agreed to, asked for, and had erased.

import { bars } from "./charts.js";
import { checkbox, el, panel } from "./dom.js";
import { count, day, dueWords, moment } from "./format.js";
import { coverage, erasuresShown } from "./selection.js";
import { DEVICE, FLEET, Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").RightsRequest} RightsRequest */
/** @typedef {import("./store.js").Erasure} Erasure */

/**
 * @param {() => string} today the day that it is where requests are due.
 * @returns {import("./tables.js").Column<RightsRequest>[]}
 */
const requestColumns = (today) => [
  {
    name: "standing",
    cell: (row) => ({
      text: say(`standing.${row.standing}`) + (row.objected ? ` · ${say("requests.objected")}` : ""),
      class: `standing ${row.standing}`,
    }),
    sort: (row) => row.standing,
  },
  {
    name: "due",
    cell: (row) => ({
      text: row.standing === "closed" ? day(row.due) : `${day(row.due)} · ${dueWords(row.due, today())}`,
      class: row.standing,
    }),
    sort: (row) => row.due,
  },
  { name: "kind", cell: (row) => sayValue("right", row.kind), sort: (row) => row.kind },
  DEVICE,
  {
    name: "answer",
    wide: true,
    cell: (row) => `--request ${row.number} --epoch ${row.epoch ?? "–"}`,
    sort: (row) => row.number,
  },
  FLEET,
  {
    name: "asked",
    wide: true,
    cell: (row) => (row.first_seen_at === null ? "–" : moment(Date.parse(row.first_seen_at))),
    sort: (row) => row.first_seen_at ?? "",
  },
];

/** @type {import("./tables.js").Column<Erasure>[]} */
const ERASURES = [
  {
    name: "standing",
    cell: (row) => ({ text: say(`erasures.${row.standing}`), class: `standing ${row.standing}` }),
    sort: (row) => row.standing,
  },
  { name: "received", cell: (row) => moment(Date.parse(row.received_at)), sort: (row) => row.received_at },
  DEVICE,
  {
    name: "reason",
    cell: (row) => sayValue("erasure", row.reason) + (row.cancelled ? ` · ${say("erasures.cancelled")}` : ""),
    sort: (row) => row.reason,
  },
  {
    name: "deleted",
    number: true,
    cell: (row) => (row.standing === "done" ? count(row.deleted) : "–"),
    sort: (row) => row.deleted,
  },
];

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function rightsView(dashboard) {
  const { store } = dashboard;
  const consents = el("div");
  const open = (/** @type {string} */ key) => dashboard.openDevice(key);
  const withClosed = checkbox("closed", say("requests.closed"), dashboard.withClosed, (isOn) => {
    dashboard.withClosed = isOn;
    drawRequests();
  });
  /** @type {Table<RightsRequest>} */
  const requests = new Table(
    {
      name: "requests",
      key: (row) => `${row.fleet}/${row.device}/${row.number}`,
      columns: requestColumns(() => dashboard.today()),
      names: store.names,
      file: ["fleet", "device", "number", "epoch", "kind", "due", "objected", "standing", "first_seen_at", "closed_at"],
    },
    open,
  );
  /** @type {Table<Erasure>} */
  const erasures = new Table(
    {
      name: "erasures",
      key: (row) => `${row.fleet}/${row.device}/${row.epoch}/${row.seq}`,
      columns: ERASURES,
      names: store.names,
      file: ["fleet", "device", "epoch", "seq", "reason", "cancelled", "standing", "received_at", "done_at", "deleted"],
    },
    open,
  );
  const note = el("p", { class: "note" }, say("requests.note", { zone: dashboard.about.time_zone }));
  const root = el(
    "div",
    { class: "rights-view" },
    el("h1", { class: "unseen" }, say("view.rights")),
    panel("coverage", [consents]),
    panel("requests", [note, requests.root], withClosed),
    panel("erasures", [erasures.root]),
  );

  function drawCoverage() {
    const { reporting, broken, rows } = coverage(store, dashboard.filter);
    if (reporting === 0) {
      consents.replaceChildren(el("p", { class: "empty" }, say("coverage.none")));
      return;
    }
    const parts = /** @type {const} */ ([
      ["answered", "yes", "granted"],
      ["missed", "no", "refused"],
      ["never", "never", "not_asked"],
    ]);
    const legend = parts.map(([kind, said]) => el("li", { class: `mark ${kind}` }, say(`coverage.${said}`)));
    consents.replaceChildren(
      el("ul", { class: "legend" }, ...legend),
      bars(
        rows.map((row) => ({
          label: sayValue("purpose", row.purpose),
          total: row.granted + row.refused + row.not_asked,
          words: parts.map(([, said, name]) => `${count(row[name])} ${say(`coverage.${said}`)}`).join(" · "),
          parts: parts.map(([kind, said, name]) => ({ kind, words: say(`coverage.${said}`), value: row[name] })),
        })),
      ),
      el(
        "p",
        { class: "note" },
        say("coverage.note", { count: count(reporting) }),
        broken > 0 && ` ${say("coverage.broken", { count: count(broken) })}`,
      ),
    );
  }

  function drawRequests() {
    requests.draw(dashboard.requests().filter((request) => dashboard.withClosed || request.standing !== "closed"));
  }

  return {
    root,
    draw(areas) {
      if (areas.has("consents")) drawCoverage();
      if (areas.has("requests") || areas.has("consents")) drawRequests();
      if (areas.has("erasures")) erasures.draw(erasuresShown(store, dashboard.filter));
    },
  };
}
