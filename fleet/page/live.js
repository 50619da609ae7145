// The websocket to the broker: keeps it, and hands on what comes in the order in which it came.

import mqtt from "./vendor/mqtt.js";
import { TOPICS } from "./messages.js";

/** @typedef {"connecting" | "on" | "lost" | "taken" | "refused" | "none"} LiveState */
/** @typedef {{topic: string, payload: Uint8Array, retained: boolean}} Raw */

const RETRY_MS = 2_000;
const TAKEN_OVER = 0x8e;
/** Reason codes of CONNACK by which the broker says who may not come in. */
const REFUSED = new Set([0x84, 0x86, 0x87, 0x8a]);

export class Live {
  /**
   * @param {string | null} address null where the collector knows none.
   * @param {() => {username: string, password: string}} credentials
   * @param {{message: (raw: Raw) => void, state: (state: LiveState) => void}} on
   */
  constructor(address, credentials, on) {
    this.address = address;
    this.credentials = credentials;
    this.on = on;
    /** @type {LiveState} */
    this.state = address === null ? "none" : "connecting";
    /** @type {any} */
    this.client = null;
  }

  start() {
    if (this.address === null) return;
    const client = mqtt.connect(this.address, {
      ...this.credentials(),
      clientId: this.credentials().username,
      protocolVersion: 5,
      clean: true,
      // A browser wakes a page that nobody sees once a minute: with less the broker would take it for dead.
      keepalive: 120,
      reconnectPeriod: RETRY_MS,
      connectTimeout: 10_000,
      // Timers in a worker would need a worker, which the policy forbids.
      timerVariant: "native",
      properties: { receiveMaximum: 1000 },
    });
    this.client = client;
    client.on("connect", () => {
      this.#become("on");
      client.subscribe(TOPICS, { qos: 1 }, () => undefined);
    });
    client.on(
      "message",
      (/** @type {string} */ topic, /** @type {Uint8Array} */ payload, /** @type {any} */ packet) => {
        this.on.message({ topic, payload, retained: packet.retain });
      },
    );
    client.on("disconnect", (/** @type {any} */ packet) => {
      // The broker speaks to one of a name at a time: to come back by itself would throw the other one out.
      if (packet.reasonCode === TAKEN_OVER) this.#end("taken");
    });
    client.on("error", (/** @type {any} */ error) => {
      if (REFUSED.has(error.code)) this.#end("refused");
    });
    client.on("close", () => {
      if (this.client === client) this.#become("lost");
    });
  }

  /** Take the place back that another page of the same user took. */
  takeBack() {
    this.#become("connecting");
    this.start();
  }

  stop() {
    this.#end("lost");
  }

  /** @param {LiveState} state */
  #end(state) {
    const client = this.client;
    this.client = null;
    client?.end(true);
    this.#become(state);
  }

  /** @param {LiveState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.on.state(state);
  }
}
