// Keys that do something wherever one is, and the list of them.

import { checkbox, el } from "./dom.js";
import { say } from "./words.js";

/** Whether single letters do something: who speaks to a computer may not want that. */
let areOn = true;

/** @param {import("./dashboard.js").Dashboard} dashboard */
export function listenForKeys(dashboard) {
  document.addEventListener("keydown", (event) => {
    if (!areOn || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const target = event.target;
    if (event.key === "Escape" && dashboard.panel?.key) {
      dashboard.closeDevice();
      return;
    }
    if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
    const does = actions(dashboard)[event.key];
    if (does === undefined) return;
    event.preventDefault();
    does();
  });
}

/** @param {string} view */
const show = (view) => {
  location.hash = view;
};

/** @param {import("./dashboard.js").Dashboard} dashboard @returns {Record<string, () => void>} */
function actions(dashboard) {
  return {
    "/": () => dashboard.filters?.search.focus(),
    p: () => dashboard.pause(),
    t: () => dashboard.theme(),
    l: () => dashboard.about.languages.length > 1 && dashboard.switchLanguage(),
    x: () => dashboard.clearFilter(),
    "?": () => dashboard.help(),
    1: () => show("overview"),
    2: () => show("calls"),
    3: () => show("why"),
    4: () => show("rights"),
    5: () => show("orders"),
  };
}

/** @param {import("./dashboard.js").Dashboard} dashboard */
export function shortcutList(dashboard) {
  const rows = /** @type {const} */ ([
    ["/", "search"],
    ["1 – 5", "views"],
    ["p", "pause"],
    ["x", "clear"],
    ["t", "theme"],
    ["l", "language"],
    ["← → ↑ ↓", "grid"],
    ["Home End", "ends"],
    ["Enter", "open"],
    ["Esc", "close"],
    ["?", "help"],
  ]);
  const words = rows.flatMap(([key, words]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, say(`keys.${words}`))]);
  const list = el(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, say("keys.title")),
    el("dl", {}, ...words),
    checkbox("single-keys", say("keys.single"), areOn, (isOn) => {
      areOn = isOn;
    }),
    el("button", { type: "button", class: "main", onclick: () => list.close() }, say("close")),
  );
  return list;
}
