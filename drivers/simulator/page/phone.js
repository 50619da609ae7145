// The page's side of the simulated phone. The simulator owns the state; this page draws it and reports fingers.

const FUNCTIONS = {
  ok: { label: "OK", chinese: "确定", shortcuts: ["Enter"] },
  cancel: { label: "Cancel", chinese: "取消", shortcuts: ["Escape", "Backspace"] },
  redial: { label: "Redial", chinese: "重拨", shortcuts: ["r"] },
  menu: { label: "Menu", chinese: "菜单", shortcuts: ["u"] },
  mute: { label: "Mute", chinese: "静音", shortcuts: ["m"] },
  hold: { label: "Hold", chinese: "保持", shortcuts: ["h"] },
  volume_up: { label: "Volume", unseen: "up", chinese: "音量+", shortcuts: ["ArrowUp"] },
  volume_down: { label: "Volume", unseen: "down", chinese: "音量−", shortcuts: ["ArrowDown"] },
  transfer: { label: "Transfer", chinese: "转接", shortcuts: ["t"] },
  conference: { label: "Confer", description: "Conference", chinese: "会议", shortcuts: ["c"] },
  speaker: { label: "Speaker", chinese: "免提", shortcuts: ["s"] },
  voicemail: { label: "Voicemail", chinese: "留言", shortcuts: ["v"] },
  do_not_disturb: { label: "Quiet", description: "Do not disturb", chinese: "免打扰", shortcuts: ["d"] },
  record: { label: "Record", chinese: "录音", shortcuts: ["e"] },
  boost: { label: "Louder", chinese: "增强", shortcuts: ["b"] },
};
const LETTERS = {
  1: "", 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", "*": "", 0: "+", "#": "",
};
const SPOKEN = { "*": "Star", "#": "Hash" };
const INDICATOR = {
  off: "off", on: "on", slow_blink: "blinking slowly", fast_blink: "blinking fast", pulse: "short flashes",
};
const HOOK_SHORTCUTS = new Set([" ", "l"]);
// Keys that move within a list or a choice of the page itself while it has the focus.
const OWN_KEYS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Enter", " "]);
const LIT = [226, 244, 255, 255];
// A display of letters: what is behind it, a dot that is off, one that is on.
const LETTER_COLOURS = { ground: [20, 44, 138, 255], dot: [28, 55, 156, 255], lit: [236, 243, 255, 255] };
const CELL = { width: 6, height: 9 };
const TALLEST_PX = { narrow: 190, wide: 264 };
const MOST_LINES = 200;
const LETTERS_AT_ONCE = 100;
const RETRY_FIRST_MS = 250;
const RETRY_LONGEST_MS = 5000;

const element = (id) => document.getElementById(id);
const phone = element("phone");
const keypad = element("keys");
const hook = element("hook");
const canvas = element("display");
const buttons = new Map();
const shortcuts = new Map();
let socket = null;
let offHook = false;
// What is in the field for letters and has been sent.
let written = "";
let wantedOffHook = null;
let keysDown = new Set();

// --- what this page holds down -------------------------------------------------------------------------------------
// A key can be held by a pointer and by keys of the computer at once; it comes up with the last of them.

const held = new Map();

function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function hold(finger, key) {
  if (held.has(finger) || !buttons.has(key)) return;
  const isFirst = ![...held.values()].includes(key);
  held.set(finger, key);
  if (isFirst) send({ type: "key_down", key });
  showKeys();
}

function release(finger) {
  const key = held.get(finger);
  if (key === undefined) return;
  held.delete(finger);
  if (![...held.values()].includes(key)) send({ type: "key_up", key });
  showKeys();
}

function releaseAll() {
  for (const finger of [...held.keys()]) release(finger);
}

// From what was asked for last: whoever taps quickly is ahead of the simulator's answer.
function toggleHook() {
  wantedOffHook = !(wantedOffHook ?? offHook);
  send({ type: "hook", off_hook: wantedOffHook });
}

