// Begins: asks the collector how it is reached, lets somebody log in, and puts the dashboard there.

import { Dashboard } from "./dashboard.js";
import { byId, el } from "./dom.js";
import { login } from "./login.js";
import { Refusal, Session, settings } from "./session.js";
import { switchTheme } from "./theme.js";
import { firstOf, language, locale, say, speak } from "./words.js";

const RETRY_MS = 3_000;
/** Why the page was loaded anew stands in its address, since it remembers nothing else. */
const REASONS = /** @type {Record<string, string>} */ ({ "#ended": "login.ended" });

const session = new Session();

/** Name the language in the document, for whoever reads it aloud, and in the window's title. */
function name() {
  document.documentElement.lang = locale();
  document.title = `${say("brand")} · ${say("title")}`;
}

/** @param {{languages: ("en" | "zh")[], time_zone: string}} about @param {string} reason */
function begin(about, reason) {
  const page = byId("page");
  const offered = about.languages;
  const switchLanguage = () => {
    speak(offered.find((one) => one !== language()) ?? language());
    name();
  };
  page.replaceChildren(
    login({
      session,
      reason,
      languages: offered.length > 1,
      entered: () => new Dashboard(page, session, about, switchLanguage).start(),
      switchLanguage: () => {
        switchLanguage();
        begin(about, reason);
      },
      switchTheme,
    }),
  );
}

async function start() {
  speak(firstOf(navigator.languages, ["en", "zh"]));
  name();
  const reason = REASONS[location.hash] ?? "";
  if (reason) history.replaceState(null, "", location.pathname);
  byId("page").replaceChildren(el("main", { class: "entrance" }, el("p", { class: "waiting" }, say("loading"))));
  for (;;) {
    try {
      const about = await settings();
      speak(firstOf(navigator.languages, about.languages));
      name();
      begin(about, reason);
      return;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      byId("page").replaceChildren(
        el("main", { class: "entrance" }, el("p", { class: "waiting", role: "alert" }, say("login.gone"))),
      );
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }
}

void start();
