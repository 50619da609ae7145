// What handsets and operators say, read with care: a message that is not as it should be is no message. Pure.

/**
 * @typedef {"online" | "no_line" | "offline"} Said
 * @typedef {{purpose: string, granted: boolean, since: string | null}} Answer
 * @typedef {{number: number, epoch?: number | null, kind: string, due: string | null, state: string, objected?: boolean}} Request
 * @typedef {{epoch: number, first: number, last: number}} Range
 * @typedef {{
 *   epoch: number, seq: number, id: string, direction: string, number: string | null, started_at: string,
 *   answered_at: string | null, ended_at: string | null, result: string, sip_code: number,
 * }} CallRecord
 * @typedef {{fleet: string, device: string} & (
 *   {kind: "status", state: Said, retained: boolean} |
 *   {kind: "calls", records: CallRecord[]} |
 *   {kind: "consent", purposes: Answer[], policy: string, intact: boolean, requests: Request[]} |
 *   {kind: "no-consent"} |
 *   {kind: "erasure", epoch: number, seq: number, reason: string, cancelled: boolean, ranges: Range[]} |
 *   {kind: "outcome", message: string, code: string}
 * ) | {kind: "publication", fleet: string, message: string, about: string, name: string, at: string}} Message
 */

/** @typedef {(value: any) => boolean} Rule */

/** @type {Rule} */
const isNumber = Number.isSafeInteger;
/** @type {Rule} */
const isText = (value) => typeof value === "string" && value.length <= 256;
/** @type {Rule} */
const isFlag = (value) => typeof value === "boolean";
/** @type {Rule} */
const isMoment = (value) => isText(value) && !Number.isNaN(Date.parse(value));
/** @param {Rule} is @returns {Rule} */
const orNull = (is) => (value) => value === null || is(value);
/** @param {Record<string, Rule>} rules @returns {Rule} that something has each of these, as its rule says. */
const having = (rules) => (value) =>
  value !== null && typeof value === "object" && Object.entries(rules).every(([name, is]) => is(value[name]));
/** @param {Record<string, Rule>} rules @returns {Rule} */
const listOf = (rules) => (value) => Array.isArray(value) && value.every(having(rules));

/** Whether a handset can say this of itself. @param {any} value @returns {value is Said} */
export const isSaid = (value) => value === "online" || value === "no_line" || value === "offline";

/** What a message of each topic has. */
const RULES = new Map([
  ["status", having({ state: isSaid })],
  [
    "cdr",
    having({
      records: listOf({
        epoch: isNumber,
        seq: isNumber,
        id: isText,
        direction: isText,
        number: orNull(isText),
        started_at: isMoment,
        answered_at: orNull(isMoment),
        ended_at: orNull(isMoment),
        result: isText,
        sip_code: isNumber,
      }),
    }),
  ],
  [
    "consent",
    having({
      purposes: listOf({ purpose: isText, granted: isFlag, since: orNull(isMoment) }),
      requests: (value) =>
        listOf({ number: isNumber, kind: isText, due: orNull(isMoment), state: isText })(value ?? []),
      policy_version: isText,
      ledger_intact: isFlag,
    }),
  ],
  [
    "erasure",
    having({
      epoch: isNumber,
      seq: isNumber,
      reason: isText,
      cancelled: isFlag,
      records: listOf({ epoch: isNumber, first: isNumber, last: isNumber }),
    }),
  ],
  ["outcome", having({ message: isText, code: isText })],
]);
const isPublication = having({ kind: isText, name: isText, published_at: isMoment });

/**
 * Read one message; null where it is none of ours.
 * @param {string} topic
 * @param {string} payload
 * @param {boolean} retained whether it was said before we came.
 * @returns {Message | null}
 */
export function read(topic, payload, retained) {
  const [root, version, fleet, device, level] = topic.split("/");
  if (version !== "v1" || !fleet || !device || !level) return null;
  if (payload.length === 0)
    return root === "wecall" && level === "consent" ? { kind: "no-consent", fleet, device } : null;
  let body;
  try {
    body = JSON.parse(payload);
  } catch {
    return null;
  }
  if (root === "wecall-fleet") {
    const isSound = device === "publication" && isPublication(body) && body.message === level;
    return isSound
      ? { kind: "publication", fleet, message: level, about: body.kind, name: body.name, at: body.published_at }
      : null;
  }
  if (root !== "wecall" || !RULES.get(level)?.(body)) return null;
  // A handset speaks of itself alone.
  const about = level === "cdr" ? body.records : level === "status" ? [] : [body];
  if (about.some((/** @type {any} */ one) => one.device !== device)) return null;
  switch (level) {
    case "status":
      return { kind: "status", fleet, device, state: body.state, retained };
    case "cdr":
      return { kind: "calls", fleet, device, records: body.records };
    case "consent": {
      const { purposes, requests, policy_version: policy, ledger_intact: intact } = body;
      return { kind: "consent", fleet, device, requests: requests ?? [], purposes, policy, intact };
    }
    case "erasure": {
      const { epoch, seq, reason, cancelled, records: ranges } = body;
      return { kind: "erasure", fleet, device, epoch, seq, reason, cancelled, ranges };
    }
    default:
      return { kind: "outcome", fleet, device, message: body.message, code: body.code };
  }
}
