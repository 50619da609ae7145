// The view of why calls drop: what it comes from in sentences, handsets, places and minutes, and the calls behind each.

import { COLUMNS, FILE } from "./calls.js";
import { announce, button, choice, el, panel, setText } from "./dom.js";
import { clock, count, moment, share, stretch } from "./format.js";
import { Refusal } from "./session.js";
import { callOf } from "./store.js";
import { Table } from "./tables.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Call} Call */
/** @typedef {Call & {drop: string, redialled: boolean}} Dropped */
/**
 * @typedef {{
 *   kind: "handset" | "place" | "many", fleet: string, device: string | null, place: string | null, drop: string,
 *   start: string, end: string, calls: number, dropped: number, handsets: number, usual: number, chance: number,
 * }} Cause
 * @typedef {{
 *   fleet: string, calls: number, dropped: number, network_lost: number, interrupted: number, server_error: number,
 *   quick_redial: number, handsets: number, cause: Cause["kind"] | null, cause_drop: string | null, others: number,
 *   device?: string, place?: string | null, minute?: string,
 * }} Drops
 * @typedef {"handsets" | "places" | "minutes"} By
 * @typedef {{start: string, end: string, calls: number, dropped: number, causes: Cause[]} & Record<By, Drops[]>} Answer
 */

/** Sentences on top: more are not read. */
const TOLD = 3;
/** What chance does more seldom than this is as good as certain. */
const CERTAIN = 1e-6;
const TAKING_BACK = /** @type {import("./store.js").Area[]} */ (["erasures", "consents", "devices"]);
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** What a file has, by the names of the API. */
const FIELDS = [
  "fleet",
  "device",
  "place",
  "minute",
  "calls",
  "dropped",
  "network_lost",
  "interrupted",
  "server_error",
  "quick_redial",
  "handsets",
  "cause",
  "cause_drop",
  "others",
];
const BY = /** @type {By[]} */ (["handsets", "places", "minutes"]);

/** @type {Record<string, import("./tables.js").Column<Drops>>} */
const NAMES = {
  handsets: { name: "device", cell: (row) => ({ text: row.device ?? "", device: keyOf(row) }) },
  places: { name: "place", cell: (row) => ({ text: row.place ?? "", device: keyOf(row) }) },
  minutes: {
    name: "minute",
    cell: (row) => ({ text: moment(Date.parse(row.minute ?? "")), device: keyOf(row) }),
    sort: (row) => row.minute ?? "",
  },
};
/** @type {import("./tables.js").Column<Drops>} */
const PLACE = { name: "place", wide: true, cell: (row) => row.place ?? "–" };
/** @type {import("./tables.js").Column<Drops>} */
const HANDSETS = { name: "handsets", number: true, cell: (row) => count(row.handsets), sort: (row) => row.handsets };

/** @param {"network_lost" | "interrupted" | "server_error" | "quick_redial"} name */
const shareOf = (name) =>
  /** @type {import("./tables.js").Column<Drops>} */ ({
    name,
    number: true,
    wide: true,
    cell: (row) => (row[name] === 0 ? "–" : share(row[name], row.calls)),
    sort: (row) => row[name] / row.calls,
  });

/** @param {By} by @returns {import("./tables.js").Column<Drops>[]} */
const columnsOf = (by) => [
  NAMES[by],
  ...(by === "handsets" ? [PLACE] : [HANDSETS]),
  { name: "cause", cell: causeWords, sort: (row) => row.cause ?? "" },
  {
    name: "dropped",
    number: true,
    cell: (row) => say("why.dropped", { dropped: count(row.dropped), calls: count(row.calls) }),
    sort: (row) => row.dropped,
  },
  {
    name: "share",
    number: true,
    cell: (row) => share(row.dropped, row.calls),
    sort: (row) => row.dropped / row.calls,
  },
  shareOf("network_lost"),
  shareOf("interrupted"),
  shareOf("server_error"),
  shareOf("quick_redial"),
];

/** @type {import("./tables.js").Column<Dropped>} */
const HOW = {
  name: "drop",
  cell: (call) =>
    sayValue("drop", call.drop) +
    (call.redialled && call.drop !== "quick_redial" ? ` · ${sayValue("drop", "quick_redial")}` : ""),
};

