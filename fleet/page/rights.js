// The view of what holders agreed to, asked for, and had erased.

import { bars } from "./charts.js";
import { el } from "./dom.js";
import { count, day, dueWords, moment } from "./format.js";
import { panel } from "./panels.js";
import { coverage, erasuresShown } from "./selection.js";
import { Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").RightsRequest} RightsRequest */
/** @typedef {import("./store.js").Erasure} Erasure */

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function rightsView(dashboard) {
  const { store } = dashboard;
  const consents = el("div");
  const open = (/** @type {string} */ key) => dashboard.openDevice(key);
  const device = (/** @type {{fleet: string, device: string}} */ row) => ({
    text: row.device,
    device: `${row.fleet}/${row.device}`,
  });
  const withClosed = /** @type {HTMLInputElement} */ (
    el("input", {
      type: "checkbox",
      id: "closed",
      checked: dashboard.withClosed,
      onchange: () => {
        dashboard.withClosed = withClosed.checked;
        drawRequests();
      },
    })
  );
  const requests = new Table({
    name: "requests",
    title: say("requests.title"),
    empty: say("requests.none"),
    open,
    key: (/** @type {RightsRequest} */ row) => `${row.fleet}/${row.device}/${row.number}`,
    columns: [
      {
        name: "standing",
        label: say("col.standing"),
        cell: (row) => ({
          text: say(`standing.${row.standing}`) + (row.objected ? ` · ${say("requests.objected")}` : ""),
          class: `standing ${row.standing}`,
        }),
        sort: (row) => row.standing,
      },
      {
        name: "due",
        label: say("col.due"),
        cell: (row) => ({
          text: row.standing === "closed" ? day(row.due) : `${day(row.due)} · ${dueWords(row.due, dashboard.today())}`,
          class: row.standing,
        }),
        sort: (row) => row.due,
      },
      { name: "kind", label: say("col.kind"), cell: (row) => sayValue("right", row.kind), sort: (row) => row.kind },
      { name: "device", label: say("col.device"), cell: device, sort: (row) => row.device },
      {
        name: "answer",
        label: say("col.answer"),
        wide: true,
        cell: (row) => `--request ${row.number} --epoch ${row.epoch ?? "–"}`,
        sort: (row) => row.number,
      },
      { name: "fleet", label: say("col.fleet"), wide: true, cell: (row) => row.fleet, sort: (row) => row.fleet },
      {
        name: "asked",
        label: say("col.asked"),
        wide: true,
        cell: (row) => (row.first_seen_at === null ? "–" : moment(Date.parse(row.first_seen_at))),
        sort: (row) => row.first_seen_at ?? "",
      },
    ],
    file: ["fleet", "device", "number", "epoch", "kind", "due", "objected", "standing", "first_seen_at", "closed_at"],
  });
  const erasures = new Table({
    name: "erasures",
    title: say("erasures.title"),
    empty: say("erasures.none"),
    open,
    key: (/** @type {Erasure} */ row) => `${row.fleet}/${row.device}/${row.epoch}/${row.seq}`,
    columns: [
      {
        name: "standing",
        label: say("col.standing"),
        cell: (row) => ({ text: say(`erasures.${row.standing}`), class: `standing ${row.standing}` }),
        sort: (row) => row.standing,
      },
      {
        name: "received",
        label: say("col.received"),
        cell: (row) => moment(Date.parse(row.received_at)),
        sort: (row) => row.received_at,
      },
      { name: "device", label: say("col.device"), cell: device, sort: (row) => row.device },
      {
        name: "reason",
        label: say("col.reason"),
        cell: (row) => sayValue("erasure", row.reason) + (row.cancelled ? ` · ${say("erasures.cancelled")}` : ""),
        sort: (row) => row.reason,
      },
      {
        name: "deleted",
        label: say("col.deleted"),
        number: true,
        cell: (row) => (row.standing === "done" ? count(row.deleted) : "–"),
        sort: (row) => row.deleted,
      },
    ],
    file: ["fleet", "device", "epoch", "seq", "reason", "cancelled", "standing", "received_at", "done_at", "deleted"],
  });
  const asked = panel(
    "requests",
    el("p", { class: "note" }, say("requests.note", { zone: dashboard.about.time_zone })),
    requests.root,
  );
  asked
    .querySelector(".panel-head")
    ?.append(el("label", { class: "check", for: "closed" }, withClosed, say("requests.closed")));
  const root = el(
    "div",
    { class: "rights-view" },
    el("h1", { class: "unseen" }, say("view.rights")),
    panel("coverage", consents),
    asked,
    panel("erasures", erasures.root),
  );

  function drawCoverage() {
    const { reporting, broken, rows } = coverage(store, dashboard.filter);
    if (reporting === 0) {
      consents.replaceChildren(el("p", { class: "empty" }, say("coverage.none")));
      return;
    }
    consents.replaceChildren(
      el(
        "ul",
        { class: "legend" },
        el("li", { class: "mark answered" }, say("coverage.yes")),
        el("li", { class: "mark missed" }, say("coverage.no")),
        el("li", { class: "mark never" }, say("coverage.never")),
      ),
      bars(
        rows.map((row) => ({
          label: sayValue("purpose", row.purpose),
          total: row.granted + row.refused + row.not_asked,
          words: `${count(row.granted)} ${say("coverage.yes")} · ${count(row.refused)} ${say("coverage.no")} · ${count(row.not_asked)} ${say("coverage.never")}`,
          parts: [
            { kind: "answered", words: say("coverage.yes"), value: row.granted },
            { kind: "missed", words: say("coverage.no"), value: row.refused },
            { kind: "never", words: say("coverage.never"), value: row.not_asked },
          ],
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
