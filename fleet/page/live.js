// What is live: one answer of the collector's that goes on, taken up again where it was cut off.

import { EventReader } from "./events.js";
import { Refusal } from "./session.js";

/** @typedef {"connecting" | "on" | "lost"} LiveState */
/** @typedef {"collector" | "broker" | "many"} Missing what is not there while it is lost. */
/** @typedef {{topic: string, payload: string, retained: boolean}} Raw */

const RETRY_MS = 2_000;
/** The collector says something every fifteen seconds. */
const SILENCE_MS = 45_000;

export class Live {
  /**
   * @param {import("./session.js").Session} session
   * @param {{message: (raw: Raw) => void, anew: () => void, state: (state: LiveState) => void, ended: () => void}} on
   *   anew: what was said before counts no more, and a picture of what holds now follows.
   */
  constructor(session, on) {
    this.session = session;
    this.on = on;
    /** @type {LiveState} */
    this.state = "connecting";
    /** @type {Missing} */
    this.missing = "collector";
    this.lastId = "";
    this.isStopped = false;
    this.cut = new AbortController();
    /** Goes on once somebody sees the page. */
    this.seen = () => {};
  }

  start() {
    // A browser holds six connections to one address: a page that nobody sees leaves them to the others.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.cut.abort() : this.seen()));
    void this.#follow();
  }

  stop() {
    this.isStopped = true;
    this.cut.abort();
  }

  async #follow() {
    while (!this.isStopped) {
      if (document.hidden) await new Promise((resolve) => (this.seen = () => resolve(undefined)));
      this.cut = new AbortController();
      let isFull = false;
      try {
        await this.#listen();
      } catch (error) {
        if (error instanceof Refusal && error.reason === "ended") return this.on.ended();
        isFull = error instanceof Refusal && error.reason === "many";
      }
      if (this.isStopped || document.hidden) continue;
      this.#become("lost", isFull ? "many" : "collector");
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }

  /** Take in events until there are no more. */
  async #listen() {
    const { cut } = this;
    let silence = setTimeout(() => cut.abort(), SILENCE_MS);
    try {
      const answer = await this.session.follow("live", this.lastId, cut.signal);
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      const events = new EventReader();
      for (;;) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done || value === undefined) return;
        clearTimeout(silence);
        silence = setTimeout(() => cut.abort(), SILENCE_MS);
        for (const event of events.read(value)) this.#take(event);
      }
    } finally {
      clearTimeout(silence);
    }
  }

  /** @param {import("./events.js").Event} event */
  #take({ name, id, data }) {
    if (id !== null) this.lastId = id;
    if (name === "message") this.on.message(JSON.parse(data));
    else if (name === "anew") this.on.anew();
    else if (name === "broker") this.#become(data === "on" ? "on" : "lost", "broker");
  }

  /** @param {LiveState} state @param {Missing} missing */
  #become(state, missing) {
    if (this.state === state && (state === "on" || this.missing === missing)) return;
    this.state = state;
    this.missing = missing;
    this.on.state(state);
  }
}
