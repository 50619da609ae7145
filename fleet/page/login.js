// The form by which somebody logs in.

import { button, el } from "./dom.js";
import { leave } from "./open_id.js";
import { Refusal } from "./session.js";
import { say } from "./words.js";

/** @param {Refusal} refusal */
function whyNot({ reason, detail }) {
  // Nobody knows what the provider calls them, and that is what has to be put into the settings.
  const [there] = /openid:\S+/.exec(detail) ?? [];
  if (reason === "unnamed" && there !== undefined) return say("login.unnamed.there", { user: there });
  return say(`login.${reason}`, { page: detail });
}

/**
 * @param {{
 *   session: import("./session.js").Session, reason: Refusal | null, languages: boolean, openId: string | null,
 *   entered: () => void, switchLanguage: () => void, switchTheme: () => void,
 * }} about reason: why one has to log in again. openId: what the OpenID provider is called, null for none.
 */
export function login({ session, reason, languages, openId, entered, switchLanguage, switchTheme }) {
  const user = el("input", {
    id: "user",
    name: "username",
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
    required: true,
    maxlength: "64",
    placeholder: "dashboard.main",
  });
  const password = el("input", {
    id: "password",
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
    maxlength: "256",
  });
  const wrong = el("p", { id: "wrong", class: "wrong", role: "alert" }, reason && whyNot(reason));
  const enter = el("button", { type: "submit", class: "main" }, say("login.enter"));

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    enter.disabled = true;
    enter.textContent = say("login.busy");
    wrong.textContent = "";
    try {
      await session.logIn(user.value.trim(), password.value);
      entered();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      wrong.textContent = whyNot(error);
      enter.disabled = false;
      enter.textContent = say("login.enter");
      (error.reason === "wrong" ? password : enter).focus();
      if (error.reason === "wrong") password.select();
    }
  }

  const away = button("open-id", say("login.away", { name: openId ?? "" }), goAway, { class: "plain away" });

  async function goAway() {
    away.disabled = true;
    wrong.textContent = "";
    try {
      await leave();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      wrong.textContent = whyNot(error);
      away.disabled = false;
    }
  }

  const form = el(
    "form",
    { class: "login", onsubmit: submit, "aria-labelledby": "login-title" },
    el("h1", { id: "login-title" }, el("span", { class: "brand" }, say("brand")), say("login.title")),
    wrong,
    el("label", { for: "user" }, say("login.user")),
    user,
    el("label", { for: "password" }, say("login.password")),
    password,
    enter,
    openId !== null && away,
    el("p", { class: "note" }, say("login.note")),
    el(
      "p",
      { class: "login-foot" },
      languages && button("language", say("language"), switchLanguage),
      button("theme", say("theme"), switchTheme),
    ),
  );
  const root = el("main", { class: "entrance" }, form);
  requestAnimationFrame(() => user.focus());
  return root;
}
