// One handset beside the view: its state, its holder's answers and requests, its calls.

import { startedWords, talkWords } from "./calls.js";
import { become, button, el, setText } from "./dom.js";
import { day, dueWords, duration, moment } from "./format.js";
import { everything, kindOfResult } from "./selection.js";
import { callOf, keyOf, mayShowCalls } from "./store.js";
import { say, sayValue } from "./words.js";

/** @typedef {import("./store.js").Call} Call */

const CALLS = 50;
const SHOWN_ABOUT = ["devices", "consents", "requests", "calls"];

export class DevicePanel {
  /**
   * @param {import("./dashboard.js").Dashboard} dashboard
   * @param {() => void} closed
   */
  constructor(dashboard, closed) {
    this.dashboard = dashboard;
    this.key = "";
    /** @type {Call[]} */
    this.before = [];
    this.title = el("h2", { id: "device-title", tabindex: "-1" });
    this.facts = el("div", { class: "facts" });
    this.calls = el("ol", { class: "list calls-list" });
    this.root = el(
      "aside",
      { class: "device", hidden: true, "aria-labelledby": "device-title" },
      el("div", { class: "panel-head" }, this.title, button("close", say("close"), closed)),
      this.facts,
      el("h3", {}, say("device.last")),
      this.calls,
    );
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        closed();
      }
    });
  }

  /** @param {string} key @param {boolean} takesFocus */
  open(key, takesFocus) {
    this.key = key;
    this.before = [];
    this.root.hidden = false;
    document.body.classList.add("with-device");
    this.#draw();
    if (takesFocus) this.title.focus();
    void this.#load(key);
  }

  close() {
    this.key = "";
    this.root.hidden = true;
    document.body.classList.remove("with-device");
  }

  /** @param {string} key */
  async #load(key) {
    const [fleet, device] = key.split("/");
    const answer = await this.dashboard.session
      .get("calls", { fleet, device, limit: CALLS })
      .catch(() => ({ rows: [] }));
    if (this.key !== key) return;
    this.before = answer.rows.map(callOf);
    this.#draw();
  }

  /** @param {Set<string>} areas */
  draw(areas) {
    if (this.key !== "" && SHOWN_ABOUT.some((area) => areas.has(area))) this.#draw();
  }

  #draw() {
    const { store } = this.dashboard;
    const [fleet, name] = this.key.split("/");
    const device = store.devices.get(this.key);
    const named = store.names.of({ fleet, device: name });
    setText(this.title, store.names.wordsOf({ fleet, device: name }));
    const state = device?.state ?? "unknown";
    const lasting = device?.since ? ` · ${duration(Date.now() - device.since)}` : "";
    const sign = el("span", { class: "tile", "data-state": state, "aria-hidden": "true" });
    const about = el("span", { class: "about" }, named?.place ? `${named.place} · ${fleet}` : fleet);
    become(this.facts, [
      el("p", { class: "where" }, sign, say(`state.${state}`), lasting, about),
      el("p", { class: "note" }, device?.since ? say("offline.since", { time: moment(device.since) }) : ""),
      el("p", { class: "note" }, named?.serial ? say("device.serial", { serial: named.serial }) : ""),
      this.#consent(device),
      ...this.#requests(),
    ]);
    this.#drawCalls(device === undefined || mayShowCalls(device));
  }

  /** @param {boolean} mayShow */
  #drawCalls(mayShow) {
    const { store } = this.dashboard;
    const calls = new Map(this.before.filter((call) => store.maySee(call)).map((call) => [call.key, call]));
    for (const call of store.calls.values()) if (keyOf(call) === this.key) calls.set(call.key, call);
    const shown = [...calls.values()].sort((one, other) => other.startedAt - one.startedAt).slice(0, CALLS);
    const rows = shown.map((call) => {
      const number = el("span", { class: call.number === null ? "quiet" : "exact" }, call.number ?? say("withheld"));
      const ended = el("span", { class: `first result ${kindOfResult(call.result)}` }, sayValue("ended", call.result));
      const begun = `${sayValue("direction", call.direction)} · ${startedWords(call)}`;
      const about = el("span", { class: "about" }, begun);
      return el("li", {}, number, ended, about, el("span", { class: "second" }, talkWords(call)));
    });
    if (shown.length === 0) rows.push(el("li", { class: "empty" }, say(mayShow ? "device.no-calls" : "device.hidden")));
    become(this.calls, rows);
  }

  /** @param {import("./store.js").Device | undefined} device */
  #consent(device) {
    const consent = device?.consent;
    if (!consent) return el("p", { class: "note" }, say("device.no-consent"));
    const answers = consent.purposes.flatMap(({ purpose, granted, since }) => {
      const isYes = granted && consent.intact;
      const said = say(since === null ? "never" : isYes ? "yes" : "no");
      const answer = el("dd", { class: isYes ? "answered" : "quiet", title: since ?? "" }, said);
      return [el("dt", {}, sayValue("purpose", purpose)), answer];
    });
    return el(
      "section",
      {},
      el("h3", {}, say("device.consent")),
      el("dl", { class: "answers" }, ...answers),
      el("p", { class: "note" }, say("device.policy", { version: consent.policy })),
      consent.intact ? "" : el("p", { class: "wrong" }, say("device.broken")),
    );
  }

  #requests() {
    const today = this.dashboard.today();
    const mine = this.dashboard
      .requests(everything())
      .filter((one) => keyOf(one) === this.key && one.standing !== "closed");
    if (mine.length === 0) return [];
    const rows = mine.map(({ standing, kind, due }) =>
      el(
        "li",
        { class: standing === "overdue" ? "late" : "" },
        el("span", {}, sayValue("right", kind)),
        el("span", { class: "first" }, dueWords(due, today)),
        el("span", { class: "second" }, day(due)),
      ),
    );
    return [el("section", {}, el("h3", {}, say("device.requests")), el("ul", { class: "list" }, ...rows))];
  }
}