// --- drawing -------------------------------------------------------------------------------------------------------

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function drawIcon(name) {
  const [icon, use] = ["svg", "use"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  use.setAttribute("href", `#icon-${name}`);
  icon.setAttribute("aria-hidden", "true");
  icon.append(use);
  return icon;
}

function drawKey(name) {
  const details = FUNCTIONS[name];
  const letters = LETTERS[name];
  const keys = details?.shortcuts ?? [name];
  const main = make("span", { className: "key-main" }, details ? drawIcon(name) : name === "*" ? "∗" : name);
  const sub = make("span", { className: "key-sub" }, details?.label ?? letters ?? "");
  // What is seen on a key is its name, in both languages, so that whoever speaks to the page can say either.
  if (details) {
    if (details.unseen) sub.append(" ", make("span", { className: "unseen" }, details.unseen));
    sub.append(" ", make("span", { lang: "zh", className: "key-chinese" }, details.chinese));
  }
  for (const shortcut of keys) shortcuts.set(shortcut, name);
  const button = make("button", {
    type: "button",
    className: `key ${letters === undefined ? "key-function" : "key-digit"}`,
    ariaLabel: details ? null : [SPOKEN[name] ?? name, letters].filter(Boolean).join(" "),
    ariaDescription: details?.description ?? null,
  });
  button.dataset.key = name;
  // The space keeps what is seen ("2 ABC") within the name, as those who operate the page by voice need it.
  button.append(main, " ", sub);
  return button;
}

function drawPhone({ keys, displays }) {
  buttons.clear();
  shortcuts.clear();
  keypad.style.setProperty("--columns", Math.max(...keys.map((line) => line.length)));
  keypad.replaceChildren();
  for (const line of keys) {
    line.forEach((name, column) => {
      const button = drawKey(name);
      button.style.gridColumn = column + 1;
      buttons.set(name, button);
      keypad.append(button);
    });
  }
  showShortcuts();
  element("choices").replaceChildren(...displays.map(([family, label]) => drawChoice(family, label)));
  element("journal").replaceChildren();
}

// Whoever speaks to the computer would press keys by every word (WCAG 2.2, 2.1.4).
const mayPress = (typed) => typed.length > 1 || typed === " " || element("characters").checked;

function showShortcuts() {
  const shown = [[hook, HOOK_SHORTCUTS], ...[...buttons].map(([name, button]) => [
    button, [...shortcuts].filter(([, key]) => key === name).map(([typed]) => typed),
  ])];
  for (const [control, all] of shown) {
    control.ariaKeyShortcuts = [...all].filter(mayPress).map((typed) => (typed === " " ? "Space" : typed)).join(" ") || null;
  }
}

function drawChoice(family, label) {
  return make("label", {}, make("input", { type: "radio", name: "family", value: family }), make("span", {}, label));
}

let display = { kind: "bits", dots: [] };

function showDisplay(description) {
  display = description;
  const { kind, family, width, height } = description;
  const isOfLetters = kind === "letters";
  canvas.width = isOfLetters ? width * CELL.width + 1 : width;
  canvas.height = isOfLetters ? height * CELL.height + 1 : height;
  canvas.setAttribute("aria-label", `The phone's display, ${width} by ${height} ${isOfLetters ? "letters" : "pixels"}`);
  element("panel").dataset.kind = kind;
  for (const button of element("choices").querySelectorAll("input")) button.checked = button.value === family;
  fitDisplay();
}

function showJournal(lines) {
  const journal = element("journal");
  for (const { at, text } of lines) {
    journal.prepend(make("li", {}, make("time", {}, at), " ", text));
  }
  while (journal.children.length > MOST_LINES) journal.lastElementChild.remove();
}

function showKeys() {
  const mine = new Set(held.values());
  for (const [name, button] of buttons) button.classList.toggle("is-down", keysDown.has(name) || mine.has(name));
}

function showWriting(isWriting) {
  if (element("writing").hidden !== isWriting) return;
  element("writing").hidden = !isWriting;
  written = element("letters").value = "";
  if (isWriting) element("letters").focus();
  else element("letters").blur();
}

function showState(state) {
  keysDown = new Set(state.keys_down);
  showKeys();
  if (state.off_hook === wantedOffHook) wantedOffHook = null;
  if (state.off_hook !== offHook) {
    offHook = state.off_hook;
    hook.setAttribute("aria-checked", String(offHook));
    phone.classList.toggle("is-lifted", offHook);
    followHandset();
  }
  document.body.classList.toggle("is-ringing", state.ringing);
  element("ringing").textContent = state.ringing ? "Ringing" : "";
  if (element("text").textContent !== state.text) element("text").textContent = state.text;
  showBrightness(state.brightness_percent);
  showWriting(state.is_writing);
  element("indicator").dataset.pattern = state.indicator;
  element("indicator").setAttribute("aria-label", `Status light: ${INDICATOR[state.indicator] ?? state.indicator}`);
}

const PAINTERS = {
  bits(frame, image) {
    const rowBytes = Math.ceil(image.width / 8);
    for (let y = 0; y < image.height; y += 1) {
      for (let x = 0; x < image.width; x += 1) {
        if (frame[y * rowBytes + (x >> 3)] & (0x80 >> (x & 7))) image.data.set(LIT, (y * image.width + x) * 4);
      }
    }
  },
  colours(frame, image) {
    for (let from = 0, to = 0; from < frame.length; from += 3, to += 4) {
      image.data[to] = frame[from];
      image.data[to + 1] = frame[from + 1];
      image.data[to + 2] = frame[from + 2];
      image.data[to + 3] = 255;
    }
  },
  letters(frame, image) {
    for (let i = 0; i < image.data.length; i += 4) image.data.set(LETTER_COLOURS.ground, i);
    frame.forEach((code, cell) => {
      const left = 1 + (cell % display.width) * CELL.width;
      const top = 1 + Math.floor(cell / display.width) * CELL.height;
      display.dots[code].forEach((row, y) => {
        for (let x = 0; x < 5; x += 1) {
          const colour = row & (0x10 >> x) ? LETTER_COLOURS.lit : LETTER_COLOURS.dot;
          image.data.set(colour, ((top + y) * image.width + left + x) * 4);
        }
      });
    });
  },
};

function showFrame(frame) {
  const image = new ImageData(canvas.width, canvas.height);
  PAINTERS[display.kind](frame, image);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Whole device pixels for each pixel of the panel, or some of its rows come out thicker than others; but a colour
// display has so many that they are as small as the screen's own, and is shown as large as it fits.
function fitDisplay() {
  const panel = element("panel");
  const density = window.devicePixelRatio || 1;
  const isSmall = window.innerWidth < 760 || window.innerHeight <= 500;
  const tallest = isSmall ? TALLEST_PX.narrow : TALLEST_PX.wide;
  const room = Math.min(panel.clientWidth / canvas.width, tallest / canvas.height);
  const scale = display.kind === "colours" ? room : Math.max(1, Math.floor(room * density)) / density;
  canvas.style.width = `${canvas.width * scale}px`;
  canvas.style.height = `${canvas.height * scale}px`;
  panel.style.setProperty("--width", canvas.style.width);
  panel.style.setProperty("--height", canvas.style.height);
  panel.style.setProperty("--pixel", `${scale}px`);
  panel.style.setProperty("--gap", display.kind === "colours" || scale * density < 3 ? "0px" : `${1 / density}px`);
}

// An eye sees a panel of half the power as more than half as bright; one that sleeps is dark.
function showBrightness(percent) {
  canvas.style.opacity = percent === 0 ? 0 : 0.3 + 0.7 * (percent / 100);
  element("asleep").textContent = percent === 0 ? "The display sleeps" : "";
}

// --- the cord ------------------------------------------------------------------------------------------------------

const COILS = 34;
const COIL_RADIUS_PX = 7.5;
const STEPS = 1020;

// A coil along a curve that leaves the handset downwards and reaches the socket from the left.
function cordPath(from, to) {
  const first = { x: from.x - 6, y: from.y + 150 };
  const second = { x: to.x - 110, y: to.y + 120 };
  const at = (t) => {
    const [a, b, c, d] = [(1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t ** 3];
    return [a * from.x + b * first.x + c * second.x + d * to.x, a * from.y + b * first.y + c * second.y + d * to.y];
  };
  const points = Array.from({ length: STEPS + 1 }, (_, step) => at(step / STEPS));
  const lengths = [0];
  for (let i = 1; i <= STEPS; i += 1) {
    lengths.push(lengths[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  }
  const coil = points.map(([x, y], i) => {
    const [before, after] = [points[Math.max(0, i - 1)], points[Math.min(STEPS, i + 1)]];
    const size = Math.hypot(after[0] - before[0], after[1] - before[1]) || 1;
    const [dx, dy] = [(after[0] - before[0]) / size, (after[1] - before[1]) / size];
    const along = lengths[i] / lengths[STEPS];
    const radius = COIL_RADIUS_PX * Math.min(1, along * 14, (1 - along) * 14);
    const turn = along * COILS * 2 * Math.PI;
    const [across, forth] = [Math.sin(turn) * radius, Math.cos(turn) * radius * 0.75];
    return `${(x - dy * across + dx * forth).toFixed(1)} ${(y + dx * across + dy * forth).toFixed(1)}`;
  });
  return `M${coil.join("L")}`;
}

function drawCord() {
  const cord = element("cord");
  const origin = cord.getBoundingClientRect();
  const place = (id) => {
    const { x, y } = element(id).getBoundingClientRect();
    return { x: x - origin.x, y: y - origin.y };
  };
  const path = cordPath(place("cord-end"), place("socket"));
  for (const line of cord.children) line.setAttribute("d", path);
}

let followUntil = 0;

function followHandset() {
  const isFollowing = performance.now() < followUntil;
  followUntil = performance.now() + 900;
  const follow = () => {
    drawCord();
    if (performance.now() < followUntil) requestAnimationFrame(follow);
  };
  if (!isFollowing) follow();
}

// --- the connection ------------------------------------------------------------------------------------------------

let tries = 0;
let retry = 0;

function showConnection(text) {
  element("connection").textContent = text;
  element("connection").classList.toggle("is-shown", text !== "");
  document.body.classList.toggle("is-offline", text !== "");
}

function connect() {
  window.clearTimeout(retry);
  socket = new WebSocket(`ws://${location.host}/phone`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) {
      showFrame(new Uint8Array(data));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "hello") {
      tries = 0;
      drawPhone(message);
      showConnection("");
    } else if (message.type === "display") {
      showDisplay(message);
    } else if (message.type === "state") {
      showState(message);
    } else if (message.type === "journal") {
      showJournal(message.lines);
    }
  });
  socket.addEventListener("close", () => {
    held.clear();
    wantedOffHook = null;
    const nothing = {
      indicator: "off", ringing: false, keys_down: [], text: "", brightness_percent: 100, is_writing: false,
    };
    showState({ off_hook: offHook, ...nothing });
    showConnection("Connection lost. Reconnecting…");
    const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** tries);
    tries += 1;
    retry = window.setTimeout(connect, longest * (0.5 + Math.random() / 2));
  });
}

function connectNow() {
  if (document.visibilityState === "visible" && socket.readyState === WebSocket.CLOSED) connect();
}

// --- fingers -------------------------------------------------------------------------------------------------------

const keyOf = (event) => event.target.closest?.("[data-key]")?.dataset.key;

keypad.addEventListener("pointerdown", (event) => {
  const key = keyOf(event);
  if (key === undefined || event.button !== 0) return;
  event.target.closest("[data-key]").setPointerCapture(event.pointerId);
  hold(`pointer ${event.pointerId}`, key);
});
for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
  keypad.addEventListener(type, (event) => release(`pointer ${event.pointerId}`));
}
// A clicked key must not take the focus: Enter would then press it again instead of OK.
phone.addEventListener("mousedown", (event) => event.preventDefault());
phone.addEventListener("contextmenu", (event) => event.preventDefault());
// Assistive technology clicks without a pointer (detail is 0) and without keys (which are handled below).
keypad.addEventListener("click", (event) => {
  const key = keyOf(event);
  if (key === undefined || event.detail !== 0) return;
  hold("click", key);
  release("click");
});
hook.addEventListener("click", toggleHook);

element("choices").addEventListener("change", ({ target }) => {
  send({ type: "display", family: target.value });
});
element("stick").addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (file === undefined) return;
  const note = element("stick-note");
  note.textContent = "Plugging it in…";
  try {
    const answer = await fetch("stick", { method: "POST", body: file });
    note.textContent = answer.ok ? `${file.name} is in.` : await answer.text();
  } catch {
    note.textContent = "The phone is not there. Try again.";
  }
  // The same file may be plugged in again.
  target.value = "";
  target.blur();
});
// Each letter goes out as it is written, and what changes as backspaces and what comes in their place.
function sendLetters() {
  const [before, now] = [[...written], [...element("letters").value]];
  let same = 0;
  while (same < before.length && before[same] === now[same]) same += 1;
  const text = "\b".repeat(before.length - same) + now.slice(same).join("");
  written = element("letters").value;
  for (let from = 0; from < text.length; from += LETTERS_AT_ONCE) {
    send({ type: "typed", text: text.slice(from, from + LETTERS_AT_ONCE) });
  }
}
element("letters").addEventListener("input", (event) => {
  if (!event.isComposing) sendLetters();
});
element("letters").addEventListener("compositionend", sendLetters);
element("letters").addEventListener("keydown", (event) => {
  if (event.isComposing || event.key !== "Enter") return;
  send({ type: "typed", text: "\n" });
  written = element("letters").value = "";
});
// Who clicks a choice goes on dialling; who came to it by keyboard stays there.
element("choices").addEventListener("click", ({ target }) => {
  if (target.matches("input") && !target.matches(":focus-visible")) target.blur();
});

