// The view of what the operator sent to handsets, what became of it, and what they sent that was not taken.

import { el } from "./dom.js";
import { count, moment } from "./format.js";
import { panel } from "./panels.js";
import { outcomesShown, quarantineShown } from "./selection.js";
import { Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Outcome} Outcome */
/** @typedef {import("./store.js").Quarantined} Quarantined */

/** Enough of a digest for people to tell two apart. */
const DIGITS = 12;

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function ordersView(dashboard) {
  const { store } = dashboard;
  const open = (/** @type {string} */ key) => dashboard.openDevice(key);
  const outcomes = new Table({
    name: "outcomes",
    title: say("outcomes.title"),
    empty: say("outcomes.none"),
    open,
    key: (/** @type {Outcome} */ row) => `${row.fleet}/${row.message}`,
    columns: [
      {
        name: "message",
        label: say("col.message"),
        cell: (row) => ({
          text: row.name ?? `${row.message.slice(0, DIGITS)}… (${say("outcomes.unnamed")})`,
          title: row.message,
          class: row.name === null ? "quiet" : "strong",
        }),
        sort: (row) => row.name ?? row.message,
      },
      {
        name: "kind",
        label: say("col.kind"),
        cell: (row) => (row.kind === null ? "–" : sayValue("kind", row.kind)),
        sort: (row) => row.kind ?? "",
      },
      { name: "fleet", label: say("col.fleet"), wide: true, cell: (row) => row.fleet, sort: (row) => row.fleet },
      {
        name: "published",
        label: say("col.published"),
        cell: (row) => (row.published_at === null ? "–" : moment(Date.parse(row.published_at))),
        sort: (row) => row.published_at ?? "",
      },
      {
        name: "devices",
        label: say("col.devices"),
        number: true,
        cell: (row) => count(row.devices),
        sort: (row) => row.devices,
      },
      {
        name: "codes",
        label: say("col.codes"),
        cell: (row) => row.codes.map((one) => `${count(one.devices)} ${sayValue("code", one.code)}`).join(" · ") || "–",
      },
    ],
    file: ["fleet", "message", "kind", "name", "published_at", "devices", "codes", "last_received_at"],
    rows: async () =>
      outcomesShown(store, dashboard.filter).map((row) => ({
        ...row,
        codes: row.codes.map((one) => `${one.code} ${one.devices}`).join("; "),
      })),
  });
  const quarantine = new Table({
    name: "quarantine",
    title: say("quarantine.title"),
    empty: say("quarantine.none"),
    open,
    key: (/** @type {Quarantined} */ row) => `${row.fleet}/${row.device}/${row.topic}/${row.reason}`,
    columns: [
      {
        name: "reason",
        label: say("col.reason"),
        cell: (row) => sayValue("refused", row.reason),
        sort: (row) => row.reason,
      },
      { name: "topic", label: say("col.topic"), cell: (row) => row.topic, sort: (row) => row.topic },
      {
        name: "device",
        label: say("col.device"),
        cell: (row) =>
          // Of what no handset can have sent nobody knows the sender.
          row.device === "" ? "–" : { text: row.device, device: `${row.fleet}/${row.device}` },
        sort: (row) => row.device,
      },
      { name: "fleet", label: say("col.fleet"), wide: true, cell: (row) => row.fleet, sort: (row) => row.fleet },
      {
        name: "count",
        label: say("col.count"),
        number: true,
        cell: (row) => count(row.count),
        sort: (row) => row.count,
      },
      {
        name: "last",
        label: say("col.last"),
        wide: true,
        cell: (row) => moment(Date.parse(row.last_received_at)),
        sort: (row) => row.last_received_at,
      },
    ],
    file: ["fleet", "device", "topic", "reason", "count", "first_received_at", "last_received_at"],
  });
  const root = el(
    "div",
    { class: "orders-view" },
    el("h1", { class: "unseen" }, say("view.orders")),
    panel("outcomes", outcomes.root),
    panel("quarantine", quarantine.root),
  );
  return {
    root,
    draw(areas) {
      if (areas.has("outcomes")) outcomes.draw(outcomesShown(store, dashboard.filter));
      if (areas.has("quarantine")) quarantine.draw(quarantineShown(store, dashboard.filter));
    },
  };
}
