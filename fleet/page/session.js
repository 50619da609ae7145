// Who has logged in, and every request to the collector's API. User and password are in this object and nowhere else.

const TIMEOUT_MS = 20_000;
/** Rows that are taken of a route at most. */
const MOST_ROWS = 200_000;

/**
 * Why something was not answered: not "ended" when logging in; "gone" or "ended" later.
 * @typedef {"wrong" | "unnamed" | "many" | "gone" | "unchecked" | "ended"} Reason
 */
/** @type {Record<number, Reason>} by the status of an answer to a log-in. */
const REFUSALS = { 401: "wrong", 403: "unnamed", 422: "wrong", 429: "many", 503: "unchecked" };

export class Refusal extends Error {
  /** @param {Reason} reason */
  constructor(reason) {
    super(reason);
    this.name = "Refusal";
    this.reason = reason;
  }
}

export class Session {
  #user = "";
  #password = "";
  #token = "";
  /** @type {Promise<void> | null} */
  #renewal = null;
  /** @type {string[] | null} the fleets that this user may see; null: all. */
  fleets = null;
  /** When another token was asked for last, milliseconds: the broker takes that for this user coming in anew. */
  renewedAt = 0;

  /** What the broker is shown. */
  get credentials() {
    return { username: this.#user, password: this.#password };
  }

  /**
   * @param {string} user
   * @param {string} password
   * @throws {Refusal}
   */
  async logIn(user, password) {
    const answer = await ask("session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user, password }),
    });
    if (!answer.ok) throw new Refusal(REFUSALS[answer.status] ?? "gone");
    const { token, fleets } = await bodyOf(answer);
    this.fleets = fleets;
    this.#user = user;
    this.#password = password;
    this.#token = token;
  }

  /**
   * Read one answer of the API; where the token has ended, another one is asked for once.
   * @param {string} path
   * @param {Record<string, string | number | string[] | undefined>} parameters empty ones are left out.
   * @returns {Promise<any>}
   * @throws {Refusal}
   */
  async get(path, parameters = {}) {
    let answer = await this.#get(path, parameters);
    if (answer.status === 401) {
      await this.#renew();
      answer = await this.#get(path, parameters);
      if (answer.status === 401) throw new Refusal("ended");
    }
    if (!answer.ok) throw new Refusal("gone");
    return bodyOf(answer);
  }

  /**
   * All rows of a route, page by page.
   * @param {string} path
   * @param {Record<string, string | number | string[] | undefined>} parameters
   * @param {(rows: any[]) => void} take
   */
  async all(path, parameters, take) {
    let after;
    let count = 0;
    do {
      const page = await this.get(path, { limit: 5000, ...parameters, after });
      take(page.rows);
      count += page.rows.length;
      after = page.next ?? undefined;
    } while (after !== undefined && count < MOST_ROWS);
  }

  async logOut() {
    const headers = { Authorization: `Bearer ${this.#token}` };
    this.#user = this.#password = this.#token = "";
    await ask("session", { method: "DELETE", headers }).catch(() => undefined);
  }

  /** @param {string} path @param {Record<string, string | number | string[] | undefined>} parameters */
  #get(path, parameters) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined && each !== "") query.append(name, String(each));
      }
    }
    return ask(`${path}?${query}`, { headers: { Authorization: `Bearer ${this.#token}` } });
  }

  /** Several questions may find at once that the token has ended; one log-in serves all of them. */
  #renew() {
    if (this.#renewal === null) this.renewedAt = Date.now();
    this.#renewal ??= this.logIn(this.#user, this.#password)
      .catch((error) => {
        throw new Refusal(error.reason === "wrong" || error.reason === "unnamed" ? "ended" : "gone");
      })
      .finally(() => {
        this.#renewal = null;
      });
    return this.#renewal;
  }
}

/** @returns {Promise<{websocket: string | null, languages: ("en" | "zh")[], time_zone: string}>} */
export async function settings() {
  const answer = await ask("settings", {});
  if (!answer.ok) throw new Refusal("gone");
  return bodyOf(answer);
}

/** What an answer says; one that breaks off is none. @param {Response} answer @returns {Promise<any>} */
async function bodyOf(answer) {
  try {
    return await answer.json();
  } catch {
    throw new Refusal("gone");
  }
}

/** @param {string} path @param {RequestInit} request */
async function ask(path, request) {
  try {
    return await fetch(`api/v1/${path}`, {
      ...request,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new Refusal("gone");
  }
}