element("characters").addEventListener("change", showShortcuts);
element("characters").addEventListener("click", ({ target }) => {
  if (!target.matches(":focus-visible")) target.blur();
});

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === element("letters") && event.key !== "Escape") return;
  if (OWN_KEYS.has(event.key) && event.target.closest?.(".beside")) return;
  const presses = event.key === "Enter" || event.key === " ";
  if (presses && event.target === hook) return;
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!mayPress(typed)) return;
  const focused = presses ? keyOf(event) : undefined;
  const key = focused ?? shortcuts.get(typed);
  if (key !== undefined) {
    event.preventDefault();
    // The code names the physical key: "#" comes up as "3" when shift is let go first.
    if (!event.repeat) hold(event.code || event.key, key);
  } else if (HOOK_SHORTCUTS.has(typed)) {
    event.preventDefault();
    if (!event.repeat) toggleHook();
  }
});
window.addEventListener("keyup", (event) => {
  if (held.has(event.code || event.key)) event.preventDefault();
  release(event.code || event.key);
});
window.addEventListener("blur", releaseAll);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") releaseAll();
  else connectNow();
});
window.addEventListener("online", connectNow);
window.addEventListener("resize", fitDisplay);
// The phone grows and shrinks with its display, and the cord hangs on it.
new ResizeObserver(drawCord).observe(phone);

showConnection("Connecting…");
connect();
followHandset();
