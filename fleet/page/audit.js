// The view of what people and programs did, for those who may see it.

import { el, panel } from "./dom.js";
import { moment } from "./format.js";
import { Refusal } from "./session.js";
import { Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {{at: string, id: string, who: string, action: string, what: string, fleets: string, device: string}} Audited */

const ROWS = 1_000;

/** @type {import("./tables.js").Column<Audited>[]} */
const COLUMNS = [
  { name: "at", cell: (row) => moment(Date.parse(row.at)), sort: (row) => row.at },
  { name: "who", cell: (row) => row.who },
  { name: "action", cell: (row) => sayValue("action", row.action), sort: (row) => row.action },
  { name: "what", cell: (row) => row.what || "–" },
  { name: "fleets", wide: true, cell: (row) => row.fleets || "–" },
  { name: "device", wide: true, cell: (row) => row.device || "–" },
];

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function auditView(dashboard) {
  /** @type {Table<Audited>} */
  const table = new Table(
    { name: "audit", key: (row) => row.id, columns: COLUMNS, file: ["at", "who", "action", "what", "fleets", "device"] },
    () => undefined,
  );
  const note = el("p", { class: "note" }, say("audit.note"));
  const root = el(
    "div",
    { class: "audit-view" },
    el("h1", { class: "unseen" }, say("view.audit")),
    panel("audit", [note, table.root]),
  );

  async function load() {
    try {
      table.draw((await dashboard.session.get("audit", { limit: ROWS })).rows);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.reason === "ended") dashboard.leave("#ended");
    }
  }
  void load();
  return { root, draw: () => undefined };
}
