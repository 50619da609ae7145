// Makes elements. Nothing is ever read as HTML: what a handset says is text.

import { say } from "./words.js";

/** @typedef {Node | string | null | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, any>} attributes names that begin with "on" are listeners, "style" an object for CSSOM.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false));
  return element;
}

/**
 * @param {string} id
 * @param {Child} inside
 * @param {() => void} onclick
 * @param {Record<string, any>} more attributes.
 */
export const button = (id, inside, onclick, more = {}) =>
  el("button", { type: "button", class: "plain", id, ...more, onclick }, inside);

/**
 * A list of which one is chosen.
 * @param {string} id
 * @param {string} label
 * @param {[string, string][]} options each a value and its words.
 * @param {(value: string) => void} chosen
 */
export function choice(id, label, options, chosen) {
  const items = options.map(([value, words]) => el("option", { value }, words));
  const list = el("select", { id, "aria-label": label, onchange: () => chosen(list.value) }, ...items);
  return list;
}

/** @param {string} id @param {string} words @param {boolean} checked @param {(isOn: boolean) => void} changed */
export function checkbox(id, words, checked, changed) {
  const box = el("input", { type: "checkbox", id, checked, onchange: () => changed(box.checked) });
  return el("label", { class: "check", for: id }, box, words);
}

/**
 * A part of a view: a heading, what stands beside it, and what is below.
 * @param {string} name
 * @param {Node[]} below
 * @param {...Node} beside
 */
export const panel = (name, below, ...beside) =>
  el(
    "section",
    { class: `panel ${name}`, "aria-labelledby": `${name}-title` },
    el("div", { class: "panel-head" }, el("h2", { id: `${name}-title` }, say(`${name}.title`)), ...beside),
    ...below,
  );

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element ${id}.`);
  return element;
}

let saying = 0;

/**
 * Tell people who listen to the page what others see: seldom, and never in the middle of something.
 * @param {string} words
 * @param {number} after milliseconds of rest, so that the last of many is said alone.
 */
export function announce(words, after = 0) {
  clearTimeout(saying);
  saying = setTimeout(() => setText(byId("said"), words), after);
}

/**
 * Make what is in an element like these, and leave alone what is so already: it keeps focus, selection and place. What
 * is in it has no listeners of its own, or they stay with its place.
 * @param {Element} parent
 * @param {Node[]} children
 */
export function become(parent, children) {
  const known = [...parent.childNodes];
  for (const [index, child] of children.entries()) {
    const old = known[index];
    if (old === undefined) parent.append(child);
    else if (old instanceof HTMLElement && child instanceof HTMLElement && old.tagName === child.tagName)
      becomeElement(old, child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  }
  for (const old of known.slice(children.length)) old.remove();
}

/** @param {HTMLElement} old @param {HTMLElement} wanted */
function becomeElement(old, wanted) {
  if (old.isEqualNode(wanted)) return;
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) {
    // The policy forbids a style in an attribute; CSSOM is free.
    if (name === "style") old.style.cssText = wanted.style.cssText;
    else old.setAttribute(name, value);
  }
  become(old, [...wanted.childNodes]);
}

/** Put a text in place, where it is another one than there was. @param {Element} element @param {string} text */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
