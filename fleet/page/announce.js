// Tells people who listen to the page what others see: seldom, and never in the middle of something.

import { byId } from "./dom.js";

let timer = 0;

/** @param {string} words @param {number} after milliseconds of rest, so that the last of many is said alone. */
export function announce(words, after = 0) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    byId("said").textContent = words;
  }, after);
}
