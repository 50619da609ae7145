// The page's side of the simulated phone. The simulator owns the state; this page draws it and reports fingers.

const FUNCTIONS = {
  ok: { label: "OK", shortcuts: ["Enter"] },
  cancel: { label: "Cancel", shortcuts: ["Escape", "Backspace"] },
  redial: { label: "Redial", shortcuts: ["r"] },
  menu: { label: "Menu", shortcuts: ["u"] },
  mute: { label: "Mute", shortcuts: ["m"] },
  hold: { label: "Hold", shortcuts: ["h"] },
  volume_up: { label: "Volume up", caption: "Volume", shortcuts: ["ArrowUp"] },
  volume_down: { label: "Volume down", caption: "Volume", shortcuts: ["ArrowDown"] },
  transfer: { label: "Transfer", shortcuts: ["t"] },
  conference: { label: "Conference", caption: "Confer", shortcuts: ["c"] },
  speaker: { label: "Speaker", shortcuts: ["s"] },
  voicemail: { label: "Voicemail", caption: "Mailbox", shortcuts: ["v"] },
  do_not_disturb: { label: "Do not disturb", caption: "Quiet", shortcuts: ["d"] },
};
const LETTERS = {
  1: "", 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", "*": "", 0: "+", "#": "",
};
const SPOKEN = { "*": "Star", "#": "Hash" };
const INDICATOR = { off: "off", on: "on", slow_blink: "blinking slowly", fast_blink: "blinking fast" };
const HOOK_SHORTCUTS = new Set([" ", "l"]);
const LIT = [226, 244, 255];
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

function drawKey(name) {
  const button = document.createElement("button");
  const details = FUNCTIONS[name];
  const letters = LETTERS[name];
  button.type = "button";
  button.dataset.key = name;
  button.className = `key ${letters === undefined ? "key-function" : "key-digit"}`;
  const main = document.createElement("span");
  const sub = document.createElement("span");
  main.className = "key-main";
  sub.className = "key-sub";
  if (details) {
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `#icon-${name}`);
    icon.setAttribute("aria-hidden", "true");
    icon.append(use);
    main.append(icon);
    sub.textContent = details.caption ?? details.label;
    button.setAttribute("aria-label", details.label);
  } else {
    main.textContent = name === "*" ? "∗" : name;
    sub.textContent = letters ?? "";
    button.setAttribute("aria-label", [SPOKEN[name] ?? name, letters].filter(Boolean).join(" "));
  }
  const keys = details?.shortcuts ?? [name];
  button.setAttribute("aria-keyshortcuts", keys.join(" "));
  // The space keeps what is seen ("2 ABC") within the name, as those who operate the page by voice need it.
  button.append(main, " ", sub);
  for (const shortcut of keys) shortcuts.set(shortcut, name);
  return button;
}

function drawPhone({ keys, width_px: width, height_px: height }) {
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
  canvas.width = width;
  canvas.height = height;
  canvas.setAttribute("aria-label", `The phone's display, ${width} by ${height} pixels`);
  fitDisplay();
}

function showKeys() {
  const mine = new Set(held.values());
  for (const [name, button] of buttons) button.classList.toggle("is-down", keysDown.has(name) || mine.has(name));
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
  element("indicator").dataset.pattern = state.indicator;
  element("indicator").setAttribute("aria-label", `Status light: ${INDICATOR[state.indicator] ?? state.indicator}`);
}

function showFrame(packed) {
  const { width, height } = canvas;
  const rowBytes = Math.ceil(width / 8);
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (packed[y * rowBytes + (x >> 3)] & (0x80 >> (x & 7))) image.data.set([...LIT, 255], (y * width + x) * 4);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Whole device pixels for each pixel of the panel, or some of its rows come out thicker than others.
function fitDisplay() {
  const panel = element("panel");
  const density = window.devicePixelRatio || 1;
  const scale = Math.max(1, Math.floor((panel.clientWidth * density) / canvas.width)) / density;
  canvas.style.width = `${canvas.width * scale}px`;
  canvas.style.height = `${canvas.height * scale}px`;
  panel.style.setProperty("--width", canvas.style.width);
  panel.style.setProperty("--height", canvas.style.height);
  panel.style.setProperty("--pixel", `${scale}px`);
  panel.style.setProperty("--gap", scale * density < 3 ? "0px" : `${1 / density}px`);
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
    } else if (message.type === "state") {
      showState(message);
    }
  });
  socket.addEventListener("close", () => {
    held.clear();
    wantedOffHook = null;
    showState({ off_hook: offHook, indicator: "off", ringing: false, keys_down: [] });
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

window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const presses = event.key === "Enter" || event.key === " ";
  if (presses && event.target === hook) return;
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
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
window.addEventListener("resize", () => {
  fitDisplay();
  drawCord();
});

showConnection("Connecting…");
connect();
followHandset();
