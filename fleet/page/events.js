// Server-sent events (WHATWG HTML, section 9.2.6) out of the text of an answer, as our collector writes them. Pure.

/** @typedef {{name: string, id: string | null, data: string}} Event */

/** The longest event: a message and its topic; what is longer is none of ours. */
const MOST = 1 << 20;

export class EventReader {
  #text = "";

  /**
   * Take in what came; what is whole of it is returned, and the rest waits for more.
   * @param {string} text
   * @returns {Event[]}
   * @throws {Error} it is no stream of events.
   */
  read(text) {
    const [...parts] = (this.#text + text).split("\n\n");
    this.#text = parts.pop() ?? "";
    if (this.#text.length > MOST) throw new Error("This is no stream of events.");
    return parts.map(eventOf);
  }
}

/** @param {string} text @returns {Event} */
function eventOf(text) {
  /** @type {Event} */
  const event = { name: "message", id: null, data: "" };
  for (const line of text.split("\n")) {
    const [field, value = ""] = line.split(/: ?(.*)/);
    if (field === "event") event.name = value;
    else if (field === "id") event.id = value;
    else if (field === "data") event.data += value;
    // A comment, which says that the connection stands.
    else if (field === "") event.name = "";
  }
  return event;
}
