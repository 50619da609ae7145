// Begins: asks the collector how it is reached, lets somebody log in, and puts the dashboard there.

import { Dashboard } from "./dashboard.js";
import { byId, el } from "./dom.js";
import { login } from "./login.js";
import { returned } from "./open_id.js";
import { Refusal, Session, settings } from "./session.js";
import { switchTheme } from "./theme.js";
import { firstOf, language, locale, say, speak } from "./words.js";

const RETRY_MS = 3_000;
/** Why the page was loaded anew stands in its address, since it remembers nothing else. */
const ENDED = "#ended";

const session = new Session();

/** Name the language in the document, for whoever reads it aloud, and in the window's title. */
function name() {
  document.documentElement.lang = locale();
  document.title = `${say("brand")} · ${say("title")}`;
}

function reasonOf() {
  if (location.hash !== ENDED) return null;
  history.replaceState(null, "", location.pathname);
  return new Refusal("ended");
}

/** @typedef {Awaited<ReturnType<typeof settings>>} About */

/** @param {About} about @param {Refusal | null} reason why one has to log in again. */
function begin(about, reason) {
  const page = byId("page");
  const switchLanguage = switching(about);
  page.replaceChildren(
    login({
      session,
      reason,
      languages: about.languages.length > 1,
      openId: about.open_id,
      entered: () => enter(about),
      switchLanguage: () => {
        switchLanguage();
        begin(about, reason);
      },
      switchTheme,
    }),
  );
}

/** @param {About} about */
function enter(about) {
  new Dashboard(byId("page"), session, about, switching(about)).start();
}

/** @param {About} about */
const switching = (about) => () => {
  speak(about.languages.find((one) => one !== language()) ?? language());
  name();
};

/** Let somebody in who comes back from an OpenID provider, or have them log in. @param {About} about */
async function receive(about) {
  const came = await returned();
  if (came === null || came instanceof Refusal) return begin(about, came ?? reasonOf());
  try {
    await session.comeBack(came.code, came.verifier);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return begin(about, error);
  }
  enter(about);
}

async function start() {
  speak(firstOf(navigator.languages, ["en", "zh"]));
  name();
  byId("page").replaceChildren(el("main", { class: "entrance" }, el("p", { class: "waiting" }, say("loading"))));
  for (;;) {
    try {
      const about = await settings();
      speak(firstOf(navigator.languages, about.languages));
      name();
      await receive(about);
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
