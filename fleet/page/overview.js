// The first view: where every handset is, and what wants to be looked at.

import { HourChart } from "./charts.js";
import { csvOf, save } from "./csv.js";
import { announce, become, choice, el, panel, setText } from "./dom.js";
import { count, day, dueWords, duration, moment, share } from "./format.js";
import { FleetMap } from "./map.js";
import {
  devicesOf,
  devicesShown,
  erasuresShown,
  longestNotOnline,
  neverHeard,
  quarantineShown,
  stateCounts,
} from "./selection.js";
import { keyOf } from "./store.js";
import { say, sayValue } from "./words.js";

const STATES = /** @type {const} */ (["online", "no_line", "offline", "unknown"]);
const LISTED = 4;

/** What a file of handsets has, by the names of the API. */
const FILE = ["fleet", "device", "state", "state_since", "label", "place"];
const UNHEARD = ["fleet", "device", "serial", "label", "place"];
const MOST_UNHEARD = 8;

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {import("./dashboard.js").View} */
export function overview(dashboard) {
  const { store } = dashboard;
  const figures = {
    online: figure("online", ""),
    calls: figure("calls", "#calls"),
    late: figure("late", "#rights"),
    erasures: figure("erasures", "#rights"),
    quarantine: figure("quarantine", "#orders"),
  };
  const map = new FleetMap(store.names, (key) => dashboard.openDevice(key));
  const states = new Map(
    STATES.map((state) => {
      const number = el("span", { class: "number" });
      const sign = el("span", { class: "tile", "data-state": state, "aria-hidden": "true" });
      const button = el(
        "button",
        { type: "button", class: "state", "data-state": state, "aria-pressed": "false", onclick: () => toggle(state) },
        ...[sign, say(`state.${state}`), " ", number],
      );
      return [state, { button, number }];
    }),
  );
  /** @type {[string, string][]} */
  const orders = [
    ["fleet", say("map.by-fleet")],
    ["place", say("map.by-place")],
    ["state", say("map.by-state")],
  ];
  const order = choice("order", say("map.group"), orders, (chosen) => {
    dashboard.grouping = /** @type {import("./map.js").Grouping} */ (chosen);
    drawMap();
  });
  order.value = dashboard.grouping;
  const chart = new HourChart();
  const offline = el("ol", { class: "list" });
  const requests = el("ol", { class: "list" });
  const unheard = el("ol", { class: "list" });
  const unheardNote = el("p", { class: "note" });
  const unheardFile = el("button", { type: "button", class: "plain csv", onclick: saveUnheard }, say("csv"));
  const broken = el("p", { class: "wrong" });
  const unheardPanel = panel("unheard", [broken, unheard, el("div", { class: "foot" }, unheardNote, unheardFile)]);
  const waiting = el("p", { class: "waiting" }, say("loading"));
  // What somebody has to do something about goes first.
  const panels = [panel("requests", [requests]), panel("offline", [offline]), panel("hours", [chart.root]), unheardPanel];
  const side = el("div", { class: "side" }, ...panels);
  side.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.device) dashboard.openDevice(button.dataset.device);
  });

  const root = el(
    "div",
    { class: "overview" },
    el("h1", { class: "unseen" }, say("view.overview")),
    el("ul", { class: "figures" }, ...Object.values(figures).map((one) => one.root)),
    el(
      "section",
      { class: "panel fleet-map", "aria-labelledby": "map-title" },
      el(
        "div",
        { class: "panel-head" },
        el("h2", { id: "map-title" }, say("map.title")),
        el("div", { class: "states" }, ...[...states.values()].map((one) => one.button)),
        order,
      ),
      el("p", { id: "map-help", class: "unseen" }, say("map.help")),
      waiting,
      map.root,
      el(
        "div",
        { class: "foot" },
        el("span", { class: "note" }),
        el("button", { type: "button", class: "plain csv", onclick: () => download() }, say("csv")),
      ),
    ),
    side,
  );

  /** @param {string} state */
  function toggle(state) {
    const chosen = new Set(dashboard.filter.states);
    if (!chosen.delete(state)) chosen.add(state);
    dashboard.setFilter({ states: chosen });
  }

  function download() {
    const rows = devicesShown(store, dashboard.filter).map(({ fleet, device, state, since }) => ({
      fleet,
      device,
      state,
      state_since: since === null ? null : new Date(since).toISOString(),
      label: store.names.of({ fleet, device })?.label ?? "",
      place: store.names.placeOf({ fleet, device }),
    }));
    return saveRows("handsets.csv", FILE, rows);
  }

  function saveUnheard() {
    return saveRows("never-heard-of.csv", UNHEARD, neverHeard(store, dashboard.filter));
  }

  /** @param {string} name @param {string[]} fields @param {Record<string, any>[]} rows */
  async function saveRows(name, fields, rows) {
    try {
      await save(name, csvOf(fields, rows));
      announce(say("said.saved", { count: count(rows.length) }));
    } catch {
      announce(say("csv.failed"));
    }
  }

  function drawUnheard() {
    const { isBroken, readAt } = store.names;
    const rows = neverHeard(store, dashboard.filter);
    unheardPanel.hidden = rows.length === 0 && !isBroken;
    broken.hidden = !isBroken;
    setText(broken, readAt === null ? say("names.never") : say("names.broken", { time: moment(Date.parse(readAt)) }));
    const shown = rows.slice(0, MOST_UNHEARD).map(({ device, label, place, serial, fleet }) =>
      el(
        "li",
        {},
        el("span", {}, label === "" ? device : `${device} · ${label}`),
        el("span", { class: "about" }, place || (fleet ?? "")),
        el("span", { class: "second" }, serial),
      ),
    );
    become(unheard, rows.length > 0 ? shown : [el("li", { class: "empty" }, say("unheard.none"))]);
    setText(unheardNote, say("calls.count", { shown: count(shown.length), count: count(rows.length) }));
    unheardFile.hidden = rows.length === 0;
  }

  function drawMap() {
    const { filter } = dashboard;
    const counts = stateCounts(devicesOf(store, filter));
    for (const [state, { button, number }] of states) {
      setText(number, count(counts[state]));
      button.setAttribute("aria-pressed", String(filter.states.has(state)));
    }
    const shown = devicesShown(store, filter);
    const isWaiting = store.devices.size === 0 && !dashboard.isLoaded;
    waiting.hidden = !isWaiting;
    map.root.hidden = isWaiting;
    const isFiltered = filter.states.size > 0 || filter.query !== "" || filter.fleet !== "";
    map.draw(shown, dashboard.grouping, dashboard.late, isFiltered);
    map.select(dashboard.panel?.key ?? "");
    const all = counts.online + counts.no_line + counts.offline + counts.unknown;
    figures.online.draw(count(counts.online), say("figure.of", { count: count(all) }));
  }

  function drawCalls() {
    const hours = [...store.hours.values()].sort((one, other) => one.hour - other.hour);
    const answered = hours.reduce((sum, hour) => sum + hour.answered, 0);
    const calls = answered + hours.reduce((sum, hour) => sum + hour.other, 0);
    const period = say(`range.${dashboard.filter.hours}`);
    const answers = { share: share(answered, calls), period };
    figures.calls.draw(count(calls), calls === 0 ? say("figure.period", { period }) : say("figure.answered", answers));
    chart.draw(hours);
  }

  function drawOffline() {
    const away = longestNotOnline(devicesOf(store, dashboard.filter)).slice(0, LISTED);
    const rows = away.map((device) => {
      const { since } = device;
      const about = `${device.fleet} · ${say(`state.${device.state}`)}`;
      if (since === null) return item(device, about, say("offline.before"), "");
      return item(device, about, duration(Date.now() - since), say("offline.since", { time: moment(since) }));
    });
    become(offline, away.length > 0 ? rows : [el("li", { class: "empty" }, say("offline.none"))]);
  }

  function drawRequests() {
    const open = dashboard.requests().filter((request) => request.standing !== "closed");
    const late = open.filter((request) => request.standing === "overdue").length;
    const note = open.length === 0 ? say("figure.none-late") : say("figure.open", { count: count(open.length) });
    figures.late.draw(count(late), note, late > 0);
    const today = dashboard.today();
    const rows = open.slice(0, LISTED).map((request) => {
      const { due, kind, standing } = request;
      return item(request, sayValue("right", kind), dueWords(due, today), day(due), standing === "overdue");
    });
    become(requests, open.length > 0 ? rows : [el("li", { class: "empty" }, say("requests.none"))]);
  }

  function drawRest() {
    const erasures = erasuresShown(store, dashboard.filter).filter((one) => one.standing === "outstanding").length;
    figures.erasures.draw(count(erasures), say("figure.erasures-note"));
    const kept = quarantineShown(store, dashboard.filter).reduce((sum, one) => sum + one.count, 0);
    figures.quarantine.draw(count(kept), say("figure.quarantine-note"));
  }

  /** @param {{fleet: string, device: string}} of @param {string} about @param {string} first @param {string} second */
  function item(of, about, first, second, isLate = false) {
    return el(
      "li",
      { class: isLate ? "late" : "" },
      el("button", { type: "button", class: "link", "data-device": keyOf(of) }, store.names.wordsOf(of)),
      el("span", { class: "about" }, about),
      el("span", { class: "first" }, first),
      el("span", { class: "second" }, second),
    );
  }

  return {
    root,
    fast: drawMap,
    recolour: () => chart.recolour(),
    draw(areas) {
      drawMap();
      if (areas.has("hours")) drawCalls();
      if (areas.has("devices")) drawOffline();
      if (areas.has("devices") || areas.has("names")) drawUnheard();
      if (areas.has("requests") || areas.has("consents")) drawRequests();
      if (areas.has("erasures") || areas.has("quarantine")) drawRest();
    },
  };
}

/** @param {string} name @param {string} href */
function figure(name, href) {
  const value = el("span", { class: "value" }, "–");
  const note = el("span", { class: "figure-note" });
  const inside = [value, el("span", { class: "figure-name" }, say(`figure.${name}`)), note];
  const root = el(
    "li",
    { class: `figure ${name}` },
    href === "" ? el("div", {}, ...inside) : el("a", { href }, ...inside),
  );
  return {
    root,
    /** @param {string} words @param {string} more */
    draw(words, more, isBad = false) {
      setText(value, words);
      setText(note, more);
      root.classList.toggle("bad", isBad);
    },
  };
}
