// Light or dark: the system's way until somebody chooses here, for as long as the page is open.

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** @type {"light" | "dark" | null} */
let chosen = null;

export const isDark = () => (chosen ?? (DARK.matches ? "dark" : "light")) === "dark";

export function switchTheme() {
  chosen = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
}

/** @param {() => void} changed called whenever the system changes its mind. */
export const onSystemTheme = (changed) => DARK.addEventListener("change", changed);

/** A colour of the page's style as it is now, for what draws by itself. @param {string} name */
export function colour(name) {
  const probe = document.body.appendChild(document.createElement("span"));
  probe.style.color = `var(${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
