// The bar above everything: views, how the connections stand, and what concerns the whole page.

import { el, setText } from "./dom.js";
import { clock } from "./format.js";
import { say } from "./words.js";

export class Header {
  /**
   * @param {import("./dashboard.js").Dashboard} dashboard
   * @param {string[]} views
   */
  constructor(dashboard, views) {
    this.dashboard = dashboard;
    this.nav = el(
      "nav",
      { "aria-label": say("title") },
      ...views.map((name) => el("a", { href: `#${name}`, "data-view": name }, say(`view.${name}`))),
    );
    this.badge = el("span", { class: "badge", id: "standing" });
    this.pause = button("pause", () => dashboard.pause(), "");
    const theme = button("theme", () => dashboard.theme(), el("span", { "aria-hidden": "true" }, "◐"), say("theme"));
    const language = button("language", () => dashboard.switchLanguage(), say("language"));
    const keys = button("keys", () => dashboard.help(), "?", say("shortcuts"));
    const logout = button("logout", () => void dashboard.logOut(), say("logout"));
    this.root = el(
      "header",
      { class: "top" },
      el("a", { class: "skip", href: "#content", onclick: this.#skip }, say("skip")),
      el("span", { class: "brand" }, say("brand"), " ", el("span", {}, say("title"))),
      this.nav,
      el(
        "div",
        { class: "tools" },
        this.badge,
        this.pause,
        theme,
        dashboard.about.languages.length > 1 && language,
        keys,
        logout,
      ),
    );
    this.banner = el("div", { class: "banner", hidden: true });
  }

  /** @param {Event} event */
  #skip = (event) => {
    event.preventDefault();
    this.dashboard.content?.focus();
  };

  /** Mark the view that is shown. @param {string} view */
  mark(view) {
    for (const link of this.nav.children) {
      if (link instanceof HTMLElement && link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** Say whether broker and collector answer, and since when not. */
  draw() {
    const { badge, banner } = this;
    const { live, history, wasLost, lostAt, isPaused } = this.dashboard;
    setText(this.pause, say(isPaused ? "resume" : "pause"));
    this.pause.setAttribute("aria-pressed", String(isPaused));
    const state = wasLost && live.state === "connecting" ? "lost" : live.state;
    const isLost = state === "lost" || state === "taken";
    badge.dataset.state = state;
    setText(badge, say(`live.${isLost ? "lost" : state}`));
    banner.hidden = !isLost && !history.gone;
    if (state === "taken") {
      banner.replaceChildren(
        say("banner.taken"),
        " ",
        button("take", () => live.takeBack(), say("banner.take")),
      );
      return;
    }
    const kind = isLost && history.gone ? "both" : isLost ? "broker" : "api";
    setText(banner, say(`banner.${kind}`, { time: clock(kind === "api" ? history.asOf : lostAt) }));
  }
}

/**
 * @param {string} id
 * @param {() => void} does
 * @param {string | HTMLElement} inside
 * @param {string | undefined} name where what is inside is a sign.
 */
const button = (id, does, inside, name = undefined) =>
  el("button", { type: "button", class: "plain", id, "aria-label": name, title: name, onclick: does }, inside);
