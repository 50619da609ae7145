// What people call handsets, as the collector's table has it. Pure.

/**
 * @typedef {{
 *   fleet: string | null, device: string, serial: string, label: string, place: string, heard: boolean,
 * }} Named fleet: null where nobody knows.
 * @typedef {{fleet: string, device: string}} OfDevice
 */

/** Letters without their case and their signs, by which "muller" finds "Müller". @param {string} text */
export const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class Names {
  /** @type {Named[]} */
  rows = [];
  /** When the table could be read last, null: never. @type {string | null} */
  readAt = null;
  /** Whether the table that is there now cannot be used, so that these are older. */
  isBroken = false;
  /** @type {Map<string, {named: Named, words: string}>} */
  #known = new Map();
  #told = "";

  /**
   * Take in the API's answer.
   * @param {{rows: Named[], read_at: string | null, broken: boolean}} answer
   * @returns {boolean} whether it says something else than the one before.
   */
  load(answer) {
    const told = JSON.stringify(answer);
    if (told === this.#told) return false;
    this.#told = told;
    this.rows = answer.rows;
    this.readAt = answer.read_at;
    this.isBroken = answer.broken;
    this.#known = new Map(
      answer.rows.map((named) => {
        const { fleet, device, label, place, serial } = named;
        return [`${fleet ?? ""}/${device}`, { named, words: folded(`${label}\n${place}\n${serial}`) }];
      }),
    );
    return true;
  }

  /** @param {OfDevice} one */
  #entry = (one) => this.#known.get(`${one.fleet}/${one.device}`) ?? this.#known.get(`/${one.device}`);

  /** @param {OfDevice} one @returns {Named | undefined} */
  of = (one) => this.#entry(one)?.named;

  /** Where a handset is, "" where nobody says. @param {OfDevice} one */
  placeOf = (one) => this.of(one)?.place ?? "";

  /** A handset's id, and its label beside it. @param {OfDevice} one */
  wordsOf(one) {
    const label = this.of(one)?.label ?? "";
    return label === "" ? one.device : `${one.device} · ${label}`;
  }

  /**
   * Whether what somebody looks for stands in a handset's id, label, place or serial.
   * @param {OfDevice} one
   * @param {string} query as `folded` gives it.
   */
  match = (one, query) =>
    query === "" || one.device.includes(query) || (this.#entry(one)?.words.includes(query) ?? false);
}
