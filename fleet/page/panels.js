// A part of a view: a heading and what is below it.

import { el } from "./dom.js";
import { say } from "./words.js";

/** @param {string} name @param {...HTMLElement} children */
export const panel = (name, ...children) =>
  el(
    "section",
    { class: `panel ${name}`, "aria-labelledby": `${name}-title` },
    el("div", { class: "panel-head" }, el("h2", { id: `${name}-title` }, say(`${name}.title`))),
    ...children,
  );
