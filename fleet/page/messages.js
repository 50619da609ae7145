// What comes from the broker, read with care: a message that is not as it should be is no message. Pure.

/**
 * @typedef {{purpose: string, granted: boolean, since: string | null}} Answer
 * @typedef {{number: number, epoch?: number | null, kind: string, due: string | null, state: string, objected?: boolean}} Request
 * @typedef {{epoch: number, first: number, last: number}} Range
 * @typedef {{
 *   epoch: number, seq: number, id: string, direction: string, number: string | null, started_at: string,
 *   answered_at: string | null, ended_at: string | null, result: string, sip_code: number,
 * }} CallRecord
 * @typedef {{fleet: string, device: string} & (
 *   {kind: "status", state: "online" | "offline", retained: boolean} |
 *   {kind: "calls", records: CallRecord[]} |
 *   {kind: "consent", purposes: Answer[], policy: string, intact: boolean, requests: Request[]} |
 *   {kind: "no-consent"} |
 *   {kind: "erasure", epoch: number, seq: number, reason: string, cancelled: boolean, ranges: Range[]} |
 *   {kind: "outcome", message: string, code: string}
 * ) | {kind: "publication", fleet: string, message: string, about: string, name: string, at: string}} Message
 */

export const TOPICS = [
  "wecall/v1/+/+/status",
  "wecall/v1/+/+/consent",
  "wecall/v1/+/+/erasure",
  "wecall/v1/+/+/cdr",
  "wecall/v1/+/+/outcome",
  "wecall-fleet/v1/+/publication/+",
];

const DECODER = new TextDecoder();

/** @param {unknown} value @returns {value is number} */
const isNumber = (value) => typeof value === "number" && Number.isSafeInteger(value);
/** @param {unknown} value @returns {value is string} */
const isText = (value) => typeof value === "string" && value.length <= 256;
/** @param {unknown} value @returns {value is string | null} */
const isTextOrNull = (value) => value === null || isText(value);
/** @param {unknown} value @returns {value is string} */
const isMoment = (value) => isText(value) && !Number.isNaN(Date.parse(value));
/** @param {unknown} value */
const isMomentOrNull = (value) => value === null || isMoment(value);

/**
 * Read one message; null where it is none of ours.
 * @param {string} topic
 * @param {Uint8Array} payload
 * @param {boolean} retained whether the broker had it before we came.
 * @returns {Message | null}
 */
export function read(topic, payload, retained) {
  const [root, version, fleet, third, fourth] = topic.split("/");
  if (version !== "v1" || !fleet || !third || !fourth) return null;
  if (payload.length === 0) {
    return root === "wecall" && fourth === "consent" ? { kind: "no-consent", fleet, device: third } : null;
  }
  let body;
  try {
    body = JSON.parse(DECODER.decode(payload));
  } catch {
    return null;
  }
  if (body === null || typeof body !== "object") return null;
  if (root === "wecall-fleet") return third === "publication" ? publication(fleet, fourth, body) : null;
  if (root !== "wecall") return null;
  const device = third;
  if (fourth !== "status" && fourth !== "cdr" && body.device !== device) return null;
  switch (fourth) {
    case "status":
      return body.state === "online" || body.state === "offline"
        ? { kind: "status", fleet, device, state: body.state, retained }
        : null;
    case "cdr":
      return Array.isArray(body.records) && body.records.every((/** @type {any} */ record) => isCall(record, device))
        ? { kind: "calls", fleet, device, records: body.records }
        : null;
    case "consent":
      return consent(fleet, device, body);
    case "erasure":
      return erasure(fleet, device, body);
    case "outcome":
      return isText(body.message) && isText(body.code)
        ? { kind: "outcome", fleet, device, message: body.message, code: body.code }
        : null;
    default:
      return null;
  }
}

/** @param {any} record @param {string} device */
function isCall(record, device) {
  return (
    record !== null &&
    typeof record === "object" &&
    record.device === device &&
    isNumber(record.epoch) &&
    isNumber(record.seq) &&
    isText(record.id) &&
    isText(record.direction) &&
    isTextOrNull(record.number) &&
    isMoment(record.started_at) &&
    isMomentOrNull(record.answered_at) &&
    isMomentOrNull(record.ended_at) &&
    isText(record.result) &&
    isNumber(record.sip_code)
  );
}

/** @param {string} fleet @param {string} device @param {any} body @returns {Message | null} */
function consent(fleet, device, body) {
  const requests = body.requests ?? [];
  const sound =
    Array.isArray(body.purposes) &&
    body.purposes.every(
      (/** @type {any} */ one) => isText(one?.purpose) && typeof one.granted === "boolean" && isMomentOrNull(one.since),
    ) &&
    Array.isArray(requests) &&
    requests.every(
      (/** @type {any} */ one) => isNumber(one?.number) && isText(one.kind) && isMomentOrNull(one.due) && isText(one.state),
    ) &&
    isText(body.policy_version) &&
    typeof body.ledger_intact === "boolean";
  if (!sound) return null;
  return {
    kind: "consent",
    fleet,
    device,
    requests,
    purposes: body.purposes,
    policy: body.policy_version,
    intact: body.ledger_intact,
  };
}

/** @param {string} fleet @param {string} device @param {any} body @returns {Message | null} */
function erasure(fleet, device, body) {
  const sound =
    isNumber(body.epoch) &&
    isNumber(body.seq) &&
    isText(body.reason) &&
    typeof body.cancelled === "boolean" &&
    Array.isArray(body.records) &&
    body.records.every((/** @type {any} */ one) => isNumber(one?.epoch) && isNumber(one.first) && isNumber(one.last));
  if (!sound) return null;
  return {
    kind: "erasure",
    fleet,
    device,
    epoch: body.epoch,
    seq: body.seq,
    reason: body.reason,
    cancelled: body.cancelled,
    ranges: body.records,
  };
}

/** @param {string} fleet @param {string} message @param {any} body @returns {Message | null} */
function publication(fleet, message, body) {
  if (!isText(body.kind) || !isText(body.name) || body.message !== message || !isMoment(body.published_at)) return null;
  return { kind: "publication", fleet, message, about: body.kind, name: body.name, at: body.published_at };
}
