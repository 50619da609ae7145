// The view of what the operator sent to handsets, what became of it, and what they sent that was not taken.

import { el, panel } from "./dom.js";
import { count, moment } from "./format.js";
import { outcomesShown, quarantineShown } from "./selection.js";
import { DEVICE, FLEET, Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Outcome} Outcome */
/** @typedef {import("./store.js").Quarantined} Quarantined */

/** Enough of a digest for people to tell two apart. */
const DIGITS = 12;

/** @type {import("./tables.js").Column<Outcome>[]} */
const OUTCOMES = [
  {
    name: "message",
    cell: (row) => ({
      text: row.name ?? `${row.message.slice(0, DIGITS)}… (${say("outcomes.unnamed")})`,
      title: row.message,
      class: row.name === null ? "quiet" : "strong",
    }),
    sort: (row) => row.name ?? row.message,
  },
  {
    name: "kind",
    cell: (row) => (row.kind === null ? "–" : sayValue("kind", row.kind)),
    sort: (row) => row.kind ?? "",
  },
  FLEET,
  {
    name: "published",
    cell: (row) => (row.published_at === null ? "–" : moment(Date.parse(row.published_at))),
    sort: (row) => row.published_at ?? "",
  },
  { name: "devices", number: true, cell: (row) => count(row.devices), sort: (row) => row.devices },
  {
    name: "codes",
    cell: (row) => row.codes.map((one) => `${count(one.devices)} ${sayValue("code", one.code)}`).join(" · ") || "–",
    sort: null,
  },
];

/** @type {import("./tables.js").Column<Quarantined>[]} */
const QUARANTINE = [
  { name: "reason", cell: (row) => sayValue("refused", row.reason), sort: (row) => row.reason },
  { name: "topic", cell: (row) => row.topic },
  DEVICE,
  FLEET,
  { name: "count", number: true, cell: (row) => count(row.count), sort: (row) => row.count },
  {
    name: "last",
    wide: true,
    cell: (row) => moment(Date.parse(row.last_received_at)),
    sort: (row) => row.last_received_at,
  },
];

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function ordersView(dashboard) {
  const { store } = dashboard;
  const open = (/** @type {string} */ key) => dashboard.openDevice(key);
  /** @type {Table<Outcome>} */
  const outcomes = new Table(
    {
      name: "outcomes",
      key: (row) => `${row.fleet}/${row.message}`,
      columns: OUTCOMES,
      file: ["fleet", "message", "kind", "name", "published_at", "devices", "codes", "last_received_at"],
      rows: async () =>
        outcomesShown(store, dashboard.filter).map((row) => ({
          ...row,
          codes: row.codes.map((one) => `${one.code} ${one.devices}`).join("; "),
        })),
    },
    open,
  );
  /** @type {Table<Quarantined>} */
  const quarantine = new Table(
    {
      name: "quarantine",
      key: (row) => `${row.fleet}/${row.device}/${row.topic}/${row.reason}`,
      columns: QUARANTINE,
      names: store.names,
      file: ["fleet", "device", "topic", "reason", "count", "first_received_at", "last_received_at"],
    },
    open,
  );
  const root = el(
    "div",
    { class: "orders-view" },
    el("h1", { class: "unseen" }, say("view.orders")),
    panel("outcomes", [outcomes.root]),
    panel("quarantine", [quarantine.root]),
  );
  return {
    root,
    draw(areas) {
      if (areas.has("outcomes")) outcomes.draw(outcomesShown(store, dashboard.filter));
      if (areas.has("quarantine")) quarantine.draw(quarantineShown(store, dashboard.filter));
    },
  };
}
