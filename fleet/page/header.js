// The bar above everything: views, how the connections stand, and what concerns the whole page.

import { button, el, setText } from "./dom.js";
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
    this.pause = button("pause", "", () => dashboard.pause());
    const half = el("span", { "aria-hidden": "true" }, "◐");
    const theme = button("theme", half, () => dashboard.theme(), named("theme"));
    const language = button("language", say("language"), () => dashboard.switchLanguage());
    const keys = button("keys", "?", () => dashboard.help(), named("shortcuts"));
    const logout = button("logout", say("logout"), () => void dashboard.logOut());
    const several = dashboard.about.languages.length > 1;
    this.root = el(
      "header",
      { class: "top" },
      el("a", { class: "skip", href: "#content", onclick: this.#skip }, say("skip")),
      el("span", { class: "brand" }, say("brand"), " ", el("span", {}, say("title"))),
      this.nav,
      el("div", { class: "tools" }, this.badge, this.pause, theme, several && language, keys, logout),
    );
    this.banner = el("div", { class: "banner", role: "status", hidden: true });
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

  /** Say whether broker, collector and database answer, and since when not. */
  draw() {
    const { badge, banner } = this;
    const { live, history, wasLost, lostAt, isPaused } = this.dashboard;
    setText(this.pause, say(isPaused ? "resume" : "pause"));
    this.pause.setAttribute("aria-pressed", String(isPaused));
    badge.dataset.state = live.state;
    setText(badge, say(`live.${live.state}`));
    banner.hidden = !wasLost && !history.gone;
    const kind = wasLost ? live.missing : "database";
    setText(banner, say(`banner.${kind}`, { time: clock(wasLost ? lostAt : history.asOf) }));
  }
}

/** The name of a button whose inside is a sign. @param {string} key */
const named = (key) => ({ "aria-label": say(key), title: say(key) });
