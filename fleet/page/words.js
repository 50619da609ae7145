// Says everything in the language that the page speaks at the moment. Pure but for that choice.

import { chinese } from "./words_zh.js";
import { english } from "./words_en.js";

/** @typedef {"en" | "zh"} Language */

/** @type {Record<Language, Record<string, string>>} */
export const CATALOGUES = { en: english, zh: chinese };

/** @type {Language} */
let spoken = "en";

export const language = () => spoken;

/** A locale for times and numbers: days begin with the number of hours that people there expect. */
export const locale = () => (spoken === "zh" ? "zh-CN" : "en-GB");

/** @param {Language} wanted */
export const speak = (wanted) => {
  spoken = wanted;
};

/**
 * The language to begin with: the first of a browser's that there is.
 * @param {readonly string[]} wanted as in navigator.languages
 * @param {Language[]} offered
 * @returns {Language}
 */
export function firstOf(wanted, offered) {
  for (const tag of wanted) {
    const found = offered.find((one) => tag.toLowerCase().split("-")[0] === one);
    if (found) return found;
  }
  return offered[0] ?? "en";
}

/**
 * @param {string} key
 * @param {Record<string, string | number>} values what stands for {name} in the words.
 */
export function say(key, values = {}) {
  const words = CATALOGUES[spoken][key];
  if (words === undefined) throw new Error(`There are no words for ${key}.`);
  return words.replaceAll(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/**
 * Words for a value that the other end chose: a newer handset may say what this page does not know.
 * @param {string} group
 * @param {string} value
 */
export const sayValue = (group, value) => CATALOGUES[spoken][`${group}.${value}`] ?? value.replaceAll("_", " ");