/** What names a row, and leads to its calls. @param {Drops} row */
const keyOf = (row) => `${row.fleet}/${row.device ?? row.minute ?? row.place}`;

/** @param {Drops} row */
function causeWords(row) {
  if (row.cause === null) return { text: say("why.none"), class: "quiet" };
  const key = row.others > 0 ? `why.${row.cause}-others` : `why.${row.cause}`;
  const blamed = row.cause === "many" ? ` · ${say(`blamed.${row.cause_drop}`)}` : "";
  return { text: say(key, { count: count(row.others) }) + blamed, class: "strong" };
}

/** @param {{start: string, end: string}} of */
const timeOf = ({ start, end }) => stretch(Date.parse(start), Date.parse(end));

/** What a cause is, in a sentence. @param {Cause} cause */
function sentence(cause) {
  const { kind, device, place, calls, dropped, handsets, usual } = cause;
  const values = {
    name: kind === "handset" ? (device ?? "") : (place ?? ""),
    time: timeOf(cause),
    dropped: count(dropped),
    calls: count(calls),
    share: share(dropped, calls),
    handsets: count(handsets),
  };
  // A place that was cut off for minutes only has lost few of its calls of a week.
  if (kind === "place" && dropped < usual * calls) return say("cause.place-once", values);
  return `${say(`cause.${kind}`, values)} ${say(`elsewhere.${kind}`, { share: share(usual, 1) })}`;
}

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function whyView(dashboard) {
  const { store, session } = dashboard;
  /** @type {Answer | null} */
  let answer = null;
  /** @type {By} */
  let by = "handsets";
  let asked = 0;
  let { filter } = dashboard;

  const summary = el("p", { class: "note", role: "status" }, say("loading"));
  const causes = el("ol", { class: "told" });
  const again = button("look-again", say("why.again"), () => void load());

  const behindTitle = el("h2", { id: "behind-title", tabindex: "-1" });
  /** @type {Record<string, string | undefined>} */
  let behindOf = {};
  /** @type {Table<Dropped>} */
  const behindTable = new Table(
    {
      name: "behind",
      key: (call) => call.key,
      columns: [...COLUMNS.slice(0, 2), HOW, ...COLUMNS.slice(3)],
      file: [...FILE, "drop", "redialled"],
      rows: everyCallBehind,
    },
    (key) => dashboard.openDevice(key),
  );
  const behind = el(
    "section",
    { class: "panel behind", "aria-labelledby": "behind-title", hidden: true },
    el("div", { class: "panel-head" }, behindTitle, button("close-behind", say("close"), () => closeBehind())),
    behindTable.root,
  );

  const tables = /** @type {Record<By, Table<Drops>>} */ (
    Object.fromEntries(
      BY.map((each) => [
        each,
        new Table(
          {
            name: `by-${each}`,
            key: keyOf,
            columns: columnsOf(each),
            file: FIELDS,
          },
          (key) => openRow(each, key),
        ),
      ]),
    )
  );
  const order = choice(
    "drops-by",
    say("drops.by"),
    BY.map((each) => [each, say(`by-${each}.title`)]),
    (chosen) => {
      by = /** @type {By} */ (chosen);
      drawTable();
    },
  );
  const holder = el("div", {}, tables[by].root);
  const root = el(
    "div",
    { class: "why-view" },
    el("h1", { class: "unseen" }, say("view.why")),
    panel("causes", [summary, causes, el("p", { class: "note" }, say("causes.note"))], again),
    behind,
    panel("drops", [holder], order),
  );

  /** The period as the other views have it. */
  const span = () => ({
    fleet: dashboard.filter.fleet,
    from: new Date(Date.now() - dashboard.filter.hours * HOUR_MS).toISOString(),
  });

  async function load() {
    asked += 1;
    const mine = asked;
    closeBehind();
    root.setAttribute("aria-busy", "true");
    setText(summary, say("loading"));
    /** @type {Answer | null} */
    let found = null;
    try {
      found = await session.get("calls/causes", span());
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.reason === "ended") return void dashboard.leave("#ended");
    }
    // What was chosen, or looked at, meanwhile is something else.
    if (mine !== asked || !root.isConnected) return;
    answer = found;
    root.removeAttribute("aria-busy");
    drawCauses();
    drawTable();
  }

  function drawCauses() {
    if (answer === null) {
      setText(summary, say("why.failed"));
      causes.replaceChildren();
      return;
    }
    const { calls, dropped } = answer;
    const counts = { dropped: count(dropped), calls: count(calls), share: share(dropped, calls) };
    const words = { ...counts, time: clock(Date.now()) };
    setText(summary, calls === 0 ? say("hours.none") : say("causes.summary", words));
    const items = answer.causes.slice(0, TOLD).map((cause) => {
      const look = say(`look.${cause.kind}.${cause.drop}`);
      const chance = say(cause.chance < CERTAIN ? "why.certain" : "why.likely");
      return el(
        "li",
        {},
        el("p", { class: "cause" }, el("strong", {}, say(`why.is.${cause.kind}`)), ` ${sentence(cause)}`),
        el("p", { class: "note" }, `${look} ${chance}`),
        el("button", { type: "button", class: "link", onclick: () => void openCause(cause) }, say("why.calls")),
      );
    });
    if (items.length === 0 && calls > 0) items.push(el("li", { class: "empty" }, say("causes.none")));
    causes.replaceChildren(...items);
  }

  function drawTable() {
    const query = dashboard.filter.query.toLowerCase();
    const rows = (answer?.[by] ?? []).filter(
      ({ device, place }) => query === "" || `${device ?? ""}\n${place ?? ""}`.toLowerCase().includes(query),
    );
    holder.replaceChildren(tables[by].root);
    tables[by].follow(rows);
  }

  /** @param {Cause} cause */
  function openCause(cause) {
    const { kind, fleet, device, place, start, end } = cause;
    const name = kind === "handset" ? device : place;
    const title = name ?? timeOf(cause);
    const of = kind === "handset" ? { device: device ?? "" } : kind === "place" ? { place: place ?? "" } : {};
    return openBehind(title, { fleet, from: start, to: end, ...of });
  }

  /** @param {By} kind @param {string} key */
  function openRow(kind, key) {
    const row = answer?.[kind].find((one) => keyOf(one) === key);
    if (answer === null || row === undefined) return;
    const { start: from, end: to } = answer;
    const { fleet } = row;
    if (kind === "minutes") {
      const minute = row.minute ?? "";
      const next = new Date(Date.parse(minute) + MINUTE_MS).toISOString();
      void openBehind(moment(Date.parse(minute)), { fleet, from: minute, to: next });
    } else if (kind === "places") void openBehind(row.place ?? "", { fleet, from, to, place: row.place ?? "" });
    else void openBehind(row.device ?? "", { fleet, from, to, device: row.device ?? "" });
  }

  /** @param {string} name @param {Record<string, string | undefined>} of */
  async function openBehind(name, of) {
    behindOf = of;
    setText(behindTitle, say("behind.of", { name }));
    behindTable.follow([]);
    behind.hidden = false;
    behindTitle.focus({ preventScroll: true });
    behind.scrollIntoView();
    const found = await session.get("calls/dropped", { ...of, limit: 500 }).catch(() => null);
    if (behindOf !== of) return;
    if (found === null) announce(say("why.failed"));
    else behindTable.follow(shown(found.rows));
  }

  function closeBehind() {
    behindOf = {};
    behind.hidden = true;
  }

  /** What may be seen by all that has come since. @param {any[]} rows @returns {Dropped[]} */
  const shown = (rows) => rows.filter((row) => store.maySee(row)).map((row) => ({ ...row, ...callOf(row) }));

  async function everyCallBehind() {
    /** @type {Dropped[]} */
    const found = [];
    await session.all("calls/dropped", behindOf, (rows) => found.push(...shown(rows)));
    return found;
  }

  void load();

  return {
    root,
    draw(areas) {
      // What is taken back is gone at once, also from a list that nobody asks for anew.
      if (TAKING_BACK.some((area) => areas.has(area)))
        behindTable.draw(behindTable.latest.filter((call) => store.maySee(call)));
      const { fleet, hours, query } = filter;
      filter = dashboard.filter;
      if (filter.fleet !== fleet || filter.hours !== hours) void load();
      else if (filter.query !== query) drawTable();
    },
  };
}
